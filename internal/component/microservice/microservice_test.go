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

func TestCheck(t *testing.T) {
	const base = "image: nginx:1\nports: [{name: http, port: 8080}]\n"
	const exposed = base + "ingress: {path: /}\n"
	rows := map[string][2]string{
		"least":    {base, ""},
		"no image": {"ports: [{name: http, port: 8080}]", `the key "image" is required`},
		"no ports": {"image: nginx:1", `the key "ports" is required`},
		"empty ports": {
			"image: nginx:1\nports: []",
			"ports: must not be empty: without a port, use a Worker",
		},
		"port range": {
			"image: nginx:1\nports: [{name: http, port: 70000}]",
			"ports.0.port: must be from 1 to 65535",
		},
		"port twice": {
			"image: nginx:1\nports: [{name: a, port: 80}, {name: b, port: 80}]",
			"ports.1.port: 80 is given twice",
		},
		"port name twice": {
			"image: nginx:1\nports: [{name: a, port: 80}, {name: a, port: 81}]",
			`ports.1.name: "a" is given twice`,
		},
		"port name": {
			"image: nginx:1\nports: [{name: HTTP, port: 80}]",
			`ports.0.name: "HTTP" is not the name of a port`,
		},
		"release": {base + "release: {command: [migrate]}", ""},
		"release without command": {
			base + "release: {timeout: 5m}", `release: the key "command" is required`,
		},
		"release with an endless command": {
			base + "release: {command: [sh, -c, " + strings.Repeat("x", 8000) + "]}",
			"release.command: has 8014 characters, and ECS allows a command of at most 7680",
		},
		"cpu": {
			base + "cpu: 300",
			"cpu: must be one of 256, 512, 1024, 2048, 4096, 8192, 16384, but is 300: Fargate has no task of " +
				"another size",
		},
		"cpu and memory": {
			base + "cpu: 1024\nmemory: 1024",
			"memory: Fargate has no task of 1024 CPU units with 1024 MiB; with that CPU it has 2048 to 8192 MiB in " +
				"steps of 1024",
		},
		"smallest and memory": {
			base + "cpu: 256\nmemory: 1536",
			"memory: Fargate has no task of 256 CPU units with 1536 MiB; with that CPU it has 512, 1024 or 2048 MiB",
		},
		"memory alone":         {base + "memory: 3072", ""},
		"impossible memory":    {base + "memory: 700", "memory: Fargate has no task of 700 MiB"},
		"architecture":         {base + "architecture: arm", `architecture: "arm" is not one of x86_64, arm64`},
		"variable name":        {base + "environment: {1A: x}", `environment.1A: "1A" is not the name`},
		"variables as numbers": {base + "environment: {A: 1.5, B: true}", ""},
		"both places": {
			base + "environment: {A: x}\nsecrets: {A: ssm:/a}",
			"secrets.A: A is also in environment",
		},
		"secret in clear": {base + "secrets: {A: hunter2}", `secrets.A: "hunter2" is not a secret`},
		"secret by arn and key": {
			base + "secrets: {A: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf#password'}", "",
		},
		"key of a parameter": {
			base + "secrets: {A: 'ssm:/a#b'}",
			"secrets.A: #b selects a key of a JSON secret in Secrets Manager",
		},
		"odd key": {
			base + "secrets: {A: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf#a:b'}",
			`secrets.A: "a:b" after #`,
		},
		"odd parameter": {
			base + "secrets: {A: 'ssm:/a b'}",
			`secrets.A: "ssm:/a b" is not the name of an SSM parameter`,
		},
		"sidecar of same name": {
			base + "sidecars: [{name: it, image: x:1}]",
			`sidecars.0.name: "it" is the name of the main container`,
		},
		"two sidecars": {
			base + "sidecars: [{name: a, image: x:1}, {name: a, image: x:1}]",
			`sidecars.1.name: "a" is given twice`,
		},
		"greedy sidecar": {
			base + "cpu: 256\nmemory: 512\nsidecars: [{name: a, image: x:1, memory: 512}]",
			"sidecars: the sidecars use all memory of the task",
		},
		"secret of sidecar": {
			base + "sidecars: [{name: a, image: x:1, secrets: {K: v}}]",
			`sidecars.0.secrets.K: "v" is not a secret`,
		},
		"stuck rollout": {
			base + "deployment: {maxPercent: 100}",
			"deployment.maxPercent: no rollout can start: with 1 task, at least 1 must keep running (100 %, " +
				"rounded up) and at most 1 may run",
		},
		"stuck by rounding": {
			base + "scaling: {min: 3}\ndeployment: {maxPercent: 133}",
			"deployment.maxPercent: no rollout can start: with 3 tasks",
		},
		"stop before start": {base + "deployment: {minHealthyPercent: 0, maxPercent: 100}", ""},
		"healthy percent": {
			base + "deployment: {minHealthyPercent: 120}",
			"deployment.minHealthyPercent: must be from 0 to 100",
		},
		"timeout": {
			base + "deployment: {timeout: 10s}",
			"deployment.timeout: must be from 1m to 3h, but is 10s",
		},
		"min above max": {base + "scaling: {min: 3, max: 2}", "scaling.max: is 2, less than min, which is 3"},
		"target without room": {
			base + "scaling: {min: 2, cpu: 60}",
			"scaling.cpu: has no effect unless max is above min",
		},
		"utilisation": {
			base + "scaling: {min: 1, max: 2, cpu: 600}",
			"scaling.cpu: must be from 1 to 100, but is 600",
		},
		"requests of nobody": {
			base + "scaling: {min: 1, max: 2, requestsPerTarget: 10}",
			"scaling.requestsPerTarget: the load balancer counts the requests",
		},
		"unix cron": {
			base + "scaling: {schedule: [{name: a, cron: 0 8 * * 1-5, min: 2, max: 2}]}",
			`scaling.schedule.0.cron: "0 8 * * 1-5" has the five fields of Unix`,
		},
		"bad cron": {
			base + "scaling: {schedule: [{name: a, cron: 0 25 ? * * *, min: 2, max: 2}]}",
			`scaling.schedule.0.cron: "25" is not a value of the hours`,
		},
		"both days": {
			base + "scaling: {schedule: [{name: a, cron: 0 8 1 * MON *, min: 2, max: 2}]}",
			"scaling.schedule.0.cron: ",
		},
		"min above every max": {base + "scaling: {max: 3, schedule: [{name: a, cron: 0 8 ? * * *, min: 4}, {name: " +
			"b, cron: 0 9 ? * * *, max: 2}]}", "scaling.schedule.0.min: is 4, and max is never more than 3"},
		"max below every min": {
			base + "scaling: {min: 2, max: 3, schedule: [{name: a, cron: 0 8 ? * * *, max: 1}]}",
			"scaling.schedule.0.max: is 1, and min is never less than 2",
		},
		"limits of entries": {base + "scaling: {min: 2, max: 3, schedule: [{name: a, cron: 0 8 ? * * *, min: 5, " +
			"max: 9}, {name: b, cron: 0 9 ? * * *, min: 7}, {name: c, cron: 0 10 ? * * *, min: 0, max: 0}]}", ""},
		"nothing wakes by CPU": {
			base + "scaling: {min: 0, max: 2, cpu: 50}",
			"scaling.min: with 0 tasks, nothing starts a task again",
		},
		"nothing by requests": {
			exposed + "scaling: {min: 0, max: 2, requestsPerTarget: 5}",
			"scaling.min: with 0 tasks, nothing starts a task again",
		},
		"nothing by the clock": {
			base + "scaling: {min: 0, max: 2, schedule: [{name: a, cron: 0 8 ? * * *, max: 1}]}",
			"scaling.min: with 0 tasks, nothing starts a task again",
		},
		"the clock wakes": {
			base + "scaling: {min: 0, max: 2, schedule: [{name: a, cron: 0 8 ? * * *, min: 1}]}",
			"",
		},
		"none at all": {base + "scaling: {min: 0}", ""},
		"idle schedule": {
			base + "scaling: {schedule: [{name: a, cron: 0 8 ? * MON-FRI *}]}",
			"scaling.schedule.0: needs min or max: an entry without both changes nothing",
		},
		"health port": {
			exposed + "healthCheck: {port: 9090}",
			"healthCheck.port: the container does not listen on 9090; its ports are 8080",
		},
		"health path": {
			exposed + "healthCheck: {path: health}",
			"healthCheck.path: \"health\" is not a path",
		},
		"health interval": {
			exposed + "healthCheck: {interval: 1s}",
			"healthCheck.interval: must be from 5s to 300s",
		},
		"health of nobody": {
			base + "healthCheck: {path: /health}",
			"healthCheck.path: the load balancer does this check",
		},
		"path": {base + "ingress: {path: api}", `ingress.path: "api" is not a path such as /api`},
		"host with scheme": {
			base + "ingress: {host: 'https://a.example.com'}",
			`ingress.host: "https://a.example.com" is not a host name`,
		},
		"address as host": {base + "ingress: {host: 10.0.0.1}", `ingress.host: "10.0.0.1" is not a host name`},
		"host twice": {
			base + "ingress: {host: a.example.com, hosts: [a.example.com]}",
			`ingress.hosts.0: "a.example.com" is given twice`,
		},
		"six wildcards": {base + "ingress: {path: /a, hosts: ['*.a.*', '*?.b.io', 'c.io?']}", ""},
		"seven wildcards": {
			base + "ingress: {path: /a, hosts: ['*.a.*', '*?.b.io', '??.io']}",
			"ingress.hosts: a rule of a load balancer has at most 6 wildcards (* and ?, " +
				"and one for the paths below a path: /api/*), but these are 7",
		},
		"wildcards of a path": {
			base + "ingress: {path: '/a/*/b/*/c/????*'}",
			"ingress.path: a rule of a load balancer has at most 6 wildcards",
		},
		"too many conditions": {
			base + "ingress: {path: /a, hosts: [a.x.io, b.x.io, c.x.io, d.x.io]}",
			"ingress.hosts: a rule of a load balancer has at most 5 hosts and paths",
		},
		"certificate of nobody": {base + "ingress: {certificate: auto}", "ingress.certificate: needs host or hosts"},
		"certificate": {
			base + "ingress: {host: a.example.com, certificate: maybe}",
			`ingress.certificate: "maybe" is not the ARN of an ACM certificate or the word auto`,
		},
		"certificate true": {base + "ingress: {host: a.example.com, certificate: true}", ""},
		"priority": {
			base + "ingress: {host: a.example.com, priority: 5000}",
			"ingress.priority: must be from 1 to 999",
		},
	}
	componenttest.CheckSpecs(t, kinds.Registry(), "MicroService", rows)
}

func TestIngressConflicts(t *testing.T) {
	service := func(ingress string) string {
		return "{kind: MicroService, spec: {image: 'a:1', ports: [{name: http, port: 80}], ingress: " + ingress + "}}\n"
	}
	for name, c := range map[string]struct {
		a, b string
		want []string
	}{
		"same requests": {
			"{host: a.x.io, path: /v1}", "{host: a.x.io, path: /v1/}",
			[]string{
				"web/a: ingress.host: web/b already takes a.x.io, path /v1 on the public",
				"web/b: ingress.host: web/a already takes a.x.io, path /v1",
			},
		},
		"all requests": {
			"{}", "{path: /}",
			[]string{
				"web/a: ingress.host: web/b already takes any host, all paths",
				"web/b: ingress.host: web/a already takes",
			},
		},
		"second host": {
			"{host: a.x.io}", "{host: b.x.io, hosts: [a.x.io]}",
			[]string{"web/a: ingress.host: web/b already takes a.x.io, all paths", "web/b: "},
		},
		"same priority": {
			"{host: a.x.io, priority: 7}", "{host: b.x.io, priority: 7}",
			[]string{"web/a: ingress.priority: web/b has the priority 7", "web/b: ingress.priority: web/a has"},
		},
		"half a certificate": {
			"{host: a.x.io, path: /v1}", "{host: a.x.io, path: /v2, certificate: auto}",
			[]string{"web/a: ingress.host: web/b serves a.x.io over HTTPS"},
		},
		"other paths":    {"{host: a.x.io, path: /v1}", "{host: a.x.io}", nil},
		"other balancer": {"{host: a.x.io}", "{host: a.x.io, public: false}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := componenttest.Problems(t, kinds.Registry(),
				"components:\n  web/a: "+service(c.a)+"  web/b: "+service(c.b))
			if len(got) != len(c.want) {
				t.Fatalf("want %d problems, got %d: %s", len(c.want), len(got), strings.Join(got, "\n"))
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("got  %s\nwant %s", got[i], c.want[i])
				}
			}
		})
	}
}

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
