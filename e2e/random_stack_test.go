package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// spec is the spec of a document.
type spec = map[string]any

// randomStack are documents by name: what somebody could want of a stack.
type randomStack map[string]spec

// documents say where the documents of a random stack lie and what they are.
var documents = map[string]struct{ path, group, kind string }{
	"network":  {"infra/network.yaml", "infra", "Network"},
	"ingress":  {"infra/ingress.yaml", "infra", "Ingress"},
	"database": {"services/core/database.yaml", "components", "RDS"},
	"cache":    {"services/core/cache.yaml", "components", "ElastiCache"},
	"jobs":     {"services/core/jobs.yaml", "components", "SQS"},
	"files":    {"services/core/files.yaml", "components", "S3"},
	"api":      {"services/core/api.yaml", "components", "MicroService"},
	"web":      {"services/core/web.yaml", "components", "MicroService"},
	"worker":   {"services/core/worker.yaml", "components", "Worker"},
}

// write makes the files of a stack say what is wanted. JSON is YAML.
func (s randomStack) write(t *testing.T, dir string) {
	for name, d := range documents {
		path := filepath.Join(dir, d.path)
		if s[name] == nil {
			require.NoError(t, os.RemoveAll(path))
			continue
		}
		text, err := json.MarshalIndent(map[string]any{
			"apiVersion": d.group + ".deployer.io/v1", "kind": d.kind, "metadata": spec{"name": name}, "spec": s[name],
		}, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, text, 0o644))
	}
}

// chooser makes the choices of one seed.
type chooser struct{ *rand.Rand }

// one returns one of several values.
func one[T any](c chooser, values ...T) T { return values[c.IntN(len(values))] }

// often is true in that share of all cases.
func (c chooser) often(share float64) bool { return c.Float64() < share }

// maybe sets a key to one of the values, or leaves it out.
func (c chooser) maybe(in spec, share float64, key string, values ...any) {
	if c.often(share) {
		in[key] = values[c.IntN(len(values))]
	}
}

// next returns a stack that somebody could want after the given one: some components are new, changed or gone.
func (c chooser) next(was randomStack) randomStack {
	s := maps.Clone(was)
	for _, of := range []struct {
		name            string
		changes, leaves float64
		make            func(old spec) spec
	}{
		{"network", 0.3, 0, c.network},
		{"ingress", 0.3, 0.1, c.ingress},
		{"database", 0.3, 0.1, c.database},
		{"cache", 0.3, 0.15, c.cache},
		{"jobs", 0.4, 0.1, c.queue},
		{"files", 0.4, 0.1, c.bucket},
	} {
		if of.name == "network" && len(was) > 0 && was["network"] == nil {
			continue // tasks do not move to another network
		}
		if c.often(of.changes) {
			s[of.name] = of.make(was[of.name])
		}
		if c.often(of.leaves) {
			delete(s, of.name)
		}
	}
	for i, name := range []string{"api", "web", "worker"} {
		// What a service uses may have changed or gone.
		if s[name] != nil || c.often(0.5) {
			s[name] = c.service(documents[name].kind, s, i)
		}
		if c.often(0.1) {
			delete(s, name)
		}
	}
	return s
}

func (c chooser) network(old spec) spec {
	zones := 2
	if c.often(0.4) || old != nil && old["vpc"].(spec)["azs"] == 3 {
		zones = 3
	}
	vpc := spec{"cidr": "10.20.0.0/16", "azs": zones, "natGateways": one(c, "single", "perAz")}
	c.maybe(vpc, 0.3, "endpoints", []string{"sqs"}, []string{"logs", "secretsmanager"})
	c.maybe(vpc, 0.3, "flowLogs", spec{"traffic": "all"}, spec{"traffic": "reject", "retention": 7})
	return spec{"vpc": vpc}
}

func (c chooser) ingress(spec) spec {
	public := spec{}
	c.maybe(public, 0.4, "idleTimeout", "30s", "120s")
	c.maybe(public, 0.3, "accessLogs", spec{})
	c.maybe(public, 0.3, "dropInvalidHeaders", true, false)
	return spec{"public": public}
}

// database keeps the engine, and never goes back to an older version or less storage: AWS refuses that.
func (c chooser) database(old spec) spec {
	versions := map[string][]string{
		"postgres": {"15", "16", "17"}, "mysql": {"8.4"}, "mariadb": {"10.11", "11.4"},
		"aurora-postgresql": {"15", "16"}, "aurora-mysql": {"8.0"},
	}
	engine := one(c, slices.Sorted(maps.Keys(versions))...)
	s := spec{"protect": false, "engine": engine}
	storage := one(c, 20, 50, 100)
	if old != nil {
		engine = old["engine"].(string)
		s["engine"] = engine
		known := versions[engine]
		versions[engine] = known[slices.Index(known, old["version"].(string)):]
		if had, given := old["storage"].(int); given {
			storage = max(storage, had)
		}
	}
	s["version"] = one(c, versions[engine]...)
	if engine == "aurora-postgresql" || engine == "aurora-mysql" {
		if c.often(0.5) {
			s["capacity"] = spec{"min": one(c, 0, 1), "max": one(c, 2, 4)}
		}
		c.maybe(s, 0.5, "replicas", 0, 1, 2)
	} else {
		s["storage"] = storage
		c.maybe(s, 0.4, "maxStorage", storage*2)
		c.maybe(s, 0.4, "multiAz", true, false)
		c.maybe(s, 0.4, "instanceClass", "db.t4g.small", "db.m6g.large")
	}
	c.maybe(s, 0.3, "backupRetention", "1d", "14d")
	c.maybe(s, 0.3, "passwordRotation", "7d", "30d")
	c.maybe(s, 0.3, "minorUpgrades", true, false)
	return s
}

// cache keeps the engine, but redis may become valkey. It keeps its form and how clients log in, too.
func (c chooser) cache(old spec) spec {
	engine := one(c, "valkey", "redis", "memcached")
	login := one(c, "", "", "auth", "users")
	cluster := c.often(0.3)
	if old != nil {
		engine = old["engine"].(string)
		if engine == "redis" && c.often(0.3) {
			engine = "valkey"
		}
		cluster = old["shards"] != nil
		login = ""
		for _, key := range []string{"auth", "users"} {
			if old[key] != nil {
				login = key
			}
		}
	}
	s := spec{"engine": engine, "nodes": one(c, 1, 2, 3)}
	if engine == "memcached" {
		return s
	}
	if cluster {
		s["shards"] = one(c, 1, 2)
	}
	c.maybe(s, 0.4, "nodeType", "cache.t4g.medium", "cache.r7g.large")
	c.maybe(s, 0.3, "parameters", spec{"maxmemory-policy": "allkeys-lru"}, spec{"maxmemory-policy": "noeviction"})
	c.maybe(s, 0.3, "snapshots", spec{"retention": 3, "window": "03:00-04:00"})
	c.maybe(s, 0.3, "logs", []string{"slow"}, []string{"slow", "engine"})
	switch login {
	case "auth":
		s["auth"] = spec{"token": true, "generation": one(c, 0, 1)}
	case "users":
		s["users"] = []spec{{"name": "default", "access": "on ~* +@read"}, {"name": "app", "generation": one(c, 0, 1)}}
	}
	return s
}

func (c chooser) queue(spec) spec {
	s := spec{}
	c.maybe(s, 0.4, "visibilityTimeout", "10s", "60s")
	c.maybe(s, 0.4, "retention", "1d", "14d")
	c.maybe(s, 0.5, "deadLetter", spec{"maxReceives": 3}, spec{"maxReceives": 5})
	c.maybe(s, 0.2, "fifo", true)
	return s
}

func (c chooser) bucket(spec) spec {
	s := spec{"protect": false, "forceDestroy": true}
	c.maybe(s, 0.4, "versioning", true, false)
	c.maybe(s, 0.4, "lifecycle", []spec{{"name": "old", "expireAfter": "30d"}},
		[]spec{{"name": "old", "expireAfter": "9d"}})
	c.maybe(s, 0.3, "cors", []spec{{"origins": []string{"https://a.example.com"}, "methods": []string{"GET"}}})
	return s
}

// service is a MicroService or a Worker. n keeps the paths of several services apart.
func (c chooser) service(kind string, in randomStack, n int) spec {
	s := spec{"image": "public.ecr.aws/nginx/nginx:" + one(c, "1.27", "1.28")}
	c.maybe(s, 0.4, "environment", spec{"A": "1"}, spec{"A": "2", "B": "x"})
	c.maybe(s, 0.3, "exec", true)
	c.maybe(s, 0.2, "spot", true)
	c.maybe(s, 0.2, "release", spec{"command": []string{"true", "a"}}, spec{"command": []string{"true", "b"}})
	c.maybe(s, 0.2, "tags", spec{"team": "x"}, spec{"team": "y"})
	c.maybe(s, 0.3, "deployment", spec{"circuitBreaker": false}, spec{"minHealthyPercent": 50})
	if size := one(c, 0, 0, 256, 512, 1024); size > 0 {
		s["cpu"], s["memory"] = size, size*2
	}
	uses := spec{}
	for name, verbs := range map[string][]string{
		"database": {"connect"}, "cache": {"connect"}, "jobs": {"send", "receive"}, "files": {"read", "write"},
	} {
		if in[name] != nil {
			c.maybe(uses, 0.6, name, verbs)
		}
	}
	s["uses"] = uses
	if uses["database"] != nil {
		c.maybe(s, 0.5, "secrets", spec{"PASSWORD": "${database.secretArn}#password"})
	}
	if kind != "MicroService" {
		return s
	}
	s["ports"] = []spec{{"name": "http", "port": one(c, 80, 8080)}}
	if c.often(0.7) {
		ingress := spec{"path": fmt.Sprintf("/%d", n)}
		c.maybe(ingress, 0.4, "host", "a.example.com", "b.example.com")
		c.maybe(ingress, 0.3, "public", true, false)
		s["ingress"] = ingress
	}
	c.maybe(s, 0.5, "scaling", spec{"min": 1, "max": 3}, spec{"min": 2}, spec{
		"min": 1, "max": 4, "cpu": 60,
		"schedule": []spec{{"name": "morning", "cron": "0 8 ? * MON-FRI *", "min": 2}},
	})
	return s
}
