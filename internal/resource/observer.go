package resource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/value"
)

// Observer is a Behaviour that can say more about its objects than that they exist: how services, queues and databases
// do, where their log is, which metrics matter. Status, logs and metrics ask observers, and know no resource type.
// Typed is an Observer; the field Observe says what a type can tell. Every method only reads.
type Observer interface {
	// Health asks AWS how objects of the type do, and answers in their order. It combines calls where AWS allows that,
	// and makes the others in parallel. What fails for one object is told in its Observation. Nil: the type has nothing
	// to say beyond what Read says.
	Health(ctx context.Context, objects []Observed) []Observation
	// Logs names where an object writes its log. Pure.
	Logs(o Observed) []LogSource
	// Tasks asks AWS for the tasks that write to the logs of an object: those that run, and those that ended as long
	// as AWS knows them. Nil: the type has no tasks.
	Tasks(ctx context.Context, o Observed) ([]Task, error)
	// Metrics lists the metrics of an object that matter to people, the most important first. Pure.
	Metrics(o Observed) []Metric
}

// Observed is one object of the state, with what an observer needs to judge it.
type Observed struct {
	Object
	Failures []string // why the last run did not finish the object; empty: it did
	Stack    []Object // everything in the state of the stack, this object included
}

// Beside returns the objects of a type that belong to the same component.
func (o Observed) Beside(typ string) []Object {
	var out []Object
	for _, other := range o.Stack {
		if other.Type == typ && other.Resource != o.Resource &&
			ComponentOf(other.Resource) == ComponentOf(o.Resource) {
			out = append(out, other)
		}
	}
	return out
}

// Observation is how one object does.
type Observation struct {
	Err     error         // why AWS could not be asked; the rest does not count then
	Gone    bool          // AWS has no such object any more; the rest does not count then
	Health  report.Health // Healthy, Updating, Unknown, Changed or Unhealthy
	Problem string        // why it is not healthy: sentences for people
	// Final: the observation says more than Failures, which count otherwise. A rollout that was in progress when its
	// run ended may be completed since.
	Final   bool
	Facts   []report.Fact   // what people want to know, the most important first: messages 3
	Service *report.Service // of a service: what runs
}

// LogSource is a log group, or the part of one, that an object writes to.
type LogSource struct {
	Group     string // its name
	Prefix    string // with which the names of the object's streams begin; "": all streams
	Container string // of a task: which container writes there; the streams are PREFIX TASK
}

// Subject is an object that AWS may tell about who changed it.
type Subject struct {
	Names  []string // under which AWS's record of calls may have it, the likeliest first
	Global bool     // its service has no regions
}

// Task is one run of containers.
type Task struct {
	ID       string    // the last part of the names of its log streams
	Of       string    // ARN of what says what runs: the revision of a task definition
	Revision string    // its number, for people
	Created  time.Time //
	Stopped  time.Time // the zero time: it has not
	Reason   string    // why it stopped: "Essential container in task exited; api exited with code 1"
}

// Metric is one metric of CloudWatch.
type Metric struct {
	Name       string            // for people and JSON, unique within the type: "cpu"
	Title      string            // of a chart: "CPU"
	Group      string            // metrics of the same group share a chart; "": it has a chart of its own
	Namespace  string            // "AWS/ECS"
	Metric     string            // "CPUUtilization"
	Dimensions map[string]string //
	Statistic  string            // Average, Sum, Minimum, Maximum, SampleCount, p99
	Unit       Unit              //
	Sparse     bool              // AWS sends nothing while nothing happens: no value means 0
	PerMinute  bool              // the statistic counts for the whole period, and people want its value per minute
	Daily      bool              // AWS sends one value a day
	Threshold  *Threshold        // nil: no value is bad in itself
}

// Span is a span of time in whole periods, with a value for each.
type Span struct {
	From, To time.Time
	Period   time.Duration
}

// Threshold is the value from which on a metric is a problem.
type Threshold struct {
	Value float64
	Below bool   // values below it are a problem; else values above it
	Why   string // a short reason: "Fargate stops tasks that use more"
}

// Broken reports whether a value is beyond the threshold.
func (t *Threshold) Broken(v float64) bool {
	return t != nil && (t.Below && v < t.Value || !t.Below && v > t.Value)
}

// Unit is the unit of a metric's values.
type Unit string

// The units of metrics.
const (
	Count   Unit = "count"
	Percent Unit = "percent"
	Seconds Unit = "seconds"
	Bytes   Unit = "bytes"
	// PerSecond are operations per second.
	PerSecond Unit = "per second"
)

// Observing is what a typed resource type can tell about its objects. Each field is optional.
type Observing[P, O any] struct {
	// Health implements Observer.Health, for types that AWS describes in calls of their own.
	Health func(ctx context.Context, objects []Watched[P, O]) []Observation
	// HealthOf is how one object does. It is asked about all objects at the same time, so that reads can share calls.
	// ErrNotFound (wrapped): the object is gone.
	HealthOf func(ctx context.Context, w Watched[P, O]) (Observation, error)
	// Logs implements Observer.Logs.
	Logs func(w Watched[P, O]) []LogSource
	// Tasks implements Observer.Tasks.
	Tasks func(ctx context.Context, w Watched[P, O]) ([]Task, error)
	// Metrics implements Observer.Metrics.
	Metrics func(w Watched[P, O]) []Metric
}

// Watched is an observed object as a typed resource type sees it.
type Watched[P, O any] struct {
	Observed
	Props P // recorded
	Out   O // recorded
}

// watched decodes an object of the state.
func (t *Typed[P, O]) watched(o Observed) (Watched[P, O], error) {
	w := Watched[P, O]{Observed: o}
	problems := value.Decode(o.Inputs, &w.Props)
	if !o.Outputs.IsNull() {
		problems = append(problems, value.Decode(o.Outputs, &w.Out)...)
	}
	if len(problems) > 0 {
		return w, fmt.Errorf("%s: stored properties do not fit the type %s: %w", o.Resource, t.Def.Type, problems[0])
	}
	return w, nil
}

// Health implements Observer.
func (t *Typed[P, O]) Health(ctx context.Context, objects []Observed) []Observation {
	if t.Observe.Health == nil && t.Observe.HealthOf == nil {
		return nil
	}
	out := make([]Observation, len(objects))
	var readable []Watched[P, O]
	var at []int // of objects
	for i, o := range objects {
		w, err := t.watched(o)
		if err != nil {
			out[i].Err = err
			continue
		}
		readable, at = append(readable, w), append(at, i)
	}
	if len(readable) == 0 {
		return out
	}
	var found []Observation
	if t.Observe.Health != nil {
		found = t.Observe.Health(ctx, readable)
	} else {
		found = each(ctx, len(readable), &asked[P, O]{t.Observe.HealthOf, readable})
	}
	for i, o := range found {
		out[at[i]] = o
	}
	return out
}

// atOnce is about how many objects AWS is asked at the same time.
const atOnce = 64

// asked is what each asks. It is a type and no closure: the linker would keep a description of each type's properties
// for a closure.
type asked[P, O any] struct {
	healthOf func(context.Context, Watched[P, O]) (Observation, error)
	objects  []Watched[P, O]
}

func (a *asked[P, O]) about(ctx context.Context, i int) (Observation, error) {
	return a.healthOf(ctx, a.objects[i])
}

// each asks about n objects, all at the same time.
func each(ctx context.Context, n int, ask interface {
	about(ctx context.Context, i int) (Observation, error)
},
) []Observation {
	out := make([]Observation, n)
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i := range n {
		all.Go(func() error {
			found, err := ask.about(ctx, i)
			switch {
			case errors.Is(err, ErrNotFound):
				out[i].Gone = true
			case err != nil:
				out[i].Err = err
			default:
				out[i] = found
			}
			return nil // each has its error
		})
	}
	_ = all.Wait()
	return out
}

// Logs implements Observer.
func (t *Typed[P, O]) Logs(o Observed) []LogSource {
	if w, err := t.watched(o); err == nil && t.Observe.Logs != nil {
		return t.Observe.Logs(w)
	}
	return nil
}

// Tasks implements Observer.
func (t *Typed[P, O]) Tasks(ctx context.Context, o Observed) ([]Task, error) {
	if t.Observe.Tasks == nil {
		return nil, nil
	}
	w, err := t.watched(o)
	if err != nil {
		return nil, err
	}
	return t.Observe.Tasks(ctx, w)
}

// Metrics implements Observer.
func (t *Typed[P, O]) Metrics(o Observed) []Metric {
	if w, err := t.watched(o); err == nil && t.Observe.Metrics != nil {
		return t.Observe.Metrics(w)
	}
	return nil
}
