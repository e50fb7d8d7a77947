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
	Name        string           `json:"name" required:"true" doc:"Name of the policy."`
	ResourceID  value.Of[string] `json:"resourceId" required:"true" doc:"The scalable target: service/CLUSTER/NAME."`
	TargetValue float64          `json:"targetValue" required:"true" doc:"What the metric is kept at."`

	Predefined    string           `json:"predefined,omitempty" enum:"ECSServiceAverageCPUUtilization,ECSServiceAverageMemoryUtilization,ALBRequestCountPerTarget" doc:"A metric of ECS: CPU or memory in percent, or requests per minute and task. Instead of metrics."`
	ResourceLabel value.Of[string] `json:"resourceLabel" doc:"Whose requests ALBRequestCountPerTarget counts: app/NAME/ID/targetgroup/NAME/ID, the ends of the ARNs of load balancer and target group."`
	Metrics       []Metric         `json:"metrics,omitempty" doc:"A metric math, of which exactly one entry returns data. Instead of predefined."`

	ScaleInCooldown  *int `json:"scaleInCooldown,omitempty" unset:"300" doc:"Seconds after a change before fewer tasks run."`
	ScaleOutCooldown *int `json:"scaleOutCooldown,omitempty" unset:"300" doc:"Seconds after a change before more tasks run."`
	DisableScaleIn   bool `json:"disableScaleIn,omitempty" doc:"Never take tasks away."`
}

// Metric is one line of a metric math: a metric of CloudWatch, or an Expression over the other lines.
type Metric struct {
	ID         string                      `json:"id" required:"true" doc:"Name in expressions."`
	Expression string                      `json:"expression,omitempty" doc:"Computed of other metrics; instead of namespace and name."`
	Label      string                      `json:"label,omitempty" doc:"For people."`
	Namespace  string                      `json:"namespace,omitempty" doc:"Namespace in CloudWatch."`
	Name       string                      `json:"name,omitempty" doc:"Name of the metric."`
	Dimensions map[string]value.Of[string] `json:"dimensions,omitempty" doc:"Dimensions of the metric."`
	Stat       string                      `json:"stat,omitempty" doc:"Statistic, such as Average."`
	ReturnData bool                        `json:"returnData" doc:"This is the metric that is kept at the target value."`
}

// PolicyOutputs is what AWS adds to a Policy.
type PolicyOutputs struct {
	Arn string `json:"arn"`
}
