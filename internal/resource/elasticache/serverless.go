package elasticache

import "github.com/company/deployer/internal/value"

// ServerlessCacheType is the type of a serverless cache.
const ServerlessCacheType = "elasticache/serverless-cache"

// ServerlessCache is a cache whose size AWS chooses.
type ServerlessCache struct {
	Name              string             `json:"name" required:"true" doc:"Prefix of the name, to which a hash is added; 40 characters in all."`
	Description       string             `json:"description" required:"true" doc:"1 to 255 characters."`
	Engine            string             `json:"engine" required:"true" enum:"valkey,redis,memcached" doc:"The engine. redis becomes valkey in place."`
	MajorVersion      string             `json:"majorVersion" required:"true" doc:"Major version. AWS installs minor versions by itself, and never goes back."`
	SubnetIDs         value.Of[[]string] `json:"subnetIds" required:"true" doc:"Ids of subnets, each in another zone. AWS takes three at most: the first ones in the order of their ids. Further ones change nothing: the cache stays where it is."`
	SecurityGroups    value.Of[[]string] `json:"securityGroups" required:"true" doc:"Ids of security groups. Their order does not count."`
	KMSKey            string             `json:"kmsKey,omitempty" unset:"a key that AWS owns" doc:"ARN or id of the KMS key."`
	UserGroup         value.Of[string]   `json:"userGroup,omitempty" unset:"everybody in the security groups may connect" doc:"Id of the user group whose users may connect."`
	MaxStorage        *int               `json:"maxStorage,omitempty" unset:"AWS's limit" doc:"GB of data at most, 1 to 5000."`
	MaxUnits          *int               `json:"maxUnits,omitempty" unset:"AWS's limit" doc:"ElastiCache processing units per second at most, 1000 to 15000000."`
	SnapshotRetention *int               `json:"snapshotRetention,omitempty" unset:"0" doc:"Days that daily snapshots are kept, 0 to 35; 0: none are made."`
	SnapshotTime      string             `json:"snapshotTime,omitempty" unset:"chosen by AWS" doc:"Daily time in UTC: 03:00."`
	FinalSnapshot     bool               `json:"finalSnapshot,omitempty" doc:"Take a snapshot before a delete."`
	Tags              map[string]string  `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ServerlessCacheOutputs is what AWS adds to a serverless cache.
type ServerlessCacheOutputs struct {
	ARN      string `json:"arn"`
	Endpoint string `json:"endpoint"`
	Port     int    `json:"port"`
}
