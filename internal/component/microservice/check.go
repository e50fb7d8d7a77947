package microservice

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/value"
)

var (
	portName       = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	hostName       = regexp.MustCompile(`^[a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?(\.[a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?)+$`)
	address        = regexp.MustCompile(`\.[0-9]+$`) // AWS takes no host that ends in a number
	pathPattern    = regexp.MustCompile(`^/[A-Za-z0-9_.$/~"'@:+&*?-]*$`)
	certificateARN = regexp.MustCompile(`^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-z0-9-]+$`)
)

// Limits of AWS on listener rules and health checks.
const (
	maxConditions  = 5   // hosts and paths of one rule
	maxPath        = 128 // characters
	maxPriority    = 999 // explicit ones; those by specificity come after
	minInterval    = 5 * time.Second
	maxInterval    = 300 * time.Second
	maxHealthCheck = 1024 // characters of a path
)

func check(in component.Instance, s *Spec) []value.Problem {
	least, _ := s.scaling().Limits()
	problems := s.Spec.Check(in, least)
	problems = append(problems, s.checkPorts()...)
	problems = append(problems, s.scaling().Check(false)...)
	if s.Scaling != nil && s.Scaling.RequestsPerTarget != 0 {
		path := []string{"scaling", "requestsPerTarget"}
		switch {
		case s.Scaling.RequestsPerTarget < 0:
			problems = append(problems, component.Invalid(path, "must be at least 1"))
		case s.Ingress == nil:
			problems = append(problems, component.Invalid(path, "the load balancer counts the requests, and without ingress none comes that way").RestsOn("ingress"))
		case !s.Scaling.Automatic():
			problems = append(problems, component.Invalid(path, "has no effect without room to scale: set max above min"))
		}
	}
	problems = append(problems, s.checkHealth()...)
	return append(problems, s.checkIngress()...)
}

func (s *Spec) checkPorts() []value.Problem {
	if len(s.Ports) == 0 {
		return []value.Problem{component.Invalid([]string{"ports"}, "is empty; something that listens on no port is a Worker")}
	}
	var problems []value.Problem
	names, ports := map[string]bool{}, map[int]bool{}
	for i, p := range s.Ports {
		path := []string{"ports", strconv.Itoa(i)}
		switch {
		case !portName.MatchString(p.Name):
			problems = append(problems, component.Invalid(append(path, "name"), "%q cannot be the name of a port: lower case letters, digits and -, at most 31", p.Name))
		case names[p.Name]:
			problems = append(problems, component.Invalid(append(path, "name"), "there are two ports named %q", p.Name))
		}
		switch {
		case p.Port < 1 || p.Port > 65535:
			problems = append(problems, component.Invalid(append(path, "port"), "must be from 1 to 65535"))
		case ports[p.Port]:
			problems = append(problems, component.Invalid(append(path, "port"), "port %d is there twice", p.Port))
		}
		names[p.Name], ports[p.Port] = true, true
	}
	return problems
}

func (s *Spec) checkHealth() []value.Problem {
	h := s.HealthCheck
	if h == nil {
		return nil
	}
	var problems []value.Problem
	at := func(key string) []string { return []string{"healthCheck", key} }
	if h.Path != "" && (!strings.HasPrefix(h.Path, "/") || len(h.Path) > maxHealthCheck) {
		problems = append(problems, component.Invalid(at("path"), "must begin with / and have at most %d characters", maxHealthCheck))
	}
	if h.Port != 0 && !slices.ContainsFunc(s.Ports, func(p Port) bool { return p.Port == h.Port }) {
		var all []string
		for _, p := range s.Ports {
			all = append(all, strconv.Itoa(p.Port))
		}
		problems = append(problems, component.Invalid(at("port"), "the container does not listen on %d; its ports are %s", h.Port, strings.Join(all, ", ")).RestsOn("ports"))
	}
	if t := time.Duration(h.Interval); t != 0 && (t < minInterval || t > maxInterval || t%time.Second != 0) {
		problems = append(problems, component.Invalid(at("interval"), "must be from 5s to 300s, in whole seconds"))
	}
	if s.Ingress == nil {
		const unused = "the load balancer does this check, and without ingress there is none; healthCheck.command checks inside the container"
		if h.Path != "" {
			problems = append(problems, component.Invalid(at("path"), unused).RestsOn("ingress"))
		}
		if h.Port != 0 {
			problems = append(problems, component.Invalid(at("port"), unused).RestsOn("ingress"))
		}
	}
	return problems
}

func (s *Spec) checkIngress() []value.Problem {
	g := s.Ingress
	if g == nil {
		return nil
	}
	var problems []value.Problem
	at := func(keys ...string) []string { return append([]string{"ingress"}, keys...) }
	checkHost := func(path []string, host string) {
		if len(host) > 128 || !hostName.MatchString(host) || address.MatchString(host) {
			problems = append(problems, component.Invalid(path, "%q is not a host name such as api.example.com (lower case, without scheme, port or path)", host))
		}
	}
	if g.Host != "" {
		checkHost(at("host"), g.Host)
	}
	for i, host := range g.Hosts {
		path := at("hosts", strconv.Itoa(i))
		checkHost(path, host)
		if host == g.Host || slices.Index(g.Hosts, host) < i {
			problems = append(problems, component.Invalid(path, "%q is there twice", host))
		}
	}
	if g.Path != "" && (!pathPattern.MatchString(g.Path) || len(g.Path) > maxPath) {
		problems = append(problems, component.Invalid(at("path"), "%q is not a path such as /api: it begins with /, has no query, and at most %d characters", g.Path, maxPath))
	}
	if n := len(g.hosts()) + len(g.paths()); n > maxConditions {
		problems = append(problems, component.Invalid(at("hosts"), "a rule of a load balancer takes %d hosts and paths (a path counts twice: /api and /api/*), but these are %d", maxConditions, n))
	}
	if g.Certificate.IsSet() {
		text, _ := g.Certificate.Value().Text()
		switch {
		case len(g.hosts()) == 0:
			problems = append(problems, component.Invalid(at("certificate"), "a certificate needs the host that it is for: set ingress.host"))
		case g.auto() && slices.ContainsFunc(g.hosts(), func(h string) bool { return strings.ContainsAny(strings.TrimPrefix(h, "*."), "*?") }):
			problems = append(problems, component.Invalid(at("certificate"), "auto finds no certificate for a host with such wildcards: give the certificate's ARN"))
		case g.Certificate.Known() && !g.auto() && !certificateARN.MatchString(text):
			problems = append(problems, component.Invalid(at("certificate"), "%q is neither the ARN of an ACM certificate nor auto", text))
		}
	}
	if g.Priority < 0 || g.Priority > maxPriority {
		problems = append(problems, component.Invalid(at("priority"), "must be from 1 to %d", maxPriority))
	}
	return problems
}

func (s *Spec) scaling() *container.Scaling {
	if s.Scaling == nil {
		return nil
	}
	return &s.Scaling.Scaling
}

// hosts are all the host names, in the order in which they are written.
func (g *Ingress) hosts() []string {
	if g.Host == "" {
		return g.Hosts
	}
	return append([]string{g.Host}, g.Hosts...)
}

// paths are the patterns of path: itself and all below it.
func (g *Ingress) paths() []string {
	path := strings.TrimRight(g.Path, "/")
	switch {
	case path == "":
		return nil
	case strings.ContainsAny(path, "*?"):
		return []string{g.Path}
	}
	return []string{path, path + "/*"}
}

func (g *Ingress) public() bool { return g.Public == nil || *g.Public }

// auto reports whether certificates are to be found by host name.
func (g *Ingress) auto() bool {
	text, _ := g.Certificate.Value().Text()
	return text == "auto" || text == "true"
}
