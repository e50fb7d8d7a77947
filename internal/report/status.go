// Package report is the data for people and pipelines beside the plan: status, details, history, comparisons of states.
//
// In: nothing. Out: types, which package view renders; their JSON tags are a contract with pipelines. It must not look
// anything up: observe and repair do that.
package report

import (
	"slices"
	"time"
)

// Status is the health of a stack in an environment.
type Status struct {
	Stack       string      `json:"stack"`
	Environment string      `json:"environment"`
	Version     Version     `json:"version,omitzero"` // the last one that ended; left out: none has
	Result      string      `json:"result"`           // how the last run ended, or "in progress"
	At          time.Time   `json:"at"`               // when
	Run         *Run        `json:"run,omitempty"`    // that has not ended
	Healthy     bool        `json:"healthy"`          // every component is healthy or updating
	Objects     Objects     `json:"objects"`
	Holds       []Hold      `json:"holds,omitempty"` // what rollbacks hold
	Components  []Component `json:"components"`
}

// Run is a run that has not ended: it is in progress, or was interrupted.
type Run struct {
	Version Version   `json:"version"` // that it will get
	Who     string    `json:"who"`
	Since   time.Time `json:"since"`
	Alive   bool      `json:"alive"` // false: interrupted
}

// Objects counts the AWS objects that should be there.
type Objects struct {
	Wanted  int `json:"wanted"` // all of them
	There   int `json:"there"`
	Missing int `json:"missing"` // gone, or never made
	Unknown int `json:"unknown"` // AWS could not be asked
}

// Health is the health of a component.
type Health string

// The kinds of health, from good to bad. A component's is the worst of its parts.
const (
	Healthy   Health = "healthy"
	Updating  Health = "updating"  // a rollout, or a run of deployer, is changing it right now
	Unknown   Health = "unknown"   // AWS could not be asked about a part of it
	Changed   Health = "changed"   // it runs, but the service was changed outside of deployer
	Leftover  Health = "leftover"  // it was to be deleted, and something of it is still there
	Unhealthy Health = "unhealthy" // its last rollout failed, or too few of its tasks run and are healthy
	Missing   Health = "missing"   // something of it, or all, is wanted and not there
)

var healths = []Health{Healthy, Updating, Unknown, Changed, Leftover, Unhealthy, Missing}

// Worse compares healths: above zero when h is worse than other.
func (h Health) Worse(other Health) int {
	return slices.Index(healths, h) - slices.Index(healths, other)
}

// Good reports whether no action is needed.
func (h Health) Good() bool { return h == Healthy || h == Updating }

// Component is the health of one component.
type Component struct {
	Address  string     `json:"address"`
	Kind     string     `json:"kind"`
	Health   Health     `json:"health"`
	Healthy  bool       `json:"healthy"`           // or updating
	Problem  string     `json:"problem,omitempty"` // why it is not healthy
	Objects  int        `json:"objects"`           // AWS objects that it consists of
	Affected []Part     `json:"affected,omitempty"`
	Service  *Service   `json:"service,omitempty"`
	Observed []Observed `json:"observed,omitempty"` // objects of which AWS tells more than that they are there
}

// Observed is what AWS tells about one object.
type Observed struct {
	Resource string `json:"resource"`
	Type     string `json:"type"`
	Facts    []Fact `json:"facts"` // the most important first
}

// Fact is one thing that AWS tells about an object: messages 3.
type Fact struct {
	Name  string `json:"name"`  // for people: "messages in flight"
	Value any    `json:"value"` // a text, a number or a bool
}

// Part is an AWS object of a component that is missing or not healthy.
type Part struct {
	Resource string `json:"resource"`
	Type     string `json:"type"`
	ID       string `json:"id,omitempty"` // its AWS ID
	Health   Health `json:"health"`
	Problem  string `json:"problem"`
}

// Service is what really runs of an ECS service, beside what was applied.
type Service struct {
	Name     string    `json:"name"`
	Cluster  string    `json:"cluster"`
	Desired  int       `json:"desired"`
	Running  int       `json:"running"`
	Pending  int       `json:"pending"`
	Revision string    `json:"revision"` // "12", of the task definition that runs
	Rollout  string    `json:"rollout"`  // COMPLETED, IN_PROGRESS or FAILED
	Since    time.Time `json:"since"`
	Images   []Image   `json:"images"`
	Targets  []Targets `json:"targets,omitempty"`
	Events   []Event   `json:"events"` // newest first
	// what the last run deployed; left out: it did not finish, so the state says what ran then
	Applied *Applied `json:"applied,omitempty"`
	// revisions of which ECS runs or starts tasks
	Revisions []Revision `json:"revisions,omitempty"`
	// the newest deployment; left out: ECS knows of none
	Deployment *ServiceDeployment `json:"deployment,omitempty"`
	// why AWS could not be asked about deployments and revisions
	Unread string `json:"unread,omitempty"`
}

// Applied is the task definition that a run deployed.
type Applied struct {
	Revision string  `json:"revision"`
	Images   []Image `json:"images"` // without digests and numbers of tasks
}

// Revision is a service revision: a task definition, with the digests that ECS found when it was deployed.
type Revision struct {
	Revision  string    `json:"revision"`
	Requested int       `json:"requested"` // tasks
	Running   int       `json:"running"`
	Pending   int       `json:"pending"`
	Created   time.Time `json:"created"`
	Images    []Image   `json:"images"`
}

// ServiceDeployment is a rollout as ECS knows it, with the rollback that may follow.
type ServiceDeployment struct {
	// PENDING, IN_PROGRESS, STOP_REQUESTED, ROLLBACK_REQUESTED, ROLLBACK_IN_PROGRESS, or ended: SUCCESSFUL, STOPPED,
	// ROLLBACK_SUCCESSFUL, ROLLBACK_FAILED
	Status         string          `json:"status"`
	Reason         string          `json:"reason,omitempty"`
	Stage          string          `json:"stage,omitempty"`    // SCALE_UP, BAKE_TIME and others
	Revision       string          `json:"revision,omitempty"` // that it deploys
	Started        time.Time       `json:"started"`
	Finished       time.Time       `json:"finished,omitzero"`
	CircuitBreaker *CircuitBreaker `json:"circuitBreaker,omitempty"` // left out: it is off
	Alarms         []string        `json:"alarms,omitempty"`         // that stop it
	Triggered      []string        `json:"triggered,omitempty"`      // those of alarms that fired
	RolledBack     string          `json:"rolledBack,omitempty"`     // why ECS goes or went back
}

// InProgress reports whether a deployment has not ended.
func (d *ServiceDeployment) InProgress() bool {
	switch d.Status {
	case "SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED":
		return false
	}
	return true
}

// CircuitBreaker counts the tasks of a deployment that failed.
type CircuitBreaker struct {
	Failed    int `json:"failed"`
	Threshold int `json:"threshold"` // at which ECS stops the deployment
}

// Image is an image that tasks really run.
type Image struct {
	Container string `json:"container"`
	Image     string `json:"image"`
	Digest    string `json:"digest,omitempty"`
	Tasks     int    `json:"tasks,omitempty"` // that run it; left out where no tasks are counted
}

// Targets is the health behind a load balancer.
type Targets struct {
	Healthy int    `json:"healthy"`
	Total   int    `json:"total"`
	Reason  string `json:"reason,omitempty"`
	// targets that are not healthy
	Failing []Target `json:"failing,omitempty"`
}

// Target is a target that is not healthy.
type Target struct {
	Address string `json:"address"` // and port
	Zone    string `json:"zone,omitempty"`
	State   string `json:"state"`            // initial, unhealthy, unused, unavailable
	Code    string `json:"code,omitempty"`   // Target.Timeout and others
	Reason  string `json:"reason,omitempty"` // for people
	Task    string `json:"task,omitempty"`   // the id of the task with this address
}

// Event is a message of ECS.
type Event struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// Details is the content of the state about components.
type Details struct {
	Stack       string            `json:"stack"`
	Environment string            `json:"environment"`
	Version     Version           `json:"version"`
	Result      string            `json:"result"`
	Account     string            `json:"account"`
	Region      string            `json:"region"`
	Deployment  *Deployment       `json:"deployment,omitempty"` // of a version that was asked for
	Components  []ComponentDetail `json:"components"`
}

// ComponentDetail is one component with its resources.
type ComponentDetail struct {
	Address   string           `json:"address"`
	Kind      string           `json:"kind"`
	Protected bool             `json:"protected,omitempty"`
	Shared    bool             `json:"shared,omitempty"`
	Outputs   map[string]any   `json:"outputs"`
	Resources []ResourceDetail `json:"resources"`
	// of a version that was asked for
	Configuration []ConfiguredProperty `json:"configuration,omitempty"`
}

// ConfiguredProperty is a property of a component's spec.
type ConfiguredProperty struct {
	Path  []string `json:"path"`
	Value any      `json:"value"`
}

// ResourceDetail is one AWS object.
type ResourceDetail struct {
	Resource string   `json:"resource"` // its ID
	Type     string   `json:"type"`
	ID       string   `json:"id"` // its AWS ID
	Problems []string `json:"problems,omitempty"`
}

// Deployment is one entry of the history.
type Deployment struct {
	Version   Version           `json:"version,omitzero"` // left out when it could not be read
	At        time.Time         `json:"at"`
	Result    string            `json:"result"`
	Who       string            `json:"who"`
	Commit    string            `json:"commit,omitempty"`
	Summary   string            `json:"summary,omitempty"`
	Changes   *Changes          `json:"changes,omitempty"`
	Duration  int               `json:"durationSeconds,omitempty"` // without planning and approval
	Rollback  *Rollback         `json:"rollback,omitempty"`        // left out: it was none
	Held      bool              `json:"held,omitempty"`            // by a rollback
	Variables map[string]string `json:"variables,omitempty"`
	// variables that differ from the version before, VERSION first
	Changed []VariableChange `json:"changed,omitempty"`
	Name    string           `json:"name"`              // of the history object
	Problem string           `json:"problem,omitempty"` // why it could not be read
}

// VariableChange is a variable that differs between two versions; nil where a version does not have it.
type VariableChange struct {
	Name string  `json:"name"`
	Old  *string `json:"old"`
	New  *string `json:"new"`
}

// State is one entry of the list of states.
type State struct {
	Stack       string    `json:"stack"`
	Environment string    `json:"environment"`
	Size        int64     `json:"size"` // bytes
	Modified    time.Time `json:"modified"`
}

// StackEntry is one entry of the list of stacks.
type StackEntry struct {
	Stack string `json:"stack"`
	// left out: it is deployed, but this repository has no folder for it
	Path         string        `json:"path,omitempty"`
	Environments []Environment `json:"environments"`
}

// Environment is one environment of a stack and its last deployment.
type Environment struct {
	Name    string    `json:"name"`
	Version Version   `json:"version,omitzero"` // left out: there is no state of it
	Result  string    `json:"result,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Problem string    `json:"problem,omitempty"` // why the state cannot be read
	Absent  string    `json:"absent,omitempty"`  // where there is no state of it: a bucket, a folder
	NoFile  bool      `json:"noFile,omitempty"`  // it is deployed, but this repository has no file for it
}

// StateSummary is the content of `state show`.
type StateSummary struct {
	Stack       string    `json:"stack"`
	Environment string    `json:"environment"`
	Lineage     string    `json:"lineage"`
	Serial      int64     `json:"serial"`
	Fence       int64     `json:"fence"`
	Version     Version   `json:"version"`
	Result      string    `json:"result"`
	At          time.Time `json:"at"`
	Who         string    `json:"who"`
	Commit      string    `json:"commit,omitempty"`
	Deployer    string    `json:"deployer"` // the version of the program that wrote it
	Account     string    `json:"account"`
	Region      string    `json:"region"`
	// since the last run: "2026-11-27 07:00:00 UTC by ann: state rm web/api"
	Edited    string           `json:"edited,omitempty"`
	Intents   []string         `json:"intents"` // of an interrupted run: "create web/api:service"
	Resources []ResourceDetail `json:"resources"`
}

// Lock is a lock and its holder.
type Lock struct {
	Stack         string            `json:"stack"`
	Environment   string            `json:"environment"`
	ID            string            `json:"lockId"`
	By            string            `json:"lockedBy"`
	At            time.Time         `json:"lockedAt"`
	Expires       time.Time         `json:"expiresAt"`
	LastHeartbeat time.Time         `json:"lastHeartbeat"`
	Alive         bool              `json:"alive"`
	Metadata      map[string]string `json:"metadata,omitempty"`
}

// Finding is one checked property of the backend.
type Finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	Fix    string `json:"fix,omitempty"`
}
