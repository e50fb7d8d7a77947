package microservice

import (
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/ingress"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

// Limits of AWS on listener rules that the spec's tags do not have.
const (
	maxConditions = 5   // hosts and paths of one rule
	maxHost       = 128 // characters
)

func check(in component.Instance, s *Spec) []value.Problem {
	least, _ := s.Scaling.Limits()
	problems := s.Spec.Check(in, least)
	problems = append(problems, s.Scaling.Check(false)...)
	if s.Scaling.RequestsPerTarget != 0 {
		path := []string{"scaling", "requestsPerTarget"}
		switch {
		case s.Ingress == nil:
			problems = append(problems,
				component.Invalid(path, "the load balancer counts the requests, and without ingress, no request "+
					"comes through it").RestsOn("ingress"))
		case !s.Scaling.Automatic():
			problems = append(problems,
				component.Invalid(path, "has no effect unless max is above min: raise max"))
		}
	}
	problems = append(problems, s.checkHealth(in)...)
	return append(problems, s.checkIngress(in)...)
}

func (s *Spec) checkHealth(in component.Instance) []value.Problem {
	h := s.HealthCheck
	var problems []value.Problem
	at := func(key string) []string { return []string{"healthCheck", key} }
	if h.Port != 0 && !slices.ContainsFunc(s.Ports, func(p Port) bool { return p.Port == h.Port }) {
		var all []string
		for _, p := range s.Ports {
			all = append(all, strconv.Itoa(p.Port))
		}
		problems = append(problems, component.Invalid(at("port"),
			"the container does not listen on %d; its ports are %s", h.Port, strings.Join(all, ", ")).RestsOn("ports"))
	}
	if s.Ingress == nil {
		const unused = "the load balancer does this check, and without ingress there is no load balancer; " +
			"healthCheck.command checks in the container"
		for _, key := range []string{"path", "port"} {
			if !in.Spec.Get("healthCheck", key).IsNull() {
				problems = append(problems, component.Invalid(at(key), unused).RestsOn("ingress"))
			}
		}
	}
	return problems
}

func (s *Spec) checkIngress(in component.Instance) []value.Problem {
	g := s.Ingress
	if g == nil {
		return nil
	}
	var problems []value.Problem
	at := func(keys ...string) []string { return append([]string{"ingress"}, keys...) }
	for i, host := range g.Hosts {
		switch path := at("hosts", strconv.Itoa(i)); {
		case host == g.Host:
			problems = append(problems, component.Invalid(path, "%q is given twice", host))
		case len(host) > maxHost:
			problems = append(problems, component.Invalid(path, "must have at most %d characters, but has %d", maxHost,
				len(host)))
		}
	}
	if n := len(g.hosts()) + len(g.paths()); n > maxConditions {
		problems = append(problems, component.Invalid(at("hosts"),
			"a rule of a load balancer has at most %d hosts and paths (a path counts twice: /api and /api/*), but "+
				"these are %d", maxConditions, n))
	}
	if n := elbv2.Wildcards(g.hosts(), g.paths()); n > elbv2.MaxWildcards {
		key := "hosts"
		if elbv2.Wildcards(g.paths()) > 1 {
			key = "path"
		}
		problems = append(problems, component.Invalid(at(key),
			"a rule of a load balancer has at most %d wildcards (* and ?, and one for the paths below a path: "+
				"/api/*), but these are %d", elbv2.MaxWildcards, n))
	}
	problems = append(problems, g.checkZone()...)
	if g.Certificate.IsSet() {
		text, _ := g.Certificate.Value().Text()
		if parts := strings.Split(text, ":"); len(parts) > 3 && in.Region != "" && parts[3] != in.Region {
			problems = append(problems, component.Invalid(
				at("certificate"),
				"the certificate is in %s, but a load balancer in %s accepts only certificates of its own region",
				parts[3],
				in.Region,
			))
		}
		if i := slices.IndexFunc(g.hosts(), uncertifiable); g.auto() && i >= 0 {
			problems = append(problems, component.Invalid(at("certificate"), "auto cannot find or request a "+
				"certificate for %s: certificates are for names such as api.example.com and *.example.com. Give "+
				"another host, or the ARN of a certificate", g.hosts()[i]))
		}
	}
	return problems
}

// uncertifiable reports whether no certificate can have the host among its names: * stands only for the whole first
// label, and not below a top-level domain.
func uncertifiable(host string) bool {
	name, wild := strings.CutPrefix(host, "*.")
	return strings.ContainsAny(name, "*?") || wild && !strings.Contains(name, ".")
}

// checkZone finds hosts that the zone cannot have.
func (g *Ingress) checkZone() []value.Problem {
	if g.Zone == "" || g.Zone == ingress.NoZone {
		return nil
	}
	var problems []value.Problem
	at := []string{"ingress", "zone"}
	name := strings.TrimSuffix(g.Zone, ".")
	for _, host := range g.hosts() {
		switch {
		case !ingress.Recordable(host):
			problems = append(problems, component.Invalid(at,
				"a hosted zone cannot have the host %s: in DNS, * can only be the whole first label, as in *.%s", host,
				parent(host)))
		case ingress.ZoneName(name) && host != name && !strings.HasSuffix(host, "."+name):
			problems = append(problems, component.Invalid(at, "the host %s does not end in .%s", host, name))
		}
	}
	return problems
}

// parent is a host without its labels that have wildcards.
func parent(host string) string {
	labels := strings.Split(host, ".")
	for i := len(labels) - 1; i >= 0; i-- {
		if strings.ContainsAny(labels[i], "*?") {
			return strings.Join(labels[i+1:], ".")
		}
	}
	return host
}

// hosts are all the host names, in the order of the manifest.
func (g *Ingress) hosts() []string {
	if g.Host == "" {
		return g.Hosts
	}
	return append([]string{g.Host}, g.Hosts...)
}

// paths are the patterns of path: the path itself and everything below it.
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

// auto reports whether certificates are looked up by host name.
func (g *Ingress) auto() bool {
	text, _ := g.Certificate.Value().Text()
	return text == "auto" || text == "true"
}
