package elasticache

import "github.com/company/deployer/internal/value"

// ReplicationGroupType is the type of a cache of Valkey or Redis OSS.
const ReplicationGroupType = "elasticache/replication-group"

// What TransitEncryption can be.
const (
	Required  = "required"
	Preferred = "preferred"
	Disabled  = "disabled"
)

// ReplicationGroup is a cache of Valkey or Redis OSS: a primary node and its replicas, in one shard or in several.
type ReplicationGroup struct {
	Name             string             `json:"name" required:"true" doc:"Prefix of the id, to which a hash is added; 40 characters in all."`
	Description      string             `json:"description" required:"true" doc:"1 to 255 characters."`
	Engine           string             `json:"engine" required:"true" enum:"valkey,redis" doc:"The engine. redis becomes valkey in place."`
	EngineVersion    string             `json:"engineVersion" required:"true" doc:"Major and minor version. AWS upgrades in place, and never goes back."`
	NodeType         string             `json:"nodeType" required:"true" doc:"Size of the nodes; a change happens online."`
	Nodes            int                `json:"nodes" required:"true" doc:"Nodes of each shard: the primary and 0 to 5 replicas."`
	Shards           *int               `json:"shards,omitempty" unset:"cluster mode is off" doc:"Shards of a cache in cluster mode, 1 to 500."`
	ParameterGroup   value.Of[string]   `json:"parameterGroup" required:"true" doc:"Name of the parameter group."`
	SubnetGroup      value.Of[string]   `json:"subnetGroup" required:"true" doc:"Name of the subnet group."`
	SecurityGroups   value.Of[[]string] `json:"securityGroups" required:"true" doc:"Ids of security groups. Their order does not count."`
	Port             *int               `json:"port,omitempty" unset:"6379" doc:"TCP port of all nodes."`
	Failover         *bool              `json:"failover,omitempty" unset:"true with more than one node" doc:"A replica takes over when the primary fails."`
	MultiAZ          *bool              `json:"multiAz,omitempty" unset:"true with more than one node" doc:"Nodes in more than one zone. Needs failover."`
	AtRestEncryption *bool              `json:"atRestEncryption,omitempty" unset:"true" doc:"Encrypt disks and snapshots."`
	KMSKey           string             `json:"kmsKey,omitempty" unset:"a key that AWS owns" doc:"ARN or id of the KMS key."`
	// TransitEncryption: preferred takes connections with and without TLS.
	TransitEncryption string `json:"transitEncryption,omitempty" unset:"required" enum:"required,preferred,disabled" doc:"TLS of connections."`

	SnapshotRetention *int             `json:"snapshotRetention,omitempty" unset:"0" doc:"Days that daily snapshots are kept, 0 to 35; 0: none are made."`
	SnapshotWindow    string           `json:"snapshotWindow,omitempty" unset:"chosen by AWS" doc:"Daily time in UTC: 03:00-04:00."`
	FinalSnapshot     bool             `json:"finalSnapshot,omitempty" doc:"Take a snapshot before a delete."`
	RestoreFrom       string           `json:"restoreFrom,omitempty" doc:"Name of the snapshot that fills a new cache."`
	MaintenanceWindow string           `json:"maintenanceWindow,omitempty" unset:"chosen by AWS" doc:"Weekly time in UTC: sun:05:00-sun:06:00."`
	MinorUpgrades     *bool            `json:"minorUpgrades,omitempty" unset:"true" doc:"AWS may install newer minor versions."`
	SlowLog           value.Of[string] `json:"slowLog,omitempty" doc:"Log group for slow commands."`
	EngineLog         value.Of[string] `json:"engineLog,omitempty" doc:"Log group for the engine's messages."`

	PasswordSecret  value.Of[string] `json:"passwordSecret,omitempty" doc:"ARN of the secret whose key password is the AUTH token."`
	PasswordVersion value.Of[string] `json:"passwordVersion,omitempty" doc:"Version of that secret. Another one rotates the token."`
	UserGroup       value.Of[string] `json:"userGroup,omitempty" doc:"Id of the user group that may connect."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ReplicationGroupOutputs is what AWS adds to a replication group.
type ReplicationGroupOutputs struct {
	ARN            string `json:"arn"`
	Endpoint       string `json:"endpoint"`       // the primary node, or in cluster mode the whole cluster
	ReaderEndpoint string `json:"readerEndpoint"` // all replicas, or in cluster mode the whole cluster
	Port           int    `json:"port"`
}
