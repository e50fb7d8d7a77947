// Package microservice is the kind MicroService: containers that answer requests, behind a load balancer, by an
// internal name, or both.
//
// In: an instance of the kind. Out: an ECS service on Fargate with its own resources. Shared resources come from
// infra/cluster, infra/ingress and infra/network. It is pure and must not repeat what Worker needs, too: that is in
// package container.
package microservice

import (
	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec.
type Spec struct {
	container.Spec

	Ports       []Port      `json:"ports" required:"true" min:"1" unique:"name,port" why:"without a port, use a Worker" doc:"Ports that the main container listens on; the first one gets the requests of ingress."`
	Scaling     Scaling     `json:"scaling,omitempty" doc:"How many tasks run."`
	HealthCheck HealthCheck `json:"healthCheck,omitempty" doc:"When a task counts as healthy."`
	Ingress     *Ingress    `json:"ingress,omitempty" doc:"Requests that the shared load balancer forwards to this service."`
}

// Port is a port of the main container.
type Port struct {
	Name string `json:"name" required:"true" pattern:"^[a-z][a-z0-9-]{0,30}$" form:"the name of a port: lower case letters, digits and -, at most 31" example:"http" doc:"Name of the port."`
	Port int    `json:"port" required:"true" min:"1" max:"65535" doc:"TCP port."`
}

// Scaling is how many tasks run.
type Scaling struct {
	container.Scaling
	RequestsPerTarget int `json:"requestsPerTarget,omitempty" min:"1" unset:"does not count" doc:"Requests per minute and task to aim for; needs ingress."`
}

// HealthCheck says when a task is healthy: the load balancer requests a path, ECS runs a command in the container.
type HealthCheck struct {
	Path     string         `json:"path,omitempty" pattern:"^/" form:"a path, which begins with /" max:"1024" default:"/" doc:"Path that the load balancer requests; a status from 200 to 399 is healthy."`
	Port     int            `json:"port,omitempty" min:"1" max:"65535" unset:"the first of ports" doc:"One of ports."`
	Interval value.Duration `json:"interval,omitempty" min:"5s" max:"300s" step:"1s" default:"15s" doc:"Time between two checks of the load balancer."`
	Command  []string       `json:"command,omitempty" min:"1" unset:"ECS does not check" example:"[curl, -f, http://localhost:8080/health]" doc:"Command in the main container that exits with 0 when it is healthy. A shell runs what follows CMD-SHELL: [CMD-SHELL, test -f /tmp/ready]."`
}

// Ingress says which requests the shared load balancer forwards to the service.
type Ingress struct {
	Host        string           `json:"host,omitempty" pattern:"^([a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?\\.)+([0-9]*[a-z*?]([a-z0-9*?-]*[a-z0-9*?])?|[0-9]+-[a-z0-9*?-]*[a-z0-9*?])$" form:"a host name such as api.example.com (lower case, without scheme, port or path)" max:"128" unset:"any" doc:"Host name of the requests; * and ? are wildcards."`
	Hosts       []string         `json:"hosts,omitempty" min:"1" unique:"true" pattern:"^([a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?\\.)+([0-9]*[a-z*?]([a-z0-9*?-]*[a-z0-9*?])?|[0-9]+-[a-z0-9*?-]*[a-z0-9*?])$" form:"a host name such as api.example.com (lower case, without scheme, port or path)" doc:"Further host names."`
	Path        string           `json:"path,omitempty" pattern:"^/[A-Za-z0-9_.$/~\"'@:+&*?-]*$" form:"a path such as /api (it begins with / and has no query)" max:"128" unset:"any" doc:"Path of the requests: /api matches /api and /api/...; * and ? are wildcards."`
	Public      bool             `json:"public,omitempty" default:"true" doc:"Reachable from the internet; false: only from inside the network."`
	Certificate value.Of[string] `json:"certificate,omitempty" scalar:"text" pattern:"^(auto|true|arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-z0-9-]+)$" form:"the ARN of an ACM certificate or the word auto" needs:"host|hosts" unset:"HTTP only" doc:"HTTPS: the ARN of an ACM certificate for all the hosts; auto finds an issued one by each host's name, or requests one. HTTP requests are redirected."`
	Zone        string           `json:"zone,omitempty" pattern:"^(none|[A-Z0-9]{8,32}|([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\\.)*[a-z0-9-]*[a-z][a-z0-9-]*\\.?)$" form:"the id of a hosted zone, its name or the word none" needs:"host|hosts" unset:"the one in the account with the longest name that the host ends in" doc:"Route 53 hosted zone for the records of the hosts: its id or name; none makes no records. Services inside the network use private zones of the VPC."`
	ZoneRole    value.Of[string] `json:"zoneRole,omitempty" scalar:"text" pattern:"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$" form:"the ARN of an IAM role" needs:"host|hosts" unset:"the credentials in use" doc:"ARN of a role that may change the hosted zone, for a zone of another account."`
	Priority    int              `json:"priority,omitempty" min:"1" max:"999" unset:"by how specific host and path are" doc:"Position among all rules of the load balancer; the lowest is first."`
}
