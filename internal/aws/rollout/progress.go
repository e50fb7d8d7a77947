package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// say shows a line, unless it equals the line before.
func (r *run) say(line string) {
	if line != r.line {
		r.line = line
		r.goal.Progress(line)
	}
}

// report shows what is new in a service: its events and the counts of its deployment.
func (r *run) report(svc types.Service) {
	for _, e := range slices.Backward(svc.Events) { // AWS gives the newest first
		if r.seenEvents[aws.ToString(e.Id)] {
			continue
		}
		r.seenEvents[aws.ToString(e.Id)] = true
		r.events = append(r.events, e)
		if cause, ok := eventCause(aws.ToString(e.Message)); ok && cause == AssumeRole && r.roleSince.IsZero() {
			r.roleSince = r.clock.Now()
		}
		r.goal.Progress(plainEvent(e))
	}
	d := Primary(svc) // ours, or the one to which ECS returns
	if d == nil {
		return
	}
	line := fmt.Sprintf("%d/%d running", d.RunningCount, d.DesiredCount)
	if d.PendingCount > 0 {
		line += fmt.Sprintf(", %d pending", d.PendingCount)
	}
	if d.FailedTasks > 0 {
		line += fmt.Sprintf(", %d failed", d.FailedTasks)
	}
	r.say(line + fmt.Sprintf(" (revision %s)", revision(aws.ToString(d.TaskDefinition))))
}

func (r *run) reportTargets() {
	if r.targets.wanted == 0 {
		return
	}
	line := fmt.Sprintf("targets %d/%d healthy", r.targets.healthy, r.targets.wanted)
	if line != r.targetsLine {
		r.targetsLine = line
		r.goal.Progress(line)
	}
}

// plainEvent removes "(service x) " from an event's text: the user knows the service.
func plainEvent(e types.ServiceEvent) string {
	text := aws.ToString(e.Message)
	if rest, ok := strings.CutPrefix(text, "(service "); ok {
		if _, after, ok := strings.Cut(rest, ") "); ok {
			return after
		}
	}
	return text
}
