package ecsfake

import (
	"fmt"
	"strings"
	"time"
)

const (
	stateInProgress = "IN_PROGRESS"
	stateCompleted  = "COMPLETED"
	stateFailed     = "FAILED"
	statusPrimary   = "PRIMARY"
)

// deploy starts a deployment of the service's spec.
func (f *Fake) deploy(c *call, s *service, def *taskDefinition) {
	now := f.now()
	rev := &revision{
		arn: s.cluster.resourceARN("service-revision",
			fmt.Sprintf("%s/%s/%d", s.cluster.name, s.name, 4000000000000000000+f.next())),
		spec: s.spec, def: def, created: now,
	}
	// The next rollout ends a rollout that is still running.
	for _, r := range s.records {
		r.end("STOPPED", "The service deployment was superseded by a new one.", now)
	}
	rec := &record{
		arn:     s.cluster.resourceARN("service-deployment", s.cluster.name+"/"+s.name+"/"+f.id(21)),
		service: s, status: stateInProgress, created: now, source: s.good, target: rev, breaker: "DISABLED",
	}
	if enabled, _ := s.spec.breaker(); enabled {
		rec.breaker = "MONITORING"
	}
	s.records = append(s.records, rec)
	d := f.push(s, rev, rec)
	rev.deployment = d.id
	d.script = f.script(c, def, nil)
}

func (f *Fake) next() int {
	f.serial++
	return f.serial
}

// push makes a new PRIMARY deployment of a revision.
func (f *Fake) push(s *service, rev *revision, rec *record) *deployment {
	now := f.now()
	d := &deployment{
		id: f.deploymentID(), status: statusPrimary, revision: rev, state: stateInProgress,
		created: now, updated: now, record: rec,
	}
	d.reason = "ECS deployment " + d.id + " in progress."
	for _, old := range s.deployments {
		old.status = statusActive
	}
	s.deployments = append([]*deployment{d}, s.deployments...)
	s.steady = false
	return d
}

// advance moves a service by one step.
func (f *Fake) advance(c *call, s *service) {
	if s.status == statusDraining {
		f.drain(s)
	}
	if s.status != statusActive {
		return
	}
	d := s.deployments[0]
	d.updated = f.now()
	switch d.state {
	case stateInProgress:
		if d.record != nil && d.rollback && d.record.status == "ROLLBACK_REQUESTED" {
			d.record.status = "ROLLBACK_IN_PROGRESS"
		}
		f.roll(c, s, d)
	case stateCompleted:
		f.moveTasks(c, s, d)
		f.scale(s, d)
		f.announceSteady(s, d)
	case stateFailed:
		f.stopExcess(s, d, s.spec.desired())
	}
}

// roll is one step of a deployment in progress.
func (f *Fake) roll(c *call, s *service, d *deployment) {
	failed := f.moveTasks(c, s, d)
	d.failed += failed
	if d.record != nil {
		d.record.failures = d.failed
	}
	threshold := breakerThreshold(s.spec.desired())
	if failed > 0 && d.failed >= threshold {
		if enabled, rollsBack := s.spec.breaker(); enabled {
			f.fail(c, s, d, "ECS deployment circuit breaker: tasks failed to start.", rollsBack)
			return
		}
		if d.failed-failed < threshold {
			f.say(s, "(service %s) is unable to consistently start tasks successfully. For more information, see the "+
				"Troubleshooting section of the Amazon ECS Developer Guide.", s.name)
		}
	}
	f.scale(s, d)
	if s.healthyTasks(d) == s.spec.desired() && s.alive(d) == s.spec.desired() {
		f.complete(s, d)
	}
}

// breakerThreshold is ECS's formula: half the desired count, at least 3, at
// most 200.
func breakerThreshold(desired int) int { return min(max((desired+1)/2, 3), 200) }

// scale starts or stops tasks of a deployment until its count is the desired
// one; tasks just started are pending.
func (f *Fake) scale(s *service, d *deployment) {
	f.stopExcess(s, d, s.spec.desired())
	var started []string
	for n := s.alive(d); n < s.spec.desired(); n++ {
		t := f.newTask(s.cluster, d.revision.def, d.script)
		t.service, t.deployment, t.group, t.startedBy = s, d, "service:"+s.name, d.id
		t.spec = d.revision.spec
		s.tasks = append(s.tasks, t)
		started = append(started, "(task "+t.id+")")
	}
	if len(started) > 0 {
		f.say(s, "(service %s) has started %d tasks: %s.", s.name, len(started), strings.Join(started, " "))
	}
	s.forgetStopped()
}

// stopExcess stops the newest tasks of a deployment beyond a count.
func (f *Fake) stopExcess(s *service, d *deployment, count int) {
	excess := s.alive(d) - count
	for i := len(s.tasks) - 1; i >= 0 && excess > 0; i-- {
		if t := s.tasks[i]; t.deployment == d && t.status != taskStopped {
			f.stopBySchedule(t, d)
			excess--
			s.steady = false
		}
	}
}

func (f *Fake) stopBySchedule(t *task, by *deployment) {
	t.stop("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment "+by.id+")", f.now())
	for i := range t.containers {
		t.containers[i].exit(0)
	}
}

// complete ends a rollout with success: the tasks of former deployments stop.
func (f *Fake) complete(s *service, d *deployment) {
	var stopped []string
	for _, t := range s.tasks {
		if t.deployment != d && t.status != taskStopped {
			f.stopBySchedule(t, d)
			stopped = append(stopped, "(task "+t.id+")")
		}
	}
	if len(stopped) > 0 {
		f.say(s, "(service %s) has stopped %d running tasks: %s.", s.name, len(stopped), strings.Join(stopped, " "))
	}
	now := f.now()
	s.deployments = []*deployment{d}
	s.good = d.revision
	d.state, d.reason, d.updated = stateCompleted, "ECS deployment "+d.id+" completed.", now
	if d.record != nil {
		if d.rollback {
			d.record.end("ROLLBACK_SUCCESSFUL", d.record.reason, now)
		} else {
			d.record.end("SUCCESSFUL", "", now)
		}
	}
	f.say(s, "(service %s) (deployment %s) deployment completed.", s.name, d.id)
	f.announceSteady(s, d)
}

func (f *Fake) announceSteady(s *service, d *deployment) {
	if !s.steady && s.healthyTasks(d) == s.spec.desired() {
		s.steady = true
		f.say(s, "(service %s) has reached a steady state.", s.name)
	}
}

// fail ends a rollout with a failure. If rollsBack is set and there is a last completed rollout, it rolls back to it.
func (f *Fake) fail(c *call, s *service, d *deployment, reason string, rollsBack bool) {
	now := f.now()
	d.state, d.reason, d.updated = stateFailed, reason, now
	f.say(s, "(service %s) (deployment %s) deployment failed: tasks failed to start.", s.name, d.id)
	f.stopExcess(s, d, 0)
	rec := d.record
	if rec.breaker == "MONITORING" {
		rec.breaker = "TRIGGERED"
	}
	if d.rollback {
		rec.end("ROLLBACK_FAILED", reason, now)
		return
	}
	if !rollsBack {
		rec.end("STOPPED", reason, now)
		return
	}
	if !f.rollBack(c, s, rec, reason, "ROLLBACK_IN_PROGRESS") {
		rec.end("ROLLBACK_FAILED", "There is no completed deployment to roll back to.", now)
	}
}

// rollBack starts a deployment of the last completed revision. It reports
// false when there is none.
func (f *Fake) rollBack(c *call, s *service, rec *record, reason, status string) bool {
	if s.good == nil {
		return false
	}
	desired := s.spec.DesiredCount
	configuration := s.spec.DeploymentConfiguration
	s.spec = s.good.spec
	s.spec.DesiredCount, s.spec.DeploymentConfiguration = desired, configuration
	d := f.push(s, s.good, rec)
	d.rollback = true
	d.script = f.script(c, s.good.def, nil)
	d.reason = "ECS deployment circuit breaker: rolling back to deploymentId " + s.good.deployment + "."
	rec.status, rec.reason = status, reason
	rec.rollback = &rollback{reason: reason, started: f.now(), revision: s.good}
	f.say(s, "(service %s) (deployment %s) rolling back to deployment %s.", s.name, rec.target.deployment,
		s.good.deployment)
	return true
}

// drain advances a service that is being deleted by one step: first its tasks stop, then it is inactive.
func (f *Fake) drain(s *service) {
	busy := false
	for _, t := range s.tasks {
		if t.status != taskStopped {
			busy = true
			f.stopBySchedule(t, s.deployments[0])
			t.stopping = 1
		}
	}
	if !busy {
		s.status, s.deployments = statusInactive, nil
	}
}

// say adds an event, the newest first.
func (f *Fake) say(s *service, format string, args ...any) {
	e := event{ID: f.id(32), CreatedAt: seconds(f.now()), Message: fmt.Sprintf(format, args...)}
	s.events = append([]event{e}, s.events[:min(len(s.events), 99)]...)
}

// end gives a service deployment its final status, once.
func (r *record) end(status, reason string, now time.Time) {
	if !r.finished.IsZero() {
		return
	}
	r.status, r.reason, r.finished = status, reason, now
	if status == "STOPPED" {
		r.stopped = now
	}
	if r.breaker == "MONITORING" {
		r.breaker = "MONITORING_COMPLETE"
	}
}
