package servicediscovery

import "github.com/company/deployer/internal/value"

// ServiceType is a name in a namespace under which instances register.
const ServiceType = "servicediscovery/service"

// Service are the properties of a Cloud Map service with A records, as ECS registers tasks. Its ID is Cloud Map's (srv-...).
type Service struct {
	// Name is what stands before the namespace's name; it may have dots: api.user-service.
	Name        string           `json:"name" required:"true"`
	NamespaceID value.Of[string] `json:"namespaceId" required:"true"`
	// TTL is how many seconds resolvers may remember an address. Default: 10, so that a stopped task is forgotten soon.
	TTL int `json:"ttl,omitempty"`
	// RoutingPolicy is MULTIVALUE (default: up to eight healthy addresses) or WEIGHTED (one).
	RoutingPolicy string `json:"routingPolicy,omitempty" enum:"MULTIVALUE,WEIGHTED"`
	// CustomHealth lets ECS report the tasks' health, so that only healthy ones are answered. Default: true.
	CustomHealth *bool `json:"customHealth,omitempty"`

	Tags map[string]string `json:"tags,omitempty"`
}

// ServiceOutputs are what AWS adds.
type ServiceOutputs struct {
	// ARN is what ECS wants in serviceRegistries.
	ARN  string `json:"arn"`
	ID   string `json:"id"`
	Name string `json:"name"`
}
