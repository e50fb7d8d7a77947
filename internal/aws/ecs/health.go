package ecs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/applicationautoscaling"
	wanted "github.com/company/deployer/internal/resource/ecs"
)

type watchedService = resource.Watched[wanted.Service, wanted.ServiceOutputs]

// health reports how services do: their tasks, their rollouts and the targets behind their load balancers.
func (s *service) health(ctx context.Context, objects []watchedService) []resource.Observation {
	refs := make([]rollout.Ref, len(objects))
	for i, o := range objects {
		refs[i] = rollout.Ref{Cluster: o.Props.Cluster.Get(), Service: o.Props.Name}
	}
	out := make([]resource.Observation, len(objects))
	for i, status := range s.watcher.Status(ctx, refs...) {
		out[i] = observation(objects[i], status)
	}
	return out
}

func observation(o watchedService, s rollout.Status) resource.Observation {
	if !s.Found {
		return resource.Observation{Gone: s.Err == nil, Err: s.Err}
	}
	out := resource.Observation{Final: true, Service: reported(s)}
	out.Service.Applied = applied(o)
	out.Health, out.Problem = judge(o, s)
	return out
}

// wantedTasks is how many tasks a service was deployed with: all of them if the number is fixed, else the minimum of
// autoscaling. 0: the number is not known.
func wantedTasks(o watchedService) (number int, fixed bool) {
	if o.Props.DesiredCount != nil {
		return *o.Props.DesiredCount, true
	}
	for _, other := range o.Beside(applicationautoscaling.TargetType) {
		if other.Inputs.Get("byClock").Interface() != true {
			number = int(other.Inputs.Get("min").Number())
		}
	}
	return number, false
}

// judge returns the health of an existing service.
func judge(o watchedService, s rollout.Status) (report.Health, string) {
	number, fixed := wantedTasks(o)
	failed := len(o.Failures) > 0 && o.Out.Rollout == wanted.RolloutFailed
	deployed := ""
	if len(o.Failures) == 0 { // else the state says what ran when the run ended
		deployed = o.Props.TaskDefinition.Get()
	}
	switch {
	case failed:
		return report.Unhealthy, cause(o)
	case s.RolloutState == "FAILED":
		return report.Unhealthy, "The last rollout failed: " + s.RolloutReason
	case s.Desired == 0 && number > 0 && s.Deploying == "":
		return report.Unhealthy,
			fmt.Sprintf("0 tasks run: the service was set to 0 tasks outside of deployer; %d are desired.", number)
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
		return report.Changed,
			fmt.Sprintf("Revision %s runs, revision %s was deployed: the service was changed outside "+
				"of deployer.", s.Revision, revisionNumber(deployed))
	case fixed && len(o.Failures) == 0 && s.Desired != number:
		return report.Changed,
			fmt.Sprintf("ECS has %d desired tasks, %d were deployed: the service was changed outside "+
				"of deployer.", s.Desired, number)
	case !fixed && s.Desired < number:
		return report.Changed,
			fmt.Sprintf("ECS has %d desired tasks, the minimum is %d: the service was changed outside of deployer.",
				s.Desired,
				number)
	case s.Err != nil:
		return report.Unknown, "AWS could not be asked about its tasks or targets: " + reasonOf(s.Err)
	case s.Running > s.Desired || s.Pending > 0:
		return report.Updating, fmt.Sprintf("%d tasks run, %d are desired.", s.Running, s.Desired)
	}
	return report.Healthy, ""
}

// rolling describes a rollout in progress; "" when there is none.
func rolling(s rollout.Status, deployed string) string {
	if s.Deploying == "" {
		return ""
	}
	text := fmt.Sprintf("A rollout of revision %s is in progress: %d of %d tasks run", revisionNumber(s.Deploying),
		s.Running, s.Desired)
	if s.FailedTasks > 0 {
		text += fmt.Sprintf(", %d failed", s.FailedTasks)
	}
	text += "."
	if deployed != "" && !rollout.SameRevision(deployed, s.Deploying) {
		text += " Revision " + revisionNumber(deployed) + " was deployed last."
	}
	return text
}

func revisionNumber(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// cause is why a service did not become as wanted.
func cause(o watchedService) string {
	return strings.TrimPrefix(strings.Join(o.Failures, " "), resource.ComponentOf(o.Resource)+": ")
}

func reasonOf(err error) string {
	var op *resource.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	return err.Error()
}

// applied is the task definition that the last run deployed; nil if it did not finish.
func applied(o watchedService) *report.Applied {
	arn := o.Props.TaskDefinition.Get()
	if len(o.Failures) > 0 || !strings.Contains(arn, ":task-definition/") {
		return nil
	}
	out := &report.Applied{Revision: revisionNumber(arn), Images: []report.Image{}}
	for _, task := range o.Beside(wanted.TaskDefinitionType) {
		if task.Outputs.Get("arn").Str() != arn {
			continue
		}
		for _, c := range task.Inputs.Get("containers").Items() {
			out.Images = append(out.Images, report.Image{Container: c.Get("name").Str(), Image: c.Get("image").Str()})
		}
	}
	return out
}

func image(i rollout.Image) report.Image {
	return report.Image{Container: i.Container, Image: i.Image, Digest: i.Digest, Tasks: i.Tasks}
}

// reported is what status shows of a service.
func reported(s rollout.Status) *report.Service {
	out := &report.Service{
		Name: s.Service, Cluster: s.Cluster, Desired: s.Desired, Running: s.Running, Pending: s.Pending,
		Revision: s.Revision,
		Rollout:  s.RolloutState, Since: s.Since, Images: []report.Image{}, Events: []report.Event{},
	}
	for _, i := range s.Images {
		out.Images = append(out.Images, image(i))
	}
	for _, t := range s.Targets {
		group := report.Targets{Healthy: t.Healthy, Total: t.Total, Reason: t.Reason}
		for _, f := range t.Failing {
			group.Failing = append(group.Failing, report.Target(f))
		}
		out.Targets = append(out.Targets, group)
	}
	for _, r := range s.Revisions {
		one := report.Revision{
			Revision: r.Revision, Requested: r.Requested, Running: r.Running, Pending: r.Pending, Created: r.Created,
			Images: []report.Image{},
		}
		for _, i := range r.Images {
			one.Images = append(one.Images, image(i))
		}
		out.Revisions = append(out.Revisions, one)
	}
	if d := s.Deployment; d != nil {
		out.Deployment = &report.ServiceDeployment{
			Status: d.Status, Reason: d.Reason, Stage: d.Stage, Revision: d.Revision, Started: d.Started,
			Finished: d.Finished, Alarms: d.Alarms, Triggered: d.Triggered, RolledBack: d.RolledBack,
		}
		if d.Threshold > 0 {
			out.Deployment.CircuitBreaker = &report.CircuitBreaker{Failed: d.Failed, Threshold: d.Threshold}
		}
	}
	if s.Unread != nil {
		out.Unread = reasonOf(s.Unread)
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, report.Event(e))
	}
	return out
}
