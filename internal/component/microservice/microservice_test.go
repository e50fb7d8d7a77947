package microservice_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/testkit/componenttest"
	"github.com/company/deployer/internal/value"
)

// TestAllAtOnce: a problem of one field hides no problem of other fields, and causes no further reports.
func TestAllAtOnce(t *testing.T) {
	kind, _ := kinds.Registry().Kind("MicroService")
	for name, c := range map[string]struct {
		spec string
		want []string // paths
	}{
		"unknown key beside": {"image: x\nports: [{name: a, port: 80}]\nfoo: 1\ncpu: 256\nmemory: 4096\nscaling: " +
			"{min: 5, max: 2}", []string{"foo", "memory", "scaling.max"}},
		"misspelt": {"image: x\nport: [{name: a, port: 80}]\nhealthCheck: {port: 81}\ningress: " +
			"{}\nmemory: 700", []string{"", "memory", "port"}},
		"misspelt ingress": {
			"image: x\nports: [{name: a, port: 80}]\ningres: {}\nhealthCheck: {path: /h}",
			[]string{"ingres"},
		},
		"misspelt inside": {"image: x\nports: [{name: a, port: 80}]\nscaling: {min: 5, maximum: 9, cpu: " +
			"50}\ncpu: 300", []string{"cpu", "scaling.maximum"}},
		"wrong type": {"image: x\nports: [{name: a, port: 80}]\ncpu: many\nmemory: 1536\ndeployment: " +
			"{minHealthyPercent: 101}", []string{"cpu", "deployment.minHealthyPercent"}},
		"wrong type of ports": {
			"image: x\nports: 80\nhealthCheck: {port: 80, interval: 1s}\ningress: {host: '/'}",
			[]string{"healthCheck.interval", "ingress.host", "ports"},
		},
		"missing": {"ports: []\nsecrets: {A: plain}", []string{"", "ports", "secrets.A"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := componenttest.Instances(t, "components:\n  a/it:\n    kind: MicroService\n    spec:\n      "+
				strings.ReplaceAll(c.spec, "\n", "\n      "))
			problems := kind.Validate(in[0])
			var got []string
			for _, p := range problems {
				got = append(got, strings.Join(p.Path, "."))
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q: %v", got, c.want, problems)
			}
		})
	}
}

func TestGolden(t *testing.T) { componenttest.Golden(t, kinds.Registry()) }

// graphOf expands a stack that must have no problems.
func graphOf(t *testing.T, text string) *resource.Graph {
	t.Helper()
	graph, problems := component.Expand(kinds.Registry(), componenttest.Instances(t, text))
	if graph == nil {
		t.Fatal(problems)
	}
	return graph
}

// Limits that AWS would enforce in the middle of an apply are checked before it.
func TestLimits(t *testing.T) {
	service := func(i int, more string) string {
		return fmt.Sprintf("  web/s%d: {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 80}]%s}}\n",
			i, more)
	}
	secrets := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("S%03d: 'ssm:/shop/production/service/secret-%03d'", i, i))
		}
		return service(0, ", secrets: {"+strings.Join(all, ", ")+"}")
	}
	many := func(n int, more func(i int) string) string {
		var text strings.Builder
		for i := range n {
			text.WriteString(service(i, more(i)))
		}
		return text.String()
	}
	hosts := func(i int) string { return fmt.Sprintf(", ingress: {host: h%d.x.io, path: /%d}", i, i) }
	secure := func(i int) string { return fmt.Sprintf(", ingress: {host: h%d.x.io, certificate: auto}", i) }
	uses := func(i int) string { return ", uses: {web/s0: [connect]}" }
	for name, row := range map[string]struct{ text, want string }{
		"80 parameters":  {secrets(80), ""},
		"150 parameters": {secrets(150), "web/s0: its execution-policy has 1"},
		"100 rules":      {many(100, hosts), ""},
		"101 rules": {many(101, hosts), "infra/ingress: rules of the public load balancer: 101, and AWS's " +
			"default quota"},
		"27 hosts": {many(27, secure), "infra/ingress: certificates of the public load balancer: 26, and"},
		"61 users": {
			service(0, "") + strings.ReplaceAll(many(61, uses), "web/s0: {kind", "web/s99: {kind"),
			"web/s0: ingress rules of the security group: 61, and",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := componenttest.Problems(t, kinds.Registry(), "components:\n"+row.text)
			if row.want == "" && len(got) > 0 || row.want != "" &&
				(len(got) == 0 || !strings.HasPrefix(got[0], row.want)) {
				t.Errorf("got %s, want %s", strings.Join(got, "\n"), row.want)
			}
		})
	}
}

// AWS refuses some orders that no reference shows.
func TestOrder(t *testing.T) {
	graph := graphOf(t, `
components:
  web/a:
    kind: MicroService
    spec:
      image: 'a:1'
      ports: [{name: http, port: 80}]
      ingress: {}
      scaling: {min: 1, max: 2}
      uses: {web/b: [connect], web/q: [send]}
  web/b: {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 81}], uses: {web/a: [connect]}}}
  web/q: {kind: SQS}
`)
	at := map[string]int{}
	for i, r := range graph.Resources {
		at[r.ID()] = i
	}
	for _, pair := range [][2]string{
		{"web/a:listener-rule", "web/a:service"},
		{"web/a:from-load-balancer", "web/a:service"},
		{"web/a:to-web-b-81", "web/a:service"},
		{"web/b:to-web-a-80", "web/b:service"},
		{"web/a:execution-policy", "web/a:task-definition"},
		{"web/a:task-policy", "web/a:task-definition"},
		{"web/a:log-group", "web/a:service"},
		{"web/a:discovery", "web/a:service"},
		{"web/a:service", "web/a:scalable-target"},
	} {
		first, ok1 := at[pair[0]]
		second, ok2 := at[pair[1]]
		if !ok1 || !ok2 || first > second {
			t.Errorf("%s must come before %s (%v, %v)", pair[0], pair[1], ok1, ok2)
		}
	}
}

// Addresses that differ only in their slash open a port each.
func TestConnectionsOfAlikeAddresses(t *testing.T) {
	graph := graphOf(t, `
components:
  web/a:
    kind: MicroService
    spec: {image: 'a:1', ports: [{name: http, port: 80}], uses: {b-c/d: [connect], b/c-d: [connect]}}
  b-c/d: {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 80}]}}
  b/c-d: {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 80}]}}
`)
	var opened []string
	for _, r := range graph.Resources {
		if r.Component == "web/a" && r.Type == "ec2/security-group-rule" {
			opened = append(opened, r.Props.Get("securityGroupId").References()[0].Target)
		}
	}
	slices.Sort(opened)
	if want := []string{"b-c/d", "b/c-d"}; !slices.Equal(opened, want) {
		t.Errorf("opened %v, want %v", opened, want)
	}
}

// A rule keeps its priority when a service is added that takes other requests.
func TestPrioritiesAreStable(t *testing.T) {
	const a = "components:\n  web/a: {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 80}], " +
		"ingress: {host: a.x.io}}}\n"
	const b = "  web/b: {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 80}], ingress: {host: " +
		"a.x.io, path: /b}}}\n"
	alone, both := graphOf(t, a), graphOf(t, a+b)
	priority := func(g *resource.Graph, id string) float64 {
		return g.Resource(id + ":listener-rule").Props.Get("priority").Number()
	}
	if x, y := priority(alone, "web/a"), priority(both, "web/a"); x != y {
		t.Errorf("the priority moved from %v to %v", x, y)
	}
	if priority(both, "web/b") >= priority(both, "web/a") {
		t.Error("the longer path must be asked first")
	}
}

// A new port must not replace the target group: the rule would lead to an empty group until the rollout is done.
func TestAnotherPortKeepsTheTargetGroup(t *testing.T) {
	of := func(port string) string {
		return graphOf(t, "components:\n  web/a: {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: "+
			port+"}], ingress: {}}}\n").
			Resource("web/a:target-group").Props.String()
	}
	if a, b := of("8080"), of("3000"); a != b {
		t.Errorf("the target group depends on the port of the container:\n%s\n%s", a, b)
	}
}

// A certificate that stops being the default, because a host that sorts first was added, must stay on the listener in
// the meantime.
func TestTheDefaultCertificateIsInTheSet(t *testing.T) {
	set := func(services string) value.Value {
		return graphOf(t,
			"components:\n"+services).Resource("infra/ingress:public-certificates").Props.Get("certificateArns")
	}
	const arn = "arn:aws:acm:eu-west-1:123456789012:certificate/"
	service := func(name string) string {
		return "  web/" + name + ": {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 80}], " +
			"ingress: {host: " + name +
			".x.io, certificate: '" + arn + name + "'}}}\n"
	}
	if got, want := set(service("b")), value.Strings(arn+"b"); !value.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := set(service("a")+service("b")), value.Strings(arn+"a", arn+"b"); !value.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// No statement of any policy allows a wildcard action. Only the few actions for which AWS has no narrower resource get
// "*".
func TestLeastPrivilege(t *testing.T) {
	graph := graphOf(t, `
components:
  web/a:
    kind: MicroService
    spec:
      image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web/a:1
      ports: [{name: http, port: 80}]
      secrets: {A: ssm:/a, B: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:b-AbCdEf#k'}
      exec: true
      uses: {web/q: [send, receive], web/f: [read, write, delete]}
  web/q: {kind: SQS, spec: {encryption: alias/q}}
  web/f: {kind: S3}
`)
	everywhere := []string{"ecr:GetAuthorizationToken", "ssmmessages:"}
	seen := 0
	for _, r := range graph.Resources {
		if r.Type != "iam/role-policy" {
			continue
		}
		for _, s := range r.Props.Get("policy", "Statement").Items() {
			for _, action := range s.Get("Action").Items() {
				seen++
				if strings.Contains(action.Str(), "*") {
					t.Errorf("%s allows %s", r.ID(), action)
				}
				narrow := !slices.ContainsFunc(everywhere, func(p string) bool {
					return strings.HasPrefix(action.Str(), p)
				})
				for _, on := range s.Get("Resource").Items() {
					if narrow && on.Str() == "*" {
						t.Errorf("%s allows %s on everything", r.ID(), action)
					}
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d actions seen", seen)
	}
}

// AWS accepts each priority once per listener, redirects included.
func TestPrioritiesAreDistinct(t *testing.T) {
	var text strings.Builder
	text.WriteString("components:\n")
	for i := range 80 { // paths of one length, so that they share the same few slots
		certificate := ""
		if i%2 == 0 {
			certificate = ", certificate: auto"
		}
		fmt.Fprintf(&text, "  web/s%d: {kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 80}], "+
			"ingress: {host: h%d.x.io, path: /%02d%s}}}\n", i, i, i, certificate)
	}
	taken := map[string]string{}
	for _, r := range graphOf(t, text.String()).Resources {
		if r.Type != "elbv2/listener-rule" {
			continue
		}
		listener := "http"
		if ref := r.Props.Get("listenerArn").References()[0]; strings.Contains(strings.ToLower(ref.String()), "https") {
			listener = "https"
		}
		key := listener + " " + r.Props.Get("priority").String()
		if taken[key] != "" {
			t.Errorf("%s and %s both have %s", taken[key], r.ID(), key)
		}
		taken[key] = r.ID()
	}
	if len(taken) != 80+40 {
		t.Errorf("%d rules, want 120", len(taken))
	}
}
