package applicationautoscaling

import "github.com/company/deployer/internal/value"

// The predefined metrics of ECS services.
const (
	AverageCPU        = "ECSServiceAverageCPUUtilization"
	AverageMemory     = "ECSServiceAverageMemoryUtilization"
	RequestsPerTarget = "ALBRequestCountPerTarget"
)

// Policy keeps a metric at a target value by changing the task count (target tracking).
type Policy struct {
	Name        string           `json:"name" required:"true"`
	ResourceID  value.Of[string] `json:"resourceId" required:"true"`
	TargetValue float64          `json:"targetValue" required:"true"`

	// Predefined metric, one of AverageCPU, AverageMemory (both in percent) and RequestsPerTarget (requests per minute); or Metrics.
	Predefined string `json:"predefined,omitempty" enum:"ECSServiceAverageCPUUtilization,ECSServiceAverageMemoryUtilization,ALBRequestCountPerTarget"`
	// ResourceLabel says whose requests RequestsPerTarget counts: app/<name>/<id>/targetgroup/<name>/<id>, made of the ends of the
	// load balancer's and the target group's ARNs.
	ResourceLabel value.Of[string] `json:"resourceLabel"`
	// Metrics are a metric math: exactly one of them returns data.
	Metrics []Metric `json:"metrics,omitempty"`

	ScaleInCooldown  *int `json:"scaleInCooldown,omitempty"`  // seconds, 300 by default
	ScaleOutCooldown *int `json:"scaleOutCooldown,omitempty"` // seconds, 300 by default
	DisableScaleIn   bool `json:"disableScaleIn,omitempty"`
}

// Metric is one line of a metric math: a metric of CloudWatch, or an Expression over the others.
type Metric struct {
	ID         string                      `json:"id" required:"true"`
	Expression string                      `json:"expression,omitempty"`
	Label      string                      `json:"label,omitempty"`
	Namespace  string                      `json:"namespace,omitempty"`
	Name       string                      `json:"name,omitempty"`
	Dimensions map[string]value.Of[string] `json:"dimensions,omitempty"`
	Stat       string                      `json:"stat,omitempty"`
	ReturnData bool                        `json:"returnData"`
}

// PolicyOutputs is what AWS adds to a Policy.
type PolicyOutputs struct {
	Arn string `json:"arn"`
}
