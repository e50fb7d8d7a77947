package rds

import (
	"slices"
	"strconv"
	"strings"
)

// engine is what AWS offers for an engine, as of November 2026 (DescribeDBEngineVersions,
// DescribeOrderableDBInstanceOptions). A newer version or an unknown family of classes passes: AWS may have it by now.
type engine struct {
	majors []string // in ascending order
	ended  []string // of these, the ones without standard support
	family string   // of parameter groups, before the major version
	logs   []string
}

var engines = map[string]engine{
	"postgres": {
		majors: []string{"11", "12", "13", "14", "15", "16", "17", "18"}, ended: []string{"11", "12", "13"},
		family: "postgres", logs: []string{"postgresql", "upgrade", "iam-db-auth-error"},
	},
	"mysql": {
		majors: []string{"5.7", "8.0", "8.4"}, ended: []string{"5.7", "8.0"}, family: "mysql",
		logs: []string{"audit", "error", "general", "slowquery", "iam-db-auth-error"},
	},
	"mariadb": {
		majors: []string{"10.6", "10.11", "11.4", "11.8", "12.3"}, family: "mariadb",
		logs: []string{"audit", "error", "general", "slowquery"},
	},
	"aurora-postgresql": {
		majors: []string{"11", "12", "13", "14", "15", "16", "17", "18"}, ended: []string{"11", "12", "13"},
		family: "aurora-postgresql", logs: []string{"postgresql", "instance", "iam-db-auth-error"},
	},
	"aurora-mysql": {
		majors: []string{"5.7", "8.0", "8.4"}, ended: []string{"5.7"}, family: "aurora-mysql",
		logs: []string{"audit", "error", "general", "slowquery", "instance", "iam-db-auth-error"},
	},
}

// major is the part of a version that names parameter groups; "" if it has too few parts.
func (s *Spec) major() string {
	parts := strings.Split(s.Version, ".")
	n := 2
	if s.postgres() {
		n = 1
	}
	if len(parts) < n {
		return ""
	}
	return strings.Join(parts[:n], ".")
}

// family is the family of the parameter groups.
func (s *Spec) family() string { return engines[s.Engine].family + s.major() }

// newer reports whether a major version comes after those that are known, by not more than a few years.
func (e engine) newer(major string) bool {
	last := e.majors[len(e.majors)-1]
	was, wasMinor := numbers(last)
	is, isMinor := numbers(major)
	return is > was && is <= was+2 || is == was && isMinor > wasMinor
}

func numbers(version string) (first, second int) {
	a, b, _ := strings.Cut(version, ".")
	first, _ = strconv.Atoi(a) // zero is older than everything
	second, _ = strconv.Atoi(b)
	return first, second
}

// Families of instance classes that RDS has for single instances, and for Aurora.
var (
	single = []string{
		"m1", "m2", "m3", "m4", "m5", "m5d", "m6g", "m6gd", "m6i", "m6id", "m6idn", "m6in", "m7g", "m7i", "m8a", "m8g",
		"m8gd", "m9g", "r3", "r4", "r5", "r5b", "r5d", "r6g", "r6gd", "r6i", "r6id", "r6idn", "r6in", "r7g", "r7i",
		"r8a", "r8g", "r8gd", "t1", "t2", "t3", "t4g", "x2g", "x2idn", "x2iedn",
	}
	inAurora = []string{
		"r3", "r4", "r5", "r6g", "r6gd", "r6i", "r6id", "r7g", "r7i", "r8a", "r8g", "r8gd", "t2", "t3", "t4g", "x2g",
	}
	sizes = []string{
		"micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "10xlarge", "12xlarge",
		"16xlarge", "24xlarge", "32xlarge", "48xlarge", "metal",
	}
)

// lacks says why the engine does not have an instance class; "" if it may have it.
func (s *Spec) lacks(class string) string {
	_, rest, _ := strings.Cut(class, ".")
	family, size, _ := strings.Cut(rest, ".")
	switch {
	case class == serverless && s.aurora():
		return "is for Serverless v2: give capacity: {min: 0.5, max: 4} in place of instanceClass"
	case class == serverless:
		return "is Aurora's only: choose engine aurora-postgresql or aurora-mysql, with capacity"
	case !slices.Contains(sizes, size):
		return "has no size that AWS knows; sizes are micro, small, medium, large, xlarge, 2xlarge and so on"
	case s.aurora() && (slices.Contains(single, family) && !slices.Contains(inAurora, family) || size == "micro"):
		return "is not available for " + s.Engine + "; Aurora has db.t4g.medium, db.r7g.large and larger, or capacity"
	case size == "micro" && !strings.HasPrefix(family, "t"), size == "small" && strings.IndexAny(family, "rx") == 0:
		return "does not exist: that family begins with large"
	}
	return ""
}
