package elasticache

import (
	"slices"
	"strconv"
	"strings"
)

// The engines.
const (
	Valkey    = "valkey"
	Redis     = "redis"
	Memcached = "memcached"
)

// Ports are the default ports of the engines.
const (
	Port          = 6379
	MemcachedPort = 11211
)

// versions are the versions that AWS offers for new caches, by engine, the oldest first. Patch versions of Valkey and
// of Redis OSS 6 and newer are chosen by AWS.
var versions = map[string][]string{
	Valkey: {"7.2", "8.0", "8.1", "8.2", "9.0", "9.1"},
	Redis:  {"4.0.10", "5.0.6", "6.0", "6.2", "7.0", "7.1"},
	Memcached: {
		"1.4.5", "1.4.14", "1.4.24", "1.4.33", "1.4.34", "1.5.10", "1.5.16", "1.6.6", "1.6.12", "1.6.17",
		"1.6.22",
	},
}

// DefaultVersion is what a cache gets without a version.
var DefaultVersion = map[string]string{Valkey: "8.2", Redis: "7.1", Memcached: "1.6.22"}

// Versions returns the versions of an engine that this version of deployer knows, the oldest first.
func Versions(engine string) []string { return slices.Clone(versions[engine]) }

// Newer reports whether a version is newer than all that Versions returns: AWS may offer it by now.
func Newer(engine, version string) bool {
	known := versions[engine]
	return len(known) > 0 && Compare(version, known[len(known)-1]) > 0
}

// Compare compares two versions by their numbers. A missing number is not compared: 7.1 and 7.1.0 are equal.
func Compare(a, b string) int {
	left, right := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(left), len(right)) {
		x, _ := strconv.Atoi(left[i]) // a word counts as 0
		y, _ := strconv.Atoi(right[i])
		if x != y {
			return x - y
		}
	}
	return 0
}

// Major is the first number of a version.
func Major(version string) string {
	major, _, _ := strings.Cut(version, ".")
	return major
}

// TransitModeSince is the oldest version of Redis OSS whose TLS has a mode: older ones have TLS or none, for good.
const TransitModeSince = "7.0.5"

// HasTransitMode reports whether the TLS of an engine of that version has a mode, and can be changed.
func HasTransitMode(engine, version string) bool {
	return engine != Redis || Compare(version, TransitModeSince) >= 0
}

// Family is the family of the parameter groups of a version.
func Family(engine, version string) string {
	parts := strings.Split(version, ".")
	n, _ := strconv.Atoi(parts[0])
	switch {
	case engine == Valkey, engine == Redis && n >= 7:
		return engine + parts[0]
	case engine == Redis && n == 6:
		return "redis6.x"
	case len(parts) > 1:
		return engine + parts[0] + "." + parts[1]
	}
	return engine + parts[0]
}

// families of node types that AWS offers, with their sizes and the oldest versions of Redis OSS and Memcached that run
// on them. T2 and older families are left out: AWS makes no new caches with them.
var families = map[string]struct {
	sizes            string
	redis, memcached string
	only             []string // the engines; nil: all
}{
	"t3": {"micro small medium", "", "", nil}, "t4g": {"micro small medium", "5.0.6", "1.5.16", nil},
	"m4":  {"large xlarge 2xlarge 4xlarge 10xlarge", "", "", nil},
	"m5":  {"large xlarge 2xlarge 4xlarge 12xlarge 24xlarge", "", "", nil},
	"m6g": {"large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", "5.0.6", "1.5.16", nil},
	"m7g": {"large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", "5.0.6", "1.5.16", nil},
	"r4":  {"large xlarge 2xlarge 4xlarge 8xlarge 16xlarge", "", "", nil},
	"r5":  {"large xlarge 2xlarge 4xlarge 12xlarge 24xlarge", "", "", nil},
	"r6g": {"large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", "5.0.6", "1.5.16", nil},
	"r7g": {"large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", "5.0.6", "1.5.16", nil},
	"r6gd": {
		"xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", "6.2", "", []string{Valkey, Redis},
	},
	"c7gn": {"large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", "6.2", "1.6.6", nil},
}

// Tiered reports whether a node type keeps part of its data on disk, which AWS wants to be told at creation.
func Tiered(nodeType string) bool { return strings.HasPrefix(nodeType, "cache.r6gd.") }

// NodeTypeFault says why an engine of that version cannot run on a node type, as far as that is a fixed fact; "":
// nothing speaks against it. Families that this version of deployer does not know pass: AWS adds new ones.
func NodeTypeFault(engine, version, nodeType string) string {
	parts := strings.Split(nodeType, ".")
	if len(parts) != 3 || parts[0] != "cache" {
		return "is not a node type, such as cache.t4g.small"
	}
	family, known := families[parts[1]]
	if !known {
		if slices.Contains([]string{"t1", "t2", "m1", "m2", "m3", "c1", "r3"}, parts[1]) {
			return "belongs to a previous generation, with which AWS makes no new caches; take cache.t4g or newer"
		}
		return ""
	}
	oldest := map[string]string{Redis: family.redis, Memcached: family.memcached}[engine]
	switch {
	case !slices.Contains(strings.Fields(family.sizes), parts[2]):
		return "is no size of cache." + parts[1] + ": it has " + strings.ReplaceAll(family.sizes, " ", ", ")
	case family.only != nil && !slices.Contains(family.only, engine):
		return "does not run " + engine
	case oldest != "" && Compare(version, oldest) < 0:
		return "needs " + engine + " " + oldest + " or newer"
	}
	return ""
}
