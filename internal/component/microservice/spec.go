// Package microservice is the kind MicroService: containers that answer requests, behind a load balancer, by an internal name, or
// both.
//
// In: an instance of the kind. Out: an ECS service on Fargate with all that it needs of its own; what services share comes from
// infra/cluster, infra/ingress and infra/network.
package microservice

import (
	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec.
type Spec struct {
	container.Spec

	Ports       []Port       `json:"ports" required:"true" doc:"Ports that the main container listens on; the first takes the requests of ingress."`
	Scaling     *Scaling     `json:"scaling,omitempty" doc:"How many tasks run. Default: one."`
	HealthCheck *HealthCheck `json:"healthCheck,omitempty" doc:"When a task counts as healthy."`
	Ingress     *Ingress     `json:"ingress,omitempty" doc:"Requests that the shared load balancer passes on to this service."`
}

// Port is a port of the main container.
type Port struct {
	Name string `json:"name" required:"true" doc:"Name of the port, for instance http."`
	Port int    `json:"port" required:"true" doc:"TCP port, 1 to 65535."`
}

// Scaling is how many tasks run.
type Scaling struct {
	container.Scaling
	RequestsPerTarget int `json:"requestsPerTarget,omitempty" doc:"Requests per minute and task to aim for; needs ingress."`
}

// HealthCheck says when a task is healthy: to the load balancer by path, to ECS by a command in the container.
type HealthCheck struct {
	Path     string         `json:"path,omitempty" doc:"Path that the load balancer asks; it wants a status from 200 to 399. Default /."`
	Port     int            `json:"port,omitempty" doc:"One of ports. Default: the first."`
	Interval value.Duration `json:"interval,omitempty" doc:"Time between two checks, 5s to 300s. Default 15s."`
	Command  []string       `json:"command,omitempty" doc:"Command in the main container that exits with 0 when it is healthy: [curl, -f, http://localhost:8080/health], or [CMD-SHELL, ...]."`
}

// Ingress is what the shared load balancer passes on.
type Ingress struct {
	Host        string           `json:"host,omitempty" doc:"Host name of the requests, * and ? are wildcards. Default: any."`
	Hosts       []string         `json:"hosts,omitempty" doc:"Further host names."`
	Path        string           `json:"path,omitempty" doc:"Path below which the requests are: /api takes /api and /api/...; * and ? are wildcards. Default: any."`
	Public      *bool            `json:"public,omitempty" doc:"From the internet; false: from inside the network only. Default true."`
	Certificate value.Of[string] `json:"certificate,omitempty" scalar:"text" doc:"HTTPS: ARN of an ACM certificate for all the hosts, or auto to find an issued one by each host's name. HTTP requests are redirected."`
	Priority    int              `json:"priority,omitempty" doc:"Place among all rules of the load balancer, lowest first, 1 to 999. Default: by how specific host and path are."`
}
