package ingress

import (
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec. Without a manifest everything has its default.
type Spec struct {
	component.Common

	Public   Balancer `json:"public,omitempty" doc:"Settings of the load balancer that is reached from the internet."`
	Internal Balancer `json:"internal,omitempty" doc:"Settings of the load balancer that is reached from inside the network."`
}

// Balancer are the settings of one shared load balancer.
type Balancer struct {
	IdleTimeout        value.Duration   `json:"idleTimeout,omitempty" min:"1s" max:"4000s" step:"1s" unset:"60s" doc:"How long a connection may be silent."`
	TLSPolicy          string           `json:"tlsPolicy,omitempty" pattern:"^ELBSecurityPolicy-[A-Za-z0-9-]+$" form:"the name of a security policy of Elastic Load Balancing" unset:"ELBSecurityPolicy-TLS13-1-2-2021-06" doc:"TLS versions and ciphers of HTTPS."`
	HTTPRedirect       *bool            `json:"httpRedirect,omitempty" unset:"true" doc:"HTTP requests for services with a certificate are redirected to HTTPS; false: these services also answer over HTTP."`
	DeletionProtection *bool            `json:"deletionProtection,omitempty" unset:"true in production" doc:"AWS refuses to delete the load balancer. deployer switches it off before a delete that --allow-data-loss allows."`
	DropInvalidHeaders *bool            `json:"dropInvalidHeaders,omitempty" unset:"true" doc:"Header fields that are not valid HTTP do not reach the containers."`
	DesyncMitigation   string           `json:"desyncMitigation,omitempty" enum:"monitor,defensive,strictest" unset:"defensive" doc:"What happens to requests that could desynchronise proxies."`
	AccessLogs         *AccessLogs      `json:"accessLogs,omitempty" unset:"none" doc:"Write every request to a bucket."`
	WebACL             value.Of[string] `json:"webAcl,omitempty" pattern:"^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:[0-9]{12}:regional/webacl/[A-Za-z0-9_-]+/[A-Za-z0-9-]+$" form:"the ARN of a regional web ACL of AWS WAF" unset:"none" doc:"ARN of a web ACL of AWS WAF, which decides about requests before the load balancer does."`
	Existing           *Existing        `json:"existing,omitempty" unset:"a load balancer of the stack's own" doc:"A load balancer that exists already. The services join it, and nothing of it is made, changed or deleted."`
}

// AccessLogs says where a load balancer writes every request.
type AccessLogs struct {
	Bucket    value.Of[string] `json:"bucket,omitempty" unset:"one that is made for them" doc:"Name of a bucket in the same region whose policy lets Elastic Load Balancing write to it."`
	Prefix    string           `json:"prefix,omitempty" pattern:"^[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*$" form:"the beginning of a key, without / at its ends" max:"512" unset:"none" doc:"Beginning of the objects' keys."`
	Retention value.Duration   `json:"retention,omitempty" without:"bucket" min:"1d" max:"3650d" step:"1d" unset:"90d" doc:"How long the bucket that is made for them keeps them."`
}

// Existing names a load balancer that somebody else has made.
type Existing struct {
	_ struct{} `anyOf:"loadBalancer,listener" why:"it names nothing"`

	LoadBalancer string `json:"loadBalancer,omitempty" pattern:"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/app/[A-Za-z0-9-]+/[0-9a-f]+$" form:"the ARN of an application load balancer" without:"listener" doc:"ARN of an application load balancer. The services join its listener for HTTPS, or else that for HTTP."`
	Listener     string `json:"listener,omitempty" pattern:"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener/app/[A-Za-z0-9-]+/[0-9a-f]+/[0-9a-f]+$" form:"the ARN of a listener of an application load balancer" doc:"ARN of one of its listeners."`
}

func (e *Existing) arn() string { return e.LoadBalancer + e.Listener }

func (s *Spec) balancer(public bool) Balancer {
	if public {
		return s.Public
	}
	return s.Internal
}

func (b *Balancer) redirects() bool { return b.HTTPRedirect == nil || *b.HTTPRedirect }

// region is the region in an ARN.
func region(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 3 {
		return parts[3]
	}
	return ""
}

func check(in component.Instance, s *Spec) []value.Problem {
	var problems []value.Problem
	for _, public := range []bool{true, false} {
		set, at := s.balancer(public), scheme(public)
		elsewhere := func(arn, what string, path ...string) {
			if in.Region != "" && arn != "" && region(arn) != in.Region {
				problems = append(problems, component.Invalid(append([]string{at}, path...),
					"the %s is in %s, and the stack is in %s", what, region(arn), in.Region))
			}
		}
		if set.WebACL.Known() {
			elsewhere(set.WebACL.Get(), "web ACL", "webAcl")
		}
		if set.Existing == nil {
			continue
		}
		elsewhere(set.Existing.LoadBalancer, "load balancer", "existing", "loadBalancer")
		elsewhere(set.Existing.Listener, "listener", "existing", "listener")
		for _, key := range in.Spec.Get(at).Keys() {
			if key != "existing" {
				problems = append(problems, component.Invalid(
					[]string{at, key},
					"the load balancer exists already, and whoever made it decides about its settings: leave %s out",
					key,
				))
			}
		}
	}
	return problems
}
