package rds

import "github.com/company/deployer/internal/value"

// InstanceType is the type of a database instance, alone or in an Aurora cluster.
const InstanceType = "rds/instance"

// Instance is a DB instance. An instance of a cluster has only the properties that are not the cluster's. Properties
// that are not given are AWS's to choose, and are not compared. Those that were given and are no more get AWS's default
// if they have one.
type Instance struct {
	Identifier        string             `json:"identifier" required:"true" doc:"Prefix of the name, to which a hash is added; 63 characters in all."`
	Engine            string             `json:"engine" required:"true" doc:"postgres, mysql, mariadb, aurora-postgresql, aurora-mysql."`
	EngineVersion     string             `json:"engineVersion,omitempty" doc:"Version, or its beginning: 16 or 16.4. A later minor version of the same major version counts as equal."`
	Class             string             `json:"class" required:"true" doc:"Instance class: db.t4g.micro; db.serverless in a cluster with capacity."`
	ClusterIdentifier value.Of[string]   `json:"clusterIdentifier,omitempty" doc:"The Aurora cluster to which it belongs."`
	Storage           *int               `json:"storage,omitempty" doc:"GiB. More than that, after AWS or somebody has grown it, counts as equal."`
	MaxStorage        *int               `json:"maxStorage,omitempty" doc:"GiB up to which AWS grows the storage; 0 is never."`
	StorageType       string             `json:"storageType,omitempty" doc:"gp2, gp3, io1, io2."`
	IOPS              *int               `json:"iops,omitempty" unset:"what comes with the storage" doc:"Provisioned I/O operations per second."`
	Throughput        *int               `json:"throughput,omitempty" unset:"what comes with the storage" doc:"MiB per second, gp3 only."`
	MultiAZ           *bool              `json:"multiAz,omitempty" doc:"Keep a standby in another zone."`
	Database          string             `json:"database,omitempty" doc:"Name of the database that is made with the instance."`
	Username          string             `json:"username,omitempty" doc:"Name of the master user."`
	ManagedPassword   *bool              `json:"managedPassword,omitempty" doc:"RDS makes the password, keeps it in Secrets Manager and rotates it. False: it has one that nobody knows, until somebody sets another."`
	PasswordRotation  *int               `json:"passwordRotation,omitempty" unset:"7, AWS's default" doc:"Days between rotations of a managed password, 1 to 1000."`
	SubnetGroup       value.Of[string]   `json:"subnetGroup,omitempty" doc:"Name of the DB subnet group."`
	SecurityGroupIDs  value.Of[[]string] `json:"securityGroupIds,omitempty" doc:"Ids of the security groups."`
	ParameterGroup    value.Of[string]   `json:"parameterGroup,omitempty" doc:"Name of the DB parameter group."`
	ListenPort        *int               `json:"listenPort,omitempty" doc:"TCP port."`
	Public            bool               `json:"public,omitempty" doc:"Give it a public address."`
	Encrypted         bool               `json:"encrypted,omitempty" doc:"Encrypt storage, backups and snapshots."`
	KMSKey            value.Of[string]   `json:"kmsKey,omitempty" unset:"the account's aws/rds key" doc:"Id, ARN or alias of the key for the storage."`
	BackupRetention   *int               `json:"backupRetention,omitempty" doc:"Days that automated backups are kept, 0 to 35; 0 is none."`
	BackupWindow      string             `json:"backupWindow,omitempty" doc:"Daily time of the backup, in UTC: 03:00-04:00."`
	MaintenanceWindow string             `json:"maintenanceWindow,omitempty" doc:"Weekly time of maintenance, in UTC: sun:04:30-sun:05:30."`
	MinorUpgrades     *bool              `json:"minorUpgrades,omitempty" doc:"AWS installs minor versions in the maintenance window."`
	LogExports        []string           `json:"logExports,omitempty" doc:"Logs that go to CloudWatch Logs: postgresql, upgrade, error, slowquery, general, audit."`
	Insights          *bool              `json:"insights,omitempty" doc:"Collect performance data (Performance Insights)."`
	InsightsRetention *int               `json:"insightsRetention,omitempty" doc:"Days that performance data is kept."`
	IAMAuthentication *bool              `json:"iamAuthentication,omitempty" doc:"Database users may log in with IAM tokens."`
	Protected         *bool              `json:"deletionProtection,omitempty" doc:"AWS refuses to delete it."`
	FinalSnapshot     bool               `json:"finalSnapshot,omitempty" doc:"Take a snapshot before it is deleted."`
	ExtendedSupport   *bool              `json:"extendedSupport,omitempty" doc:"Stay on a major version after its standard support, at extra cost."`
	Snapshot          string             `json:"snapshot,omitempty" doc:"Snapshot from which it is made. A later change has no effect."`
	PromotionTier     *int               `json:"promotionTier,omitempty" doc:"Which instance of a cluster takes over first, 0 to 15."`
	Tags              map[string]string  `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// InstanceOutputs is what AWS adds to an instance.
type InstanceOutputs struct {
	ARN        string `json:"arn"`
	Endpoint   string `json:"endpoint"` // host name
	Port       int    `json:"port"`
	SecretARN  string `json:"secretArn"`  // of the managed password
	ResourceID string `json:"resourceId"` // of this instance, unlike its name never used again: "db-ABC…"
	// what a database has that was made from a snapshot
	RestoredDatabase string `json:"restoredDatabase,omitempty"`
	RestoredUsername string `json:"restoredUsername,omitempty"`
}

// ClusterType is the type of an Aurora cluster.
const ClusterType = "rds/cluster"

// Cluster is an Aurora DB cluster: storage, endpoints, users. Its instances run the engine. Properties that are not
// given are AWS's to choose, and are not compared. Those that were given and are no more get AWS's default if they have
// one.
type Cluster struct {
	Identifier        string             `json:"identifier" required:"true" doc:"Prefix of the name, to which a hash is added; 63 characters in all."`
	Engine            string             `json:"engine" required:"true" doc:"aurora-postgresql or aurora-mysql."`
	EngineVersion     string             `json:"engineVersion,omitempty" doc:"Version, or its beginning: 16 or 16.4. A later minor version of the same major version counts as equal."`
	Capacity          *Capacity          `json:"capacity,omitempty" doc:"Limits of Serverless v2, for instances of class db.serverless."`
	StorageType       string             `json:"storageType,omitempty" unset:"aurora" doc:"aurora, or aurora-iopt1 for I/O-Optimized."`
	Database          string             `json:"database,omitempty" doc:"Name of the database that is made with the cluster."`
	Username          string             `json:"username,omitempty" doc:"Name of the master user."`
	ManagedPassword   *bool              `json:"managedPassword,omitempty" doc:"RDS makes the password, keeps it in Secrets Manager and rotates it. False: it has one that nobody knows, until somebody sets another."`
	PasswordRotation  *int               `json:"passwordRotation,omitempty" unset:"7, AWS's default" doc:"Days between rotations of a managed password, 1 to 1000."`
	SubnetGroup       value.Of[string]   `json:"subnetGroup,omitempty" doc:"Name of the DB subnet group."`
	SecurityGroupIDs  value.Of[[]string] `json:"securityGroupIds,omitempty" doc:"Ids of the security groups."`
	ParameterGroup    value.Of[string]   `json:"parameterGroup,omitempty" doc:"Name of the DB cluster parameter group."`
	ListenPort        *int               `json:"listenPort,omitempty" doc:"TCP port."`
	Encrypted         bool               `json:"encrypted,omitempty" doc:"Encrypt storage, backups and snapshots."`
	KMSKey            value.Of[string]   `json:"kmsKey,omitempty" unset:"the account's aws/rds key" doc:"Id, ARN or alias of the key for the storage."`
	BackupRetention   *int               `json:"backupRetention,omitempty" doc:"Days that automated backups are kept, 1 to 35."`
	BackupWindow      string             `json:"backupWindow,omitempty" doc:"Daily time of the backup, in UTC: 03:00-04:00."`
	MaintenanceWindow string             `json:"maintenanceWindow,omitempty" doc:"Weekly time of maintenance, in UTC: sun:04:30-sun:05:30."`
	LogExports        []string           `json:"logExports,omitempty" doc:"Logs that go to CloudWatch Logs: postgresql, error, slowquery, general, audit."`
	IAMAuthentication *bool              `json:"iamAuthentication,omitempty" doc:"Database users may log in with IAM tokens."`
	Protected         *bool              `json:"deletionProtection,omitempty" doc:"AWS refuses to delete it."`
	FinalSnapshot     bool               `json:"finalSnapshot,omitempty" doc:"Take a snapshot before it is deleted."`
	ExtendedSupport   *bool              `json:"extendedSupport,omitempty" doc:"Stay on a major version after its standard support, at extra cost."`
	Snapshot          string             `json:"snapshot,omitempty" doc:"Cluster snapshot from which it is made. A later change has no effect."`
	Tags              map[string]string  `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// Capacity are the limits of Serverless v2, in Aurora capacity units (ACU).
type Capacity struct {
	Min        float64 `json:"min" doc:"ACU at least; 0 lets an idle instance pause."`
	Max        float64 `json:"max" required:"true" doc:"ACU at most."`
	PauseAfter *int    `json:"pauseAfter,omitempty" doc:"Seconds without connections after which an instance pauses, 300 to 86400; with min 0 only."`
}

// ClusterOutputs is what AWS adds to a cluster.
type ClusterOutputs struct {
	ARN            string `json:"arn"`
	Endpoint       string `json:"endpoint"` // host name, of the writer
	ReaderEndpoint string `json:"readerEndpoint"`
	Port           int    `json:"port"`
	SecretARN      string `json:"secretArn"`  // of the managed password
	ResourceID     string `json:"resourceId"` // of this cluster, unlike its name never used again: "cluster-ABC…"
	// what a database has that was made from a snapshot
	RestoredDatabase string `json:"restoredDatabase,omitempty"`
	RestoredUsername string `json:"restoredUsername,omitempty"`
}
