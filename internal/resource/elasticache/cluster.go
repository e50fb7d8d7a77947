package elasticache

import "github.com/company/deployer/internal/value"

// ClusterType is the type of a cache of Memcached.
const ClusterType = "elasticache/cluster"

// Cluster is a cache of Memcached: nodes that share the data.
type Cluster struct {
	Name              string             `json:"name" required:"true" doc:"Prefix of the id, to which a hash is added; 50 characters in all."`
	EngineVersion     string             `json:"engineVersion" required:"true" doc:"Version. A newer one is installed in place, and empties the nodes."`
	NodeType          string             `json:"nodeType" required:"true" doc:"Size of the nodes. Another one needs a new, empty cache."`
	Nodes             int                `json:"nodes" required:"true" doc:"Number of nodes, 1 to 40."`
	ParameterGroup    value.Of[string]   `json:"parameterGroup" required:"true" doc:"Name of the parameter group."`
	SubnetGroup       value.Of[string]   `json:"subnetGroup" required:"true" doc:"Name of the subnet group."`
	SecurityGroups    value.Of[[]string] `json:"securityGroups" required:"true" doc:"Ids of security groups. Their order does not count."`
	Port              *int               `json:"port,omitempty" unset:"11211" doc:"TCP port of all nodes."`
	MultiAZ           *bool              `json:"multiAz,omitempty" unset:"true with more than one node" doc:"Nodes in several zones."`
	TransitEncryption *bool              `json:"transitEncryption,omitempty" unset:"true" doc:"TLS of connections. Memcached 1.6.12 and newer."`
	MaintenanceWindow string             `json:"maintenanceWindow,omitempty" unset:"chosen by AWS" doc:"Weekly time in UTC: sun:05:00-sun:06:00."`
	Tags              map[string]string  `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ClusterOutputs is what AWS adds to a cluster.
type ClusterOutputs struct {
	ARN      string `json:"arn"`
	Endpoint string `json:"endpoint"` // where clients ask for the nodes
	Port     int    `json:"port"`
}
