package observe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/applicationautoscaling"
	"github.com/company/deployer/internal/resource/ecs"
)

// Texts before the names of several objects with the same problem.
const (
	notMade   = "Wanted and not there yet"
	lost      = "Being made when a run was interrupted; the next apply looks for it"
	gone      = "Not in AWS any more"
	notRemade = "Deleted, and not made anew yet"
	oldStays  = "Replaced, and the old object not deleted yet"
	changed   = "Changed outside of deployer, in "
	changing  = "A run is changing it right now"
	begun     = "Changed since the state was written, probably by the run that was interrupted; the next apply goes " +
		"on from there"
	half = "Made by a run that was interrupted; the next apply completes it"
)

// judge returns the health of one object.
func judge(res engine.StoredResource, a answer, members []engine.StoredResource) (report.Health, string) {
	if len(res.InitErrors) > 0 && resource.IsRepair(res.InitErrors[0]) {
		res.InitErrors = nil // no failure: the read shows whether it is still so
	}
	switch {
	case a.err != nil:
		return report.Unknown, "AWS could not be asked (" + reasonOf(a.err) + ")"
	case !a.there:
		return report.Missing, gone
	case a.service != nil:
		number, fixed := wantedTasks(res, members)
		health, problem := judgeService(res, *a.service, number, fixed)
		if health == report.Healthy && a.differs != "" && len(res.InitErrors) == 0 {
			return report.Changed, changed + a.differs + "."
		}
		return health, problem
	case res.Interrupted():
		return report.Unknown, half
	case len(res.InitErrors) > 0:
		return report.Unhealthy, cause(res)
	case a.differs != "":
		return report.Changed, changed + a.differs
	}
	return report.Healthy, ""
}

// cause is why a resource did not become as wanted.
func cause(res engine.StoredResource) string {
	return strings.TrimPrefix(strings.Join(res.InitErrors, " "), res.Component+": ")
}

func reasonOf(err error) string {
	var op *resource.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	return err.Error()
}

// wantedTasks is how many tasks a service was deployed with: all of them if the number is fixed, else the minimum of
// autoscaling. 0: the number is not known.
func wantedTasks(res engine.StoredResource, members []engine.StoredResource) (number int, fixed bool) {
	if count := res.Inputs.Get("desiredCount"); count.Known() && !count.IsNull() {
		return int(count.Number()), true
	}
	for _, other := range members {
		if other.Type == applicationautoscaling.TargetType && !other.Deleting &&
			other.Inputs.Get("byClock").Interface() != true {
			number = int(other.Inputs.Get("min").Number())
		}
	}
	return number, false
}

// judgeService returns the health of an existing service.
func judgeService(res engine.StoredResource, s rollout.Status, number int, fixed bool) (report.Health, string) {
	failed := len(res.InitErrors) > 0 && res.Outputs.Get("rollout").Str() == ecs.RolloutFailed
	deployed := ""
	if len(res.InitErrors) == 0 { // else the state says what ran when the run ended
		deployed = res.Inputs.Get("taskDefinition").Str()
	}
	switch {
	case failed:
		return report.Unhealthy, cause(res)
	case s.RolloutState == "FAILED":
		return report.Unhealthy, "The last rollout failed: " + s.RolloutReason
	case s.Desired == 0 && number > 0 && s.Deploying == "":
		return report.Unhealthy,
			fmt.Sprintf("0 tasks run: the service was set to 0 tasks outside of deployer; wanted: %d.", number)
	case s.Running == 0 && s.Desired > 0:
		return report.Unhealthy, cmp.Or(rolling(s, deployed), fmt.Sprintf("0 of %d tasks run.", s.Desired))
	}
	for _, t := range s.Targets {
		if t.Healthy == 0 && s.Desired > 0 {
			return report.Unhealthy, fmt.Sprintf("0 of %d targets are healthy: %s", max(t.Total, s.Desired),
				cmp.Or(t.Reason, "none is registered."))
		}
	}
	switch {
	case s.Deploying != "":
		return report.Updating, rolling(s, deployed)
	case s.Running < s.Desired && s.Running+s.Pending >= s.Desired && s.FailedTasks == 0:
		return report.Updating, fmt.Sprintf("%d of %d tasks run, %d starting.", s.Running, s.Desired, s.Pending)
	case s.Running < s.Desired:
		return report.Unhealthy, fmt.Sprintf("%d of %d tasks run.", s.Running, s.Desired)
	case slices.ContainsFunc(s.Images, func(i rollout.Image) bool { return i.Unhealthy > 0 }):
		return report.Unhealthy, "Some containers fail their health check."
	}
	for _, t := range s.Targets {
		if t.Healthy < t.Total || t.Healthy < s.Desired {
			return report.Unhealthy, fmt.Sprintf("%d of %d targets are healthy: %s", t.Healthy, max(t.Total, s.Desired),
				t.Reason)
		}
	}
	switch {
	case deployed != "" && s.TaskDefinition != "" && !rollout.SameRevision(deployed, s.TaskDefinition):
		return report.Changed, fmt.Sprintf("Revision %s runs, revision %s was deployed: somebody changed it outside "+
			"of deployer.", s.Revision, revisionOf(deployed))
	case fixed && len(res.InitErrors) == 0 && s.Desired != number:
		return report.Changed, fmt.Sprintf("ECS wants %d tasks, %d were deployed: somebody changed it outside "+
			"of deployer.", s.Desired, number)
	case !fixed && s.Desired < number:
		return report.Changed,
			fmt.Sprintf("ECS wants %d tasks, the least is %d: somebody changed it outside of deployer.", s.Desired,
				number)
	case s.Err != nil:
		return report.Unknown, "AWS could not be asked about its tasks or targets: " + reasonOf(s.Err)
	case s.Running > s.Desired || s.Pending > 0:
		return report.Updating, fmt.Sprintf("%d tasks run, %d are wanted.", s.Running, s.Desired)
	}
	return report.Healthy, ""
}

// rolling describes a rollout in progress; "" when there is none.
func rolling(s rollout.Status, deployed string) string {
	if s.Deploying == "" {
		return ""
	}
	text := fmt.Sprintf("A rollout of revision %s is in progress: %d of %d tasks run", revisionOf(s.Deploying),
		s.Running, s.Desired)
	if s.FailedTasks > 0 {
		text += fmt.Sprintf(", %d failed", s.FailedTasks)
	}
	text += "."
	if deployed != "" && !rollout.SameRevision(deployed, s.Deploying) {
		text += " Revision " + revisionOf(deployed) + " was deployed last."
	}
	return text
}

func revisionOf(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }
