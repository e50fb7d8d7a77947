package elbv2

import "github.com/company/deployer/internal/value"

// ListenerType is a port that a load balancer listens on.
const ListenerType = "elbv2/listener"

// DefaultSSLPolicy is for HTTPS listeners that name none: TLS 1.2 and 1.3 with forward secrecy only.
const DefaultSSLPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"

// Listener are the properties of a listener. Its ID is the ARN. A load balancer has one listener per port, so the port
// finds it again.
type Listener struct {
	LoadBalancerARN value.Of[string] `json:"loadBalancerArn" required:"true" doc:"ARN of the load balancer."`
	// Port is 1 to 65535.
	Port int `json:"port" required:"true" doc:"Port, 1 to 65535."`
	// Protocol is HTTP or HTTPS.
	Protocol string `json:"protocol" required:"true" enum:"HTTP,HTTPS" doc:"HTTP or HTTPS."`
	// CertificateARN is the default certificate, for HTTPS only. Further ones are ListenerCertificates.
	CertificateARN value.Of[string] `json:"certificateArn,omitempty" doc:"ARN of the default certificate, for HTTPS only."`
	// SSLPolicy is for HTTPS only. Default: DefaultSSLPolicy.
	SSLPolicy string `json:"sslPolicy,omitempty" unset:"ELBSecurityPolicy-TLS13-1-2-2021-06" doc:"Security policy, for HTTPS only."`
	// DefaultAction is for requests that no rule matches.
	DefaultAction Action `json:"defaultAction" required:"true" doc:"What happens to requests that no rule matches."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// ListenerOutputs are what AWS adds.
type ListenerOutputs struct {
	ARN string `json:"arn"`
}
