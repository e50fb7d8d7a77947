package ecsfake

import (
	"fmt"
	"time"
)

const (
	taskPending = "PENDING"
	taskRunning = "RUNNING"
	taskStopped = "STOPPED"

	// keptStopped is how many stopped tasks of a service are remembered.
	keptStopped = 50
)

// task is one task of a service, or one started by RunTask.
type task struct {
	arn        string
	id         string
	cluster    *cluster
	service    *service
	deployment *deployment
	def        *taskDefinition
	spec       spec
	script     script
	group      string
	startedBy  string
	overrides  map[string]any
	tags       []tag
	status     string
	waited     int    // describes spent pending
	target     string // target health: initial, healthy, unhealthy
	health     string // container health: UNKNOWN, HEALTHY, UNHEALTHY
	stopCode   string
	reason     string
	containers []container
	ip         string
	created    time.Time
	started    time.Time
	stopped    time.Time
	stopping   int // descriptions for which it still reacts to SIGTERM
}

type container struct {
	def      containerDefinition
	exitCode *int
	reason   string
}

func (c *container) exit(code int) {
	if c.exitCode == nil && c.reason == "" {
		c.exitCode = &code
	}
}

func (f *Fake) newTask(cl *cluster, def *taskDefinition, sc script) *task {
	id := f.id(32)
	n := f.next()
	t := &task{
		arn: cl.resourceARN("task", cl.name+"/"+id), id: id, cluster: cl, def: def, script: sc, status: taskPending,
		target: "initial", health: "UNKNOWN", created: f.now(), ip: fmt.Sprintf("172.31.%d.%d", n/250%250, n%250+4),
	}
	for _, cd := range def.ContainerDefinitions {
		t.containers = append(t.containers, container{def: cd})
	}
	return t
}

func (t *task) stop(code, reason string, now time.Time) {
	if t.status == taskStopped {
		return
	}
	t.status, t.stopCode, t.reason, t.stopped = taskStopped, code, reason, now
}

// moveTasks moves the tasks of a deployment one step along their script and
// returns how many have failed.
func (f *Fake) moveTasks(c *call, s *service, d *deployment) (failed int) {
	registered := 0
	for _, t := range s.tasks {
		if t.deployment != d {
			continue
		}
		behaviour := t.script.Behaviour
		if limit := t.script.Times; limit > 0 && d.failed+failed >= limit {
			behaviour = Healthy
		}
		switch t.status {
		case taskPending:
			if t.waited < t.script.Steps || behaviour == Slow {
				t.waited++
				continue
			}
			if behaviour == NoCapacity || behaviour == NoAddress {
				f.noRoom(s, t, behaviour) // the circuit breaker does not count tasks that were not placed
				continue
			}
			if f.start(c, t, behaviour) {
				failed++
			} else if len(s.spec.LoadBalancers) > 0 {
				registered++
			}
		case taskRunning:
			if behaviour == Unhealthy {
				f.failHealth(s, t)
				failed++
				continue
			}
			t.target, t.health = "healthy", healthOf(t, "HEALTHY")
		}
	}
	if registered > 0 {
		for _, lb := range s.spec.LoadBalancers {
			f.say(s, "(service %s) registered %d targets in (target-group %s)", s.name, registered, lb.TargetGroupArn)
		}
	}
	return failed
}

// start lets a pending task start and reports whether it failed at once.
func (f *Fake) start(c *call, t *task, behaviour Behaviour) (failed bool) {
	now := f.now()
	index := 0
	for i := range t.containers {
		if t.containers[i].def.Name == t.script.container {
			index = i
		}
	}
	culprit := &t.containers[index]
	switch behaviour {
	case PullError:
		reason := "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " +
			culprit.def.Image + ": not found"
		f.neverStarted(t, culprit, reason)
		return true
	case MissingSecret, NoLogGroup:
		reason := secretsPrefix + "unable to retrieve secret from asm: service call has been retried 1 time(s): " +
			"ResourceNotFoundException: Secrets Manager can't find the specified secret."
		if behaviour == NoLogGroup {
			reason = noLogGroup
		}
		f.neverStarted(t, nil, reason)
		return true
	}
	for _, ct := range t.containers {
		if err := writeLog(c, t, ct.def, now); err != nil {
			f.neverStarted(t, nil, noLogGroup)
			return true
		}
	}
	t.started = now
	switch behaviour {
	case Crash, ExitZero, OutOfMemory:
		code := t.script.exitCode()
		culprit.exitCode = &code
		if behaviour == OutOfMemory {
			culprit.reason = "OutOfMemoryError: Container killed due to memory usage"
		}
		for i := range t.containers {
			t.containers[i].exit(143) // the others get SIGTERM
		}
		t.stop("EssentialContainerExited", t.script.reasonOr("Essential container in task exited"), now)
		return true
	}
	t.status = taskRunning
	return false
}

func (f *Fake) noRoom(s *service, t *task, behaviour Behaviour) {
	const capacity = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
	if behaviour == NoCapacity {
		f.say(s, "(service %s) was unable to place a task. Reason: %s. For more information, see the Troubleshooting "+
			"section of the Amazon ECS Developer Guide.", s.name, capacity)
		f.neverStarted(t, nil, capacity)
		return
	}
	f.neverStarted(t, nil, "Unexpected EC2 error while attempting to Create Network Interface with public IP "+
		"assignment enabled in subnet 'subnet-0123456789abcdef0': InsufficientFreeAddressesInSubnet")
}

func (s script) reasonOr(reason string) string {
	if s.Reason != "" {
		return s.Reason
	}
	return reason
}

func (f *Fake) neverStarted(t *task, culprit *container, reason string) {
	reason = t.script.reasonOr(reason)
	if culprit != nil {
		culprit.reason = reason
	}
	t.stop("TaskFailedToStart", reason, f.now())
}

// failHealth stops a running task whose health checks fail: those of its
// target group or, without one, of its container.
func (f *Fake) failHealth(s *service, t *task) {
	t.target, t.health = "unhealthy", healthOf(t, "UNHEALTHY")
	reason := "Task failed container health checks"
	if len(s.spec.LoadBalancers) > 0 {
		lb := s.spec.LoadBalancers[0]
		reason = "Task failed ELB health checks in (target-group " + lb.TargetGroupArn + ")"
		f.say(s, "(service %s) (port %d) is unhealthy in (target-group %s) due to (reason Health checks failed with "+
			"these codes: [503]).",
			s.name, lb.ContainerPort, lb.TargetGroupArn)
	} else {
		f.say(s, "(service %s) (task %s) failed container health checks.", s.name, t.id)
	}
	for i := range t.containers {
		t.containers[i].exit(137)
	}
	t.stop("ServiceSchedulerInitiated", t.script.reasonOr(reason), f.now())
}

// healthOf is UNKNOWN for tasks without a container health check.
func healthOf(t *task, health string) string {
	for _, c := range t.containers {
		if len(c.def.HealthCheck) > 0 && string(c.def.HealthCheck) != "null" {
			return health
		}
	}
	return "UNKNOWN"
}

// alive counts the pending and running tasks of a deployment.
func (s *service) alive(d *deployment) int {
	return s.count(d.id, taskPending) + s.count(d.id, taskRunning)
}

// healthyTasks counts the tasks of a deployment that run and are healthy. A task
// runs for one step before its health is known.
func (s *service) healthyTasks(d *deployment) int {
	n := 0
	for _, t := range s.tasks {
		if t.deployment == d && t.status == taskRunning && t.target == "healthy" {
			n++
		}
	}
	return n
}

// count counts tasks by status, of one deployment or of all.
func (s *service) count(deploymentID, status string) int {
	n := 0
	for _, t := range s.tasks {
		if t.status == status && (deploymentID == "" || t.startedBy == deploymentID) {
			n++
		}
	}
	return n
}

func (s *service) forgetStopped() {
	excess := s.count("", taskStopped) - keptStopped
	kept := s.tasks[:0]
	for _, t := range s.tasks {
		if t.status == taskStopped && excess > 0 {
			excess--
			continue
		}
		kept = append(kept, t)
	}
	s.tasks = kept
}
