// Package applicationautoscaling holds the typed properties of the Application Auto Scaling resource types, for the
// task count of ECS services.
//
// In: nothing; kinds fill the structs. Out: properties for resource.Resource, by value.Encode. It is data only: it must
// not know the SDK.
package applicationautoscaling

import "github.com/company/deployer/internal/value"

// The resource types.
const (
	TargetType          = "applicationautoscaling/target"
	PolicyType          = "applicationautoscaling/policy"
	ScheduledActionType = "applicationautoscaling/scheduled-action"
)

// Target makes the task count of an ECS service scalable. Policies and scheduled actions need a Target first: refer to
// its output resourceId.
type Target struct {
	ResourceID value.Of[string] `json:"resourceId" required:"true" doc:"What is scaled: service/CLUSTER/NAME."`
	Min        int              `json:"min" doc:"Tasks that run at least."`
	Max        int              `json:"max" required:"true" doc:"Tasks that run at most."`
	ByClock    bool             `json:"byClock,omitempty" doc:"Scheduled actions change min and max: what they made of them is no difference until min or max change here."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// TargetOutputs is what AWS adds to a Target.
type TargetOutputs struct {
	Arn        string `json:"arn"`
	ResourceID string `json:"resourceId"`
}

// ScheduledAction changes the limits of a Target at given times.
type ScheduledAction struct {
	Name       string           `json:"name" required:"true" doc:"Name of the action."`
	ResourceID value.Of[string] `json:"resourceId" required:"true" doc:"The scalable target: service/CLUSTER/NAME."`
	Schedule   string           `json:"schedule" required:"true" doc:"cron(0 8 ? * MON-FRI *), rate(1 hour) or at(2026-01-31T08:00:00)."`
	Timezone   string           `json:"timezone,omitempty" unset:"UTC" doc:"IANA name of a time zone."`
	Min        *int             `json:"min,omitempty" doc:"min from then on."`
	Max        *int             `json:"max,omitempty" doc:"max from then on."`
}

// ScheduledActionOutputs is what AWS adds to a ScheduledAction.
type ScheduledActionOutputs struct {
	Arn string `json:"arn"`
}
