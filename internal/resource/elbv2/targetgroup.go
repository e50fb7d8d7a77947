package elbv2

import "github.com/company/deployer/internal/value"

// TargetGroupType is a set of addresses that requests are forwarded to, with their health check.
const TargetGroupType = "elbv2/target-group"

// TargetGroup are the properties of a target group. Its ID is the ARN.
type TargetGroup struct {
	// Name is the readable prefix; a hash of what forces a replacement is appended, within 32 characters.
	Name string `json:"name" required:"true"`
	// Port is what targets that name no port of their own are reached on, 1 to 65535.
	Port int `json:"port" required:"true"`
	// Protocol is HTTP (default) or HTTPS.
	Protocol string `json:"protocol,omitempty" enum:"HTTP,HTTPS"`
	// ProtocolVersion is HTTP1 (default), HTTP2 or GRPC.
	ProtocolVersion string           `json:"protocolVersion,omitempty" enum:"HTTP1,HTTP2,GRPC"`
	VPCID           value.Of[string] `json:"vpcId" required:"true"`
	// TargetType is ip (default, what tasks with an own network interface need) or instance.
	TargetType string `json:"targetType,omitempty" enum:"ip,instance"`

	HealthCheck HealthCheck `json:"healthCheck"`
	// DeregistrationDelay is how many seconds a leaving target may finish its requests, 0 to 3600. Default: 300.
	DeregistrationDelay *int `json:"deregistrationDelay,omitempty"`
	// SlowStart is how many seconds a new target takes to get its full share, 30 to 900; 0 is off.
	SlowStart int `json:"slowStart,omitempty"`
	// Stickiness keeps a client on one target; nil is off.
	Stickiness *Stickiness `json:"stickiness,omitempty"`

	Tags map[string]string `json:"tags,omitempty"`
}

// HealthCheck says when a target is healthy.
type HealthCheck struct {
	// Path is asked with GET. Default: /, and /AWS.ALB/healthcheck with GRPC.
	Path string `json:"path,omitempty"`
	// Port is a number or traffic-port (default).
	Port string `json:"port,omitempty" scalar:"text"`
	// Protocol is HTTP (default) or HTTPS.
	Protocol string `json:"protocol,omitempty" enum:"HTTP,HTTPS"`
	// Interval is in seconds, 5 to 300. Default: 30.
	Interval int `json:"interval,omitempty"`
	// Timeout is in seconds, 2 to 120 and shorter than Interval. Default: 5.
	Timeout int `json:"timeout,omitempty"`
	// HealthyThreshold is how many good answers make a target healthy, 2 to 10. Default: 5.
	HealthyThreshold int `json:"healthyThreshold,omitempty"`
	// UnhealthyThreshold is how many bad answers make it unhealthy, 2 to 10. Default: 2.
	UnhealthyThreshold int `json:"unhealthyThreshold,omitempty"`
	// Matcher are the good answers: 200, 200-299, or 200,202; gRPC codes with GRPC. Default: 200, and 12 with GRPC.
	Matcher string `json:"matcher,omitempty" scalar:"text"`
}

// Stickiness keeps a client on one target by a cookie of the load balancer.
type Stickiness struct {
	// Duration is the cookie's life in seconds, 1 to 604800. Default: one day.
	Duration int `json:"duration,omitempty"`
}

// TargetGroupOutputs are what AWS adds.
type TargetGroupOutputs struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// ARNSuffix is how CloudWatch and the ALBRequestCountPerTarget label name it: targetgroup/<name>/<id>.
	ARNSuffix string `json:"arnSuffix"`
}
