package elbv2

import "github.com/company/deployer/internal/value"

// TargetGroupType is a set of addresses to which requests are forwarded, with their health check.
const TargetGroupType = "elbv2/target-group"

// TargetGroup are the properties of a target group. Its ID is the ARN.
type TargetGroup struct {
	Name            string           `json:"name" required:"true" doc:"Prefix of the name, to which a hash is added; 32 characters in all."`
	Port            int              `json:"port" required:"true" doc:"Port of targets that name none of their own."`
	Protocol        string           `json:"protocol,omitempty" enum:"HTTP,HTTPS" unset:"HTTP" doc:"Protocol to the targets."`
	ProtocolVersion string           `json:"protocolVersion,omitempty" enum:"HTTP1,HTTP2,GRPC" unset:"HTTP1" doc:"Version of HTTP to the targets."`
	VPCID           value.Of[string] `json:"vpcId" required:"true" doc:"The VPC of the targets."`
	TargetType      string           `json:"targetType,omitempty" enum:"ip,instance" unset:"ip" doc:"What targets are."`

	HealthCheck         HealthCheck `json:"healthCheck" doc:"When a target is healthy."`
	DeregistrationDelay *int        `json:"deregistrationDelay,omitempty" unset:"300" doc:"Seconds that a leaving target may finish its requests, 0 to 3600."`
	SlowStart           int         `json:"slowStart,omitempty" unset:"off" doc:"Seconds that a new target takes to get its full share, 30 to 900."`
	Stickiness          *Stickiness `json:"stickiness,omitempty" unset:"off" doc:"Keep a client on one target."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// HealthCheck says when a target is healthy.
type HealthCheck struct {
	Path               string `json:"path,omitempty" unset:"/, with GRPC /AWS.ALB/healthcheck" doc:"Path that is asked."`
	Port               string `json:"port,omitempty" scalar:"text" unset:"traffic-port" doc:"A number or traffic-port."`
	Protocol           string `json:"protocol,omitempty" enum:"HTTP,HTTPS" unset:"HTTP" doc:"Protocol."`
	Interval           int    `json:"interval,omitempty" unset:"30" doc:"Seconds between two checks, 5 to 300."`
	Timeout            int    `json:"timeout,omitempty" unset:"5" doc:"Seconds that a check may take, 2 to 120 and less than interval."`
	HealthyThreshold   int    `json:"healthyThreshold,omitempty" unset:"5" doc:"Good answers that make a target healthy, 2 to 10."`
	UnhealthyThreshold int    `json:"unhealthyThreshold,omitempty" unset:"2" doc:"Bad answers that make it unhealthy, 2 to 10."`
	Matcher            string `json:"matcher,omitempty" scalar:"text" unset:"200, with GRPC 12" doc:"The good answers: 200, 200-299, or 200,202; gRPC codes with GRPC."`
}

// Stickiness keeps a client on one target with a cookie of the load balancer.
type Stickiness struct {
	Duration int `json:"duration,omitempty" unset:"one day" doc:"Life of the cookie in seconds, 1 to 604800."`
}

// TargetGroupOutputs are what AWS adds.
type TargetGroupOutputs struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
	// ARNSuffix is its name in CloudWatch and in the ALBRequestCountPerTarget label: targetgroup/<name>/<id>.
	ARNSuffix string `json:"arnSuffix"`
}
