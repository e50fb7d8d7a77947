package rds

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// reserved are names of users and databases that RDS refuses.
var reserved = []string{
	"admin", "rdsadmin", "rds_superuser", "root", "public", "user", "authorization", "mysql", "template0",
}

func check(_ component.Instance, s *Spec) []value.Problem {
	var problems []value.Problem
	bad := func(key, format string, args ...any) {
		problems = append(problems, component.Invalid(strings.Split(key, "."), format, args...).
			RestsOn("engine"))
	}
	offered, known := engines[s.Engine]
	if !known {
		return nil // the enum says so
	}
	if s.Existing != nil {
		return nil
	}
	s.checkVersion(offered, bad)
	if s.InstanceClass != "" {
		if why := s.lacks(s.InstanceClass); why != "" {
			bad("instanceClass", "%s %s", s.InstanceClass, why)
		}
	}
	if s.aurora() {
		s.checkAurora(bad)
	} else {
		s.checkSingle(bad)
	}
	for _, name := range s.LogExports {
		if !slices.Contains(offered.logs, name) {
			bad("logExports", "%s has no log %q: it has %s", s.Engine, name, strings.Join(offered.logs, ", "))
		}
	}
	s.checkWindows(bad)
	if s.ExtendedSupport && s.Engine == "mariadb" {
		bad("extendedSupport", "AWS has none for mariadb")
	}
	if limit := 16; !s.postgres() && len(s.Username) > limit {
		bad("username", "must have at most %d characters in %s, but has %d", limit, s.Engine, len(s.Username))
	}
	if len(s.IAMAuthentication) > 0 && s.Engine == "mariadb" && s.major() == "10.5" {
		bad("iamAuthentication", "mariadb has it from 10.6 on")
	}
	if name := strings.ToLower(s.Username); slices.Contains(reserved, name) && (s.postgres() || name != "admin") {
		bad("username", "%q is reserved by RDS", s.Username)
	}
	if slices.Contains(reserved, strings.ToLower(s.Database)) {
		bad("database", "%q is reserved by RDS", s.Database)
	}
	if s.RestoreFrom != "" {
		if s.Database != "" {
			bad("database", "comes from the snapshot: leave it out with restoreFrom")
		}
		if s.Username != "" {
			bad("username", "comes from the snapshot: leave it out with restoreFrom")
		}
		if cluster := strings.Contains(s.RestoreFrom, ":cluster-snapshot:"); strings.HasPrefix(s.RestoreFrom, "arn:") &&
			cluster != s.aurora() {
			bad("restoreFrom", "is a snapshot of %s, and %s is restored from one of %s",
				map[bool]string{true: "a cluster", false: "an instance"}[cluster], s.Engine,
				map[bool]string{true: "a cluster", false: "an instance"}[s.aurora()])
		}
	}
	return problems
}

// leastWindow is how many minutes the windows of RDS last at least.
const leastWindow = 30

func (s *Spec) checkWindows(bad func(string, string, ...any)) {
	if text := component.DailyWindow(s.BackupWindow, leastWindow); text != "" {
		bad("backupWindow", "%s", text)
	}
	if text := component.WeeklyWindow(s.MaintenanceWindow, s.BackupWindow, "backupWindow", leastWindow); text != "" {
		bad("maintenanceWindow", "%s", text)
	}
}

func (s *Spec) checkVersion(offered engine, bad func(string, string, ...any)) {
	major := s.major()
	switch {
	case s.Version == "":
		bad("version", "is required: %s has %s", s.Engine, strings.Join(offered.majors, ", "))
	case major == "":
		bad("version", "%q is too short: a version of %s has two parts, such as %s", s.Version, s.Engine,
			offered.majors[len(offered.majors)-1])
	case !slices.Contains(offered.majors, major) && !offered.newer(major):
		bad("version", "%s has no version %s: it has %s", s.Engine, s.Version, strings.Join(offered.majors, ", "))
	case slices.Contains(offered.ended, major) && !s.ExtendedSupport:
		bad("version", "the standard support of %s %s has ended: choose a newer version, or accept AWS's charge for "+
			"extended support with extendedSupport: true", s.Engine, major)
	}
}

func (s *Spec) checkAurora(bad func(string, string, ...any)) {
	for _, key := range []struct {
		name  string
		given bool
	}{
		{"storage", s.Storage != nil},
		{"maxStorage", s.MaxStorage != nil},
		{"iops", s.IOPS != nil},
		{"throughput", s.Throughput != nil},
	} {
		if key.given {
			bad(key.name, "is not for Aurora, whose storage grows by itself")
		}
	}
	if s.MultiAZ {
		bad("multiAz", "is not for Aurora: give replicas, which take over when the writer fails")
	}
	if s.StorageType != "" && !strings.HasPrefix(s.StorageType, "aurora") {
		bad("storageType", "%s is not for Aurora: it has aurora and aurora-iopt1", s.StorageType)
	}
	if s.BackupRetention == 0 {
		bad("backupRetention", "Aurora keeps backups for a day at least")
	}
	if c := s.Capacity; c != nil {
		for i, n := range []float64{c.Min, c.Max} {
			if n*2 != float64(int(n*2)) {
				bad("capacity."+[]string{"min", "max"}[i], "must be a multiple of 0.5, but is %v", n)
			}
		}
		if c.Min > c.Max {
			bad("capacity.min", "must not be above max, but is %v, and max is %v", c.Min, c.Max)
		}
		if c.PauseAfter != nil && c.Min != 0 {
			bad("capacity.pauseAfter", "an instance pauses with min: 0 only")
		}
	}
}

func (s *Spec) checkSingle(bad func(string, string, ...any)) {
	if s.Capacity != nil {
		bad("capacity", "is for Aurora only: choose engine aurora-postgresql or aurora-mysql, or an instanceClass")
	}
	if s.Replicas > 0 {
		bad("replicas", "is for Aurora only: AWS refuses read replicas of instances whose password it manages")
	}
	if strings.HasPrefix(s.StorageType, "aurora") {
		bad("storageType", "%s is Aurora's", s.StorageType)
	}
	storage := s.storage()
	if s.MaxStorage != nil && *s.MaxStorage*10 < storage*11 {
		bad("maxStorage", "must be at least a tenth more than storage, which is %d: %d", storage, (storage*11+9)/10)
	}
	if strings.HasPrefix(s.StorageType, "io") {
		if s.IOPS == nil {
			bad("iops", "is required with storageType %s", s.StorageType)
		}
		if storage < 100 {
			bad("storage", "must be at least 100 with storageType %s", s.StorageType)
		}
	} else if s.IOPS != nil || s.Throughput != nil {
		key := "iops"
		if s.IOPS == nil {
			key = "throughput"
		}
		switch {
		case s.StorageType == "gp2":
			bad(key, "is not for gp2")
		case storage < 400:
			bad(key, "can be set from 400 GiB of storage on, which is %d", storage)
		}
	}
	if s.Throughput != nil && s.StorageType != "" && s.StorageType != "gp3" {
		bad("throughput", "is for gp3 only")
	}
}

// storage is the size of a single instance's storage, in GiB.
func (s *Spec) storage() int {
	if s.Storage != nil {
		return *s.Storage
	}
	return 20
}
