// Package applicationautoscaling holds the typed properties of the Application Auto Scaling resource types, for the task
// count of ECS services.
//
// In: nothing; kinds fill the structs. Out: properties for resource.Resource, by value.Encode. It is data only: it must not know
// the SDK.
package applicationautoscaling

import "github.com/company/deployer/internal/value"

// The resource types.
const (
	TargetType          = "applicationautoscaling/target"
	PolicyType          = "applicationautoscaling/policy"
	ScheduledActionType = "applicationautoscaling/scheduled-action"
)

// Target lets the task count of an ECS service be scaled. Policies and scheduled actions need it first: refer to its output
// resourceId.
type Target struct {
	ResourceID value.Of[string] `json:"resourceId" required:"true"` // service/<cluster>/<name>: the service's output resourceId
	Min        int              `json:"min"`
	Max        int              `json:"max" required:"true"`
	// ByClock says that scheduled actions change the limits: what they made of Min and Max is no difference, and stays until Min or Max
	// themselves change here.
	ByClock bool `json:"byClock,omitempty"`

	Tags map[string]string `json:"tags,omitempty"`
}

// TargetOutputs is what AWS adds to a Target.
type TargetOutputs struct {
	Arn        string `json:"arn"`
	ResourceID string `json:"resourceId"`
}

// ScheduledAction changes the limits of a Target at given times.
type ScheduledAction struct {
	Name       string           `json:"name" required:"true"`
	ResourceID value.Of[string] `json:"resourceId" required:"true"`
	Schedule   string           `json:"schedule" required:"true"` // cron(0 8 ? * MON-FRI *), rate(1 hour) or at(2026-01-31T08:00:00)
	Timezone   string           `json:"timezone,omitempty"`       // IANA name, UTC by default
	Min        *int             `json:"min,omitempty"`
	Max        *int             `json:"max,omitempty"`
}

// ScheduledActionOutputs is what AWS adds to a ScheduledAction.
type ScheduledActionOutputs struct {
	Arn string `json:"arn"`
}
