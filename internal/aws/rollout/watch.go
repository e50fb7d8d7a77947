package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	session "github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/diag"
)

// Goal is what a watch waits for.
type Goal struct {
	Component      string        // address, for diagnostics
	Cluster        string        // name or ARN
	Service        string        // name or ARN
	TaskDefinition string        // ARN of the planned revision
	Started        types.Service // as the call that started the deployment answered
	// ARN of a task definition that surely ran before; "" if there is none to return to
	Previous string
	Timeout  time.Duration // after this time an undecided rollout counts as failed
	Bake     time.Duration // how long to watch after the rollout is completed
	Rollback bool          // whether to go back after a timeout or a failure during the bake
	Progress func(line string)
}

// The paces of a watch.
const (
	firstPause   = 2 * time.Second
	longestPause = 5 * time.Second
	tasksEvery   = 15 * time.Second // while tasks are missing, stopped tasks are looked for at least this often
	calmAfter    = 30 * time.Second // a deployment with a crash counts as stable after this time without another crash
	roleFresh    = 3 * time.Minute  // IAM may need this long until ECS can assume a new role
	// permissionsSpread is how long after the start refusals may come from policies that IAM has not spread yet.
	permissionsSpread = time.Minute
	appearWithin      = time.Minute      // until DescribeServices knows a service that was just made
	goBackWithin      = 10 * time.Minute // the longest wait for a rollback
	breakerActs       = 30 * time.Second // until ECS goes back after it has called a deployment failed
	maxHiccups        = 10               // failed looks in a row before the watch gives up
)

// Watch returns when the rollout is decided. nil: the deployment is completed, its tasks run and their targets are
// healthy, and this stayed so for the bake. A failed rollout is a *diag.Diagnostic with code Failed. An ended context
// is one with code Interrupted; the deployment continues. Any other error is an AWS call that failed repeatedly. The
// service is the last one seen.
func (w *Watcher) Watch(ctx context.Context, goal Goal) (types.Service, error) {
	r := &run{
		api: w.api, clock: w.Clock, goal: goal, service: goal.Started, start: w.Clock.Now(),
		seenEvents: map[string]bool{}, seenTasks: map[string]bool{},
	}
	r.target = target{taskDefinition: goal.TaskDefinition, previous: goal.Previous}
	if p := Primary(goal.Started); p != nil && SameRevision(aws.ToString(p.TaskDefinition), goal.TaskDefinition) {
		r.target.id, r.target.created = aws.ToString(p.Id), aws.ToTime(p.CreatedAt)
		r.standing = p.RolloutState == types.DeploymentRolloutStateCompleted
	}
	for _, e := range goal.Started.Events {
		r.seenEvents[aws.ToString(e.Id)] = true
	}
	err := r.watch(ctx)
	if err != nil && ctx.Err() != nil && !isFailure(err) {
		err = r.interrupted(context.Cause(ctx))
	}
	return r.service, err
}

// run is one watch.
type run struct {
	api      clients
	clock    Clock
	goal     Goal
	target   target
	start    time.Time
	standing bool // the deployment was completed before: the change was small

	service    types.Service // last seen
	line       string        // last progress line
	seenEvents map[string]bool
	events     []types.ServiceEvent // of this rollout, oldest first

	seenTasks map[string]bool // stopped tasks that were inspected
	primed    bool            // tasks that stopped before this rollout were recorded
	crashes   []crash
	calmSince time.Time // of the last crash that was seen
	looked    time.Time // the last look for stopped tasks
	lookedAt  string    // the service as it was then

	targets     health
	targetsLine string
	roleSince   time.Time // of the first event about a role
	failedSince time.Time // when our deployment was first seen as FAILED
	oldSince    time.Time // first of the latest answers with an earlier deployment as PRIMARY
	noRoom      string    // why a task was not placed, if for lack of capacity
	hiccups     int
}

func (r *run) watch(ctx context.Context) error {
	pause := firstPause
	var completed time.Time
	for {
		f, done, err := r.look(ctx)
		now := r.clock.Now()
		if err == nil {
			r.hiccups = 0
		}
		switch {
		case err != nil && !r.bearable(err):
			return err
		case err != nil:
		case f != nil:
			if !completed.IsZero() && f.cause != Superseded && f.cause != Deleted {
				f.bake = true
			}
			return r.fail(ctx, f)
		case done && completed.IsZero():
			completed = now
			if r.goal.Bake > 0 && !r.standing {
				r.say(fmt.Sprintf("completed; watching for another %s", r.goal.Bake))
			}
		case !done && !completed.IsZero() && now.Sub(completed) > r.goal.Bake+appearWithin:
			return r.fail(ctx, &failure{cause: BakeFailed, bake: true, stop: r.goal.Rollback})
		}
		if err == nil && done && (r.standing || now.Sub(completed) >= time.Duration(float64(r.goal.Bake)*call.Scale)) {
			return nil
		}
		if completed.IsZero() && now.Sub(r.start) >= r.goal.Timeout {
			return r.timedOut(ctx)
		}
		if err := r.clock.Sleep(ctx, pause); err != nil {
			return err
		}
		if now.Sub(r.start) > 30*time.Second {
			pause = longestPause
		}
	}
}

// look asks once. It returns the failure of the rollout (f), or whether it is done.
func (r *run) look(ctx context.Context) (f *failure, done bool, err error) {
	svc, err := r.describe(ctx)
	if err != nil {
		if errors.Is(err, errMissing) {
			if r.clock.Now().Sub(r.start) < appearWithin {
				return nil, false, nil
			}
			return &failure{cause: Deleted}, false, nil
		}
		return nil, false, err
	}
	r.service = svc
	if p := Primary(svc); r.target.id == "" && p != nil &&
		SameRevision(aws.ToString(p.TaskDefinition), r.target.taskDefinition) {
		r.target.id, r.target.created = aws.ToString(p.Id), aws.ToTime(p.CreatedAt)
	}
	r.report(svc)
	switch r.stand(svc) {
	case gone:
		return &failure{cause: Deleted}, false, nil
	case superseded:
		return &failure{cause: Superseded}, false, nil
	case rolledBack:
		_, err := r.inspect(ctx)
		return &failure{cause: RolledBack, goesBack: true}, false, err
	case failed:
		now := r.clock.Now()
		if r.failedSince.IsZero() {
			r.failedSince = now
		}
		if r.goal.Rollback && r.goal.Previous != "" && now.Sub(r.failedSince) < breakerActs {
			return nil, false, nil // ECS rolls back already: a second rollback would only supersede it
		}
		_, err := r.inspect(ctx)
		return &failure{cause: RolledBack, stop: true}, false, err
	case steady:
		return r.confirm(ctx, svc)
	}
	f, err = r.trouble(ctx, svc)
	return f, false, err
}

// stand decides by the service, but ignores answers that are older than the call that started the rollout: those still
// show the old deployment and the old number of desired tasks. After a minute every answer counts.
func (r *run) stand(svc types.Service) standing {
	now := r.clock.Now()
	s := stand(svc, r.target)
	if s != outdated {
		r.oldSince = time.Time{}
		if s == steady && r.goal.Started.ServiceArn != nil && svc.DesiredCount != r.goal.Started.DesiredCount &&
			now.Sub(r.start) < appearWithin {
			return undecided
		}
		return s
	}
	if r.oldSince.IsZero() {
		r.oldSince = now
	}
	if now.Sub(r.oldSince) < appearWithin {
		return undecided
	}
	lasting := r.target
	lasting.created = time.Time{}
	return stand(svc, lasting)
}

// confirm checks a COMPLETED rollout for crashes that ECS does not count, and for the health of its targets.
func (r *run) confirm(ctx context.Context, svc types.Service) (*failure, bool, error) {
	repeated, err := r.inspect(ctx)
	if err != nil {
		return nil, false, err
	}
	if repeated != nil {
		return &failure{cause: repeated.cause, crash: repeated, stop: true}, false, nil
	}
	if !r.calmSince.IsZero() && r.clock.Now().Sub(r.calmSince) < calmAfter {
		r.say("a task has stopped; watching whether the others keep running")
		return nil, false, nil
	}
	if r.targets, err = r.targetHealth(ctx, svc); err != nil {
		return nil, false, err
	}
	r.reportTargets()
	return nil, r.targets.ok(), nil
}

// trouble looks for reasons to end an undecided rollout before ECS does.
func (r *run) trouble(ctx context.Context, svc types.Service) (*failure, error) {
	if r.tasksDue(svc) {
		repeated, err := r.inspect(ctx)
		if err != nil {
			return nil, err
		}
		if repeated != nil {
			return &failure{cause: repeated.cause, crash: repeated, stop: true}, nil
		}
	}
	if p := Primary(svc); p != nil && p.RunningCount > 0 && p.RunningCount == p.DesiredCount {
		var err error
		if r.targets, err = r.targetHealth(ctx, svc); err != nil {
			return nil, err
		}
		r.reportTargets()
	}
	if !r.roleSince.IsZero() && svc.RunningCount+svc.PendingCount == 0 && r.clock.Now().Sub(r.roleSince) > roleFresh {
		return &failure{cause: AssumeRole, stop: true}, nil
	}
	return nil, nil
}

func (r *run) timedOut(ctx context.Context) error {
	if _, err := r.inspect(ctx); err != nil && ctx.Err() != nil {
		return err
	}
	return r.fail(ctx, &failure{cause: TimedOut, late: true, stop: r.goal.Rollback || r.goal.Previous == ""})
}

var errMissing = errors.New("no such service")

func (r *run) describe(ctx context.Context) (types.Service, error) {
	out, err := r.api.services.DescribeServices(ctx,
		&ecs.DescribeServicesInput{Cluster: &r.goal.Cluster, Services: []string{r.goal.Service}})
	if call.HasCode(err, "ServiceNotFoundException", "ClusterNotFoundException") {
		return types.Service{}, errMissing
	}
	if err != nil {
		return types.Service{}, call.Error(err)
	}
	if len(out.Services) == 0 {
		return types.Service{}, errMissing
	}
	return out.Services[0], nil
}

// bearable reports whether a failed look may be repeated: errors of the network, throttling and AWS's own faults pass,
// refusals do not.
func (r *run) bearable(err error) bool {
	r.hiccups++
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorFault() == smithy.FaultClient && !session.Throttled(err) {
		return false
	}
	return r.hiccups <= maxHiccups
}

func (r *run) interrupted(cause error) error {
	d := diag.New(diag.Interrupted, "Rollout still in progress",
		fmt.Sprintf("ECS continues the deployment of revision %s, but this run does not watch it any more.",
			revision(r.goal.TaskDefinition)),
		"Run apply again: it continues to watch the rollout.")
	d.Cause = cause
	return d.For(r.goal.Component)
}

func isFailure(err error) bool {
	var d *diag.Diagnostic
	return errors.As(err, &d) && d.Code == diag.Failed
}
