package elasticache_test

import (
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/testkit/componenttest"
)

func TestGolden(t *testing.T) { componenttest.Golden(t, kinds.Registry()) }

func TestCheck(t *testing.T) {
	componenttest.CheckSpecs(t, kinds.Registry(), "ElastiCache", map[string][2]string{
		"least":            {"{}", ""},
		"version":          {"version: \"8.1\"", ""},
		"patch":            {"version: 8.0.1", ""},
		"to come":          {"version: \"12.0\"", ""},
		"no such version":  {"version: \"7.5\"", "version: ElastiCache does not offer valkey 7.5; it has 7.2, 8.0"},
		"of the other":     {"engine: redis\nversion: \"6.1\"", "version: ElastiCache does not offer redis 6.1"},
		"no version":       {"version: newest", "version: "},
		"too old for node": {"engine: redis\nversion: 4.0.10", "nodeType: cache.t4g.small needs redis 5.0.6 or newer"},
		"no node type":     {"nodeType: t4g.small", "nodeType: t4g.small is not a node type"},
		"previous":         {"nodeType: cache.t2.micro", "nodeType: cache.t2.micro belongs to a previous generation"},
		"no such size":     {"nodeType: cache.m7g.medium", "nodeType: cache.m7g.medium is no size of cache.m7g"},
		"new family":       {"nodeType: cache.m9x.large", ""},
		"one node":         {"multiAz: true", "multiAz: needs at least 2 nodes"},
		"seven nodes":      {"nodes: 7", "nodes: valkey has at most 6 nodes in a shard"},
		"no nodes":         {"nodes: 0", "nodes: must be from 1 to 40"},
		"cluster mode":     {"parameters: {cluster-enabled: yes}", "parameters.cluster-enabled: is set by shards"},
		"retention":        {"snapshots: {retention: 36}", "snapshots.retention: must be from 0 to 35"},
		"window":           {"snapshots: {window: 3-4}", "snapshots.window: "},
		"short window":     {"snapshots: {window: 03:00-03:20}", "snapshots.window: lasts 20 minutes"},
		"windows that overlap": {
			"snapshots: {window: 04:00-05:00}\nmaintenanceWindow: sun:04:30-sun:05:30",
			"maintenanceWindow: overlaps snapshots.window",
		},
		"log of an old engine": {
			"engine: redis\nversion: \"6.0\"\nlogs: [slow, engine]", "logs.1: engine needs redis 6.2 or newer",
		},
		"TLS of old memcached": {
			"engine: memcached\nversion: 1.6.6\nencryption: {transit: required}",
			"encryption.transit: TLS needs memcached 1.6.12",
		},
		"TLS of old redis": {"engine: redis\nversion: \"6.2\"\nencryption: {transit: required}", ""},
		"TLS mode of old redis": {
			"engine: redis\nversion: \"6.2\"\nencryption: {transit: preferred}",
			"encryption.transit: preferred needs redis 7.0.5 or newer",
		},
		"TLS mode":    {"engine: redis\nversion: \"7.0\"\nencryption: {transit: preferred}", ""},
		"maintenance": {"maintenanceWindow: sunday", "maintenanceWindow: "},
		"encryption":  {"encryption: {transit: on}", "encryption.transit: "},
		"no such log": {"logs: [fast]", "logs"},
		"in clear": {
			"auth: {token: true}\nencryption: {transit: preferred}",
			"auth.token: needs encryption.transit: required",
		},
		"generation":        {"auth: {generation: 2}", "auth.generation: needs token"},
		"memcached token":   {"engine: memcached\nauth: {token: true}", "auth.token: Memcached has no AUTH"},
		"serverless":        {"serverless: {}", ""},
		"serverless limits": {"serverless: {maxStorage: 10, maxUnits: 5000}\nsnapshots: {window: 03:00-04:00}", ""},
		"serverless nodes":  {"serverless: {}\nnodes: 2", "nodes: a serverless cache has no nodes"},
		"serverless type":   {"serverless: {}\nnodeType: cache.t4g.small", "nodeType: a serverless cache has no nodes"},
		"serverless TLS": {
			"serverless: {}\nencryption: {transit: disabled}",
			"encryption.transit: a serverless cache has no connections without TLS",
		},
		"serverless old": {
			"engine: redis\nversion: \"6.2\"\nserverless: {}",
			"version: a serverless cache of redis needs version 7 or newer",
		},
		"serverless users": {"serverless: {}\nusers: [{name: app}]", ""},
		"serverless memcached users": {
			"engine: memcached\nserverless: {}\nusers: [{name: app}]", "users: Memcached has no users",
		},
		"serverless token": {
			"serverless: {}\nauth: {token: true}", "auth.token: a serverless cache has no AUTH",
		},
		"serverless units": {"serverless: {maxUnits: 1}", "serverless.maxUnits: must be from 1000"},
		"memcached":        {"engine: memcached\nnodes: 40\nmultiAz: true", ""},
		"memcached shards": {"engine: memcached\nshards: 2", "shards: Memcached has no shards"},
		"memcached snapshots": {
			"engine: memcached\nsnapshots: {retention: 3}",
			"snapshots.retention: Memcached has no snapshots",
		},
		"memcached at rest": {
			"engine: memcached\nencryption: {key: 11111111-2222-3333-4444-555555555555}",
			"encryption.key: Memcached has no encryption at rest",
		},
		"memcached logs": {"engine: memcached\nlogs: [slow]", "logs: Memcached has no logs"},
	})
}
