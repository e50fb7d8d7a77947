package servicediscovery

import "github.com/company/deployer/internal/value"

// ServiceType is a name in a namespace. Instances register under that name.
const ServiceType = "servicediscovery/service"

// Service are the properties of a Cloud Map service with A records, as ECS registers tasks. Its ID is Cloud Map's
// (srv-...).
type Service struct {
	Name          string           `json:"name" required:"true" doc:"What stands before the name of the namespace; it may have dots."`
	NamespaceID   value.Of[string] `json:"namespaceId" required:"true" doc:"Id of the namespace."`
	TTL           int              `json:"ttl,omitempty" unset:"10" doc:"Seconds that resolvers may remember an address."`
	RoutingPolicy string           `json:"routingPolicy,omitempty" enum:"MULTIVALUE,WEIGHTED" unset:"MULTIVALUE" doc:"MULTIVALUE answers up to eight healthy addresses, WEIGHTED one."`
	CustomHealth  *bool            `json:"customHealth,omitempty" unset:"true" doc:"ECS reports the tasks' health, so that only healthy ones are answered."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ServiceOutputs are what AWS adds.
type ServiceOutputs struct {
	// ARN is what ECS needs in serviceRegistries.
	ARN  string `json:"arn"`
	ID   string `json:"id"`
	Name string `json:"name"`
}
