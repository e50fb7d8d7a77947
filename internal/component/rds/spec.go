// Package rds is the kind RDS: a relational database, as an instance (PostgreSQL, MySQL, MariaDB) or as an Aurora
// cluster, or one that exists already.
//
// In: an instance of the kind. Out: the database with its groups, reachable only from the components that use it, and
// grants to connect. It is pure, and must not make a password: RDS does.
package rds

import (
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec.
type Spec struct {
	component.Common

	Engine              string            `json:"engine" required:"true" enum:"postgres,mysql,mariadb,aurora-postgresql,aurora-mysql" doc:"The database engine. Another engine is another, empty database."`
	Version             string            `json:"version,omitempty" scalar:"text" example:"\"17\"" doc:"Version of the engine: the major version (17, 8.4), or with the minor version to begin with (17.4). A major upgrade is a change of it. Minor versions that AWS has installed since count as equal. Required, except with existing."`
	InstanceClass       string            `json:"instanceClass,omitempty" pattern:"^db\\.[a-z0-9-]+(\\.[a-z0-9]+)?$" form:"an instance class, such as db.t4g.micro" unset:"db.t4g.micro; in Aurora db.t4g.medium, with capacity db.serverless" doc:"Size of the instances."`
	Capacity            *Capacity         `json:"capacity,omitempty" without:"instanceClass" why:"capacity is for Serverless v2, whose instances all have the class db.serverless" example:"{min: 0, max: 4, pauseAfter: 10m}" doc:"Aurora Serverless v2: limits between which each instance scales."`
	Storage             *int              `json:"storage,omitempty" min:"20" max:"65536" unset:"20, not in Aurora, which grows by itself" doc:"GiB. It can only grow."`
	MaxStorage          *int              `json:"maxStorage,omitempty" min:"22" max:"65536" unset:"AWS does not grow it" doc:"GiB up to which AWS grows the storage when it is nearly full; at least a tenth more than storage."`
	StorageType         string            `json:"storageType,omitempty" enum:"gp2,gp3,io1,io2,aurora,aurora-iopt1" unset:"gp3; aurora in Aurora" doc:"Kind of storage; aurora and aurora-iopt1 (I/O-Optimized) are Aurora's."`
	IOPS                *int              `json:"iops,omitempty" min:"1000" max:"256000" unset:"what comes with the storage" doc:"Provisioned I/O operations per second; with gp3 from 400 GiB on."`
	Throughput          *int              `json:"throughput,omitempty" min:"125" max:"4000" unset:"what comes with the storage" doc:"MiB per second, with gp3 from 400 GiB on."`
	MultiAZ             bool              `json:"multiAz,omitempty" doc:"Keep a standby in another zone, which takes over. In Aurora, replicas do that."`
	Replicas            int               `json:"replicas,omitempty" min:"0" max:"15" doc:"Aurora: further instances, which answer reads at readerEndpoint and take over when the writer fails."`
	Database            string            `json:"database,omitempty" pattern:"^[A-Za-z][A-Za-z0-9_]{0,62}$" form:"the name of a database: a letter, then letters, digits and _" unset:"app" doc:"Name of the database that is made at the beginning. Cannot be changed."`
	Username            string            `json:"username,omitempty" pattern:"^[A-Za-z][A-Za-z0-9_]{0,31}$" form:"a user name: a letter, then letters, digits and _" unset:"app" doc:"Name of the master user. Cannot be changed."`
	Port                *int              `json:"port,omitempty" min:"1150" max:"65535" unset:"5432, or 3306 for MySQL and MariaDB" doc:"TCP port."`
	PasswordRotation    *value.Duration   `json:"passwordRotation,omitempty" min:"1d" max:"1000d" step:"24h" unset:"7d, AWS's default" doc:"How often RDS changes the master user's password. Tasks read a secret when they start, so a task that keeps an old password must be replaced: see the manual."`
	Parameters          map[string]string `json:"parameters,omitempty" scalar:"text" example:"{log_min_duration_statement: 500}" doc:"Engine parameters; in Aurora those of the cluster. The plan says which of them wait for a reboot."`
	BackupRetention     value.Duration    `json:"backupRetention,omitempty" min:"0s" max:"35d" step:"24h" default:"7d" doc:"How long automated backups are kept; 0s is no backups, and impossible in Aurora."`
	BackupWindow        string            `json:"backupWindow,omitempty" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$" form:"a daily time in UTC, such as 03:00-04:00" unset:"AWS chooses" doc:"When the daily backup runs, in UTC."`
	MaintenanceWindow   string            `json:"maintenanceWindow,omitempty" pattern:"^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$" form:"a weekly time in UTC, such as sun:04:30-sun:05:30" unset:"AWS chooses" doc:"When AWS may interrupt the database for maintenance, in UTC."`
	MinorUpgrades       bool              `json:"minorUpgrades,omitempty" default:"true" doc:"AWS installs new minor versions in the maintenance window."`
	ExtendedSupport     bool              `json:"extendedSupport,omitempty" doc:"Stay on a major version after the end of its standard support. AWS charges for that by vCPU and hour. Without it, AWS upgrades the database."`
	DeletionProtection  *bool             `json:"deletionProtection,omitempty" unset:"true in production" doc:"Also let AWS refuse the delete. An apply or destroy with --allow-data-loss switches it off first."`
	FinalSnapshot       *bool             `json:"finalSnapshot,omitempty" unset:"true in production" doc:"Take a snapshot before the database is deleted."`
	LogExports          []string          `json:"logExports,omitempty" unique:"true" enum:"postgresql,upgrade,error,general,slowquery,audit,instance,iam-db-auth-error" doc:"Logs that go to CloudWatch Logs. Each engine has its own."`
	PerformanceInsights bool              `json:"performanceInsights,omitempty" doc:"Collect performance data, and keep it for 7 days."`
	IAMAuthentication   []string          `json:"iamAuthentication,omitempty" unique:"true" pattern:"^[A-Za-z][A-Za-z0-9_]{0,62}$" form:"the name of a database user" example:"[reporting]" unset:"off" doc:"Database users that may log in with IAM tokens in place of a password. connect allows it for them."`
	KMSKey              value.Of[string]  `json:"kmsKey,omitempty" unset:"the account's aws/rds key" pattern:"^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+|alias/[A-Za-z0-9/_-]+|(mrk-)?[0-9a-f-]{32,36})$" form:"the id, ARN or alias of a KMS key (alias/shop)" doc:"Key of the storage. It is always encrypted. Cannot be changed."`
	RestoreFrom         string            `json:"restoreFrom,omitempty" pattern:"^([A-Za-z][A-Za-z0-9-]{0,254}|rds:[A-Za-z0-9-]{1,255}|arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:(cluster-)?snapshot:.+)$" form:"the name or ARN of a snapshot" doc:"Snapshot from which the database is made; of an Aurora cluster, a cluster snapshot. Database, master user and encryption are those of the snapshot. Once the database is made, it has no effect: leave it in place."`
	Subnets             []string          `json:"subnets,omitempty" min:"2" max:"16" why:"AWS asks for two zones" unique:"true" pattern:"^subnet-[0-9a-f]{8,17}$" form:"the id of a subnet, such as subnet-0123456789abcdef0" unset:"as the Network says" example:"[subnet-0123456789abcdef0, subnet-0123456789abcdef1]" doc:"Ids of the subnets of the VPC in which the database is, in at least two zones."`
	Existing            *Existing         `json:"existing,omitempty" without:"version,instanceClass,capacity,storage,replicas,restoreFrom,parameters,passwordRotation,logExports,kmsKey,multiAz,subnets" why:"deployer does not change a database that it did not make" doc:"Use a database that exists: nothing of it is made, changed or deleted."`
}

// Capacity are the limits of Aurora Serverless v2.
type Capacity struct {
	Min        float64         `json:"min,omitempty" min:"0" max:"256" doc:"Aurora capacity units (2 GiB of memory each) that an instance has at least, in steps of 0.5; 0 lets it pause."`
	Max        float64         `json:"max" required:"true" min:"1" max:"256" doc:"Capacity units at most, in steps of 0.5."`
	PauseAfter *value.Duration `json:"pauseAfter,omitempty" min:"5m" max:"24h" step:"1s" unset:"5m where min is 0" doc:"How long without connections before an instance pauses. The first connection afterwards waits about 15 s. With min 0 only."`
}

// Existing names a database that deployer did not make.
type Existing struct {
	Identifier string           `json:"identifier" required:"true" pattern:"^[A-Za-z][A-Za-z0-9-]{0,62}$" form:"the identifier of an instance or a cluster" doc:"Identifier of the instance; in Aurora, of the cluster."`
	Secret     value.Of[string] `json:"secret,omitempty" pattern:"^(none|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+)$" form:"the ARN of a secret, or none" unset:"that of the password which RDS manages" doc:"Secret with username and password, for secretArn and connect; none: they have none."`
}

// aurora reports whether the engine is Aurora's.
func (s *Spec) aurora() bool { return s.Engine == "aurora-postgresql" || s.Engine == "aurora-mysql" }

// postgres reports whether the engine speaks PostgreSQL.
func (s *Spec) postgres() bool { return s.Engine == "postgres" || s.Engine == "aurora-postgresql" }

// port is the port that the database listens on.
func (s *Spec) port() int {
	switch {
	case s.Port != nil:
		return *s.Port
	case s.postgres():
		return 5432
	default:
		return 3306
	}
}

// class is the class of its instances.
func (s *Spec) class() string {
	switch {
	case s.Capacity != nil:
		return serverless
	case s.InstanceClass != "":
		return s.InstanceClass
	case s.aurora():
		return "db.t4g.medium"
	default:
		return "db.t4g.micro"
	}
}

const serverless = "db.serverless"

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
