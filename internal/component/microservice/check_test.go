package microservice_test

import (
	"strings"
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/testkit/componenttest"
)

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
		"a certificate for a pattern": {
			base + "ingress: {host: 'a*.b.io', certificate: auto}",
			"ingress.certificate: auto cannot find or request a certificate for a*.b.io",
		},
		"a certificate for a top-level domain": {
			base + "ingress: {host: '*.io', certificate: auto}",
			"ingress.certificate: auto cannot find or request a certificate for *.io",
		},
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
