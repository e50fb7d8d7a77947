package rollout

import "github.com/aws/aws-sdk-go-v2/service/ecs/types"

// End is why a task that belongs to no service ended.
type End struct {
	Cause  Cause  // "": somebody stopped it
	What   string // as the start of a sentence: `Container "api" exited with code 3: ...`
	Denied bool   // ECS lacked a permission of the execution role, so no container ran
}

// EndOf reads the end of a stopped task.
func EndOf(task types.Task) End {
	c, _ := classify(task)
	return End{Cause: c.cause, What: sentence(c.String()), Denied: c.denied()}
}

// Next is the step that most likely helps. logs says where the output is.
func (e End) Next(logs string) string {
	if next := e.Cause.next(logs); next != "" {
		return sentence(next)
	}
	return sentence("see " + logs + ", then apply again")
}
