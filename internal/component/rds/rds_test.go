package rds_test

import (
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/testkit/componenttest"
)

func TestGolden(t *testing.T) { componenttest.Golden(t, kinds.Registry()) }

func TestCheck(t *testing.T) {
	const postgres, aurora = "engine: postgres\nversion: \"17\"\n", "engine: aurora-postgresql\nversion: \"16\"\n"
	componenttest.CheckSpecs(t, kinds.Registry(), "RDS", map[string][2]string{
		"least":             {postgres, ""},
		"number":            {"engine: postgres\nversion: 17.4", ""},
		"no such engine":    {"engine: oracle", `engine: "oracle" is not one of`},
		"no version":        {"engine: mysql", "version: is required: mysql has 5.7, 8.0, 8.4"},
		"version of others": {"engine: mysql\nversion: \"16\"", `version: "16" is too short`},
		"no such version":   {"engine: mysql\nversion: \"16.4\"", "version: mysql has no version 16.4"},
		"too old":           {"engine: postgres\nversion: \"9.6\"", "version: postgres has no version 9.6"},
		"newer than known":  {"engine: postgres\nversion: \"19.1\"", ""},
		"far too new":       {"engine: postgres\nversion: \"30\"", "version: postgres has no version 30"},
		"support has ended": {
			"engine: postgres\nversion: \"12\"",
			"version: the standard support of postgres 12 has ended",
		},
		"support is bought": {"engine: postgres\nversion: \"12\"\nextendedSupport: true", ""},
		"class of others": {
			aurora + "instanceClass: db.m5.large",
			"instanceClass: db.m5.large is not available for aurora",
		},
		"too small a class": {aurora + "instanceClass: db.t4g.micro", "instanceClass: db.t4g.micro is not available"},
		"no such size":      {postgres + "instanceClass: db.m7g.huge", "instanceClass: db.m7g.huge has no size"},
		"no such class":     {postgres + "instanceClass: m7g.large", "instanceClass: "},
		"class that may be": {postgres + "instanceClass: db.m10g.large", ""},
		"serverless class": {
			aurora + "instanceClass: db.serverless",
			"instanceClass: db.serverless is for Serverless v2",
		},
		"capacity": {aurora + "capacity: {min: 0.5, max: 4}", ""},
		"class and capacity": {
			aurora + "instanceClass: db.r7g.large\ncapacity: {max: 4}",
			"capacity",
		},
		"capacity of instance": {postgres + "capacity: {max: 4}", "capacity: is for Aurora only"},
		"half steps":           {aurora + "capacity: {min: 0.3, max: 4}", "capacity.min: must be a multiple of 0.5"},
		"turned round":         {aurora + "capacity: {min: 8, max: 4}", "capacity.min: must not be above max"},
		"pause without zero": {
			aurora + "capacity: {min: 1, max: 4, pauseAfter: 5m}",
			"capacity.pauseAfter: an instance pauses",
		},
		"storage in Aurora":    {aurora + "storage: 100", "storage: is not for Aurora"},
		"standby in Aurora":    {aurora + "multiAz: true", "multiAz: is not for Aurora"},
		"no backups in Aurora": {aurora + "backupRetention: 0s", "backupRetention: Aurora keeps backups for a day"},
		"replicas of instance": {postgres + "replicas: 1", "replicas: is for Aurora only"},
		"little growth": {
			postgres + "storage: 100\nmaxStorage: 105",
			"maxStorage: must be at least a tenth more",
		},
		"iops of small gp3":  {postgres + "storage: 100\niops: 4000", "iops: can be set from 400 GiB"},
		"io without iops":    {postgres + "storage: 100\nstorageType: io2", "iops: is required with storageType io2"},
		"logs of others":     {postgres + "logExports: [slowquery]", `logExports: postgres has no log "slowquery"`},
		"reserved user":      {postgres + "username: admin", `username: "admin" is reserved`},
		"user of a snapshot": {postgres + "restoreFrom: old\nusername: me", "username: comes from the snapshot"},
		"snapshot of others": {
			postgres + "restoreFrom: arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:old",
			"restoreFrom: is a snapshot of a cluster",
		},
		"windows that overlap": {
			postgres + "backupWindow: 04:00-05:00\nmaintenanceWindow: sun:04:30-sun:05:30",
			"maintenanceWindow: overlaps backupWindow, 04:00-05:00 on each day",
		},
		"windows":            {postgres + "backupWindow: 03:00-04:00\nmaintenanceWindow: sun:04:00-sun:04:30", ""},
		"short window":       {postgres + "backupWindow: 03:00-03:20", "backupWindow: lasts 20 minutes"},
		"long name":          {"engine: mysql\nversion: \"8.4\"\nusername: a2345678901234567", "username: must have"},
		"support of MariaDB": {"engine: mariadb\nversion: \"11.4\"\nextendedSupport: true", "extendedSupport: "},
		"existing":           {"engine: postgres\nexisting: {identifier: legacy}", ""},
		"existing changed": {
			"engine: postgres\nexisting: {identifier: legacy}\nstorage: 30",
			"existing: cannot be given together with storage: deployer does not change a database",
		},
	})
}
