package engine

import (
	"context"
	"encoding/json"
	"time"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Options is what a run needs besides graph and state. Stack, Environment and Catalog are required; nil functions are
// not called.
type Options struct {
	Stack, Environment string // the Pulumi project and the Pulumi stack
	Catalog            *resource.Catalog

	// Template evaluates the templates of expressions (value.Env.Template).
	Template func(source string, vars map[string]value.Value) (value.Value, error)
	// Tags returns what every object of a component is tagged with: ownership and users' tags.
	Tags func(component string) map[string]string
	// Renamed returns the old address of a renamed component, which tags of its objects may still have; "": none.
	Renamed func(component string) string
	// Token names the intent of a step on a resource. It is part of every resource.Request.Token. A step that repeats
	// an intent of an interrupted run gets the name of that intent.
	Token func(resourceID string) string
	// Former are the lineages of states that this state has replaced.
	Former []string

	// Parallelism is how many resources change at once; 10 when it is 0.
	Parallelism int
	// Targets are the IDs of the only resources that change; the caller has added their dependencies. Empty: all.
	Targets []string
	// AllowDelete permits the deletion and replacement of one protected resource.
	AllowDelete func(resourceID string) bool
	// Intents are the Preview.Intents of the plan that an interrupted run was about to carry out.
	Intents []json.RawMessage
	// Uncertain are IDs of stored resources that an interrupted run was about to change or delete. They are read again
	// first.
	Uncertain []string
	// Adopt holds the IDs of resources whose untagged objects of the right name are ours. It need not list those of
	// Intents.
	Adopt map[string]bool
	// Forgotten are the IDs of resources that somebody removed from the state. Before a plan creates one, it looks
	// whether AWS still has it.
	Forgotten []string
	// Surplus: a run just before has made everything that is wanted. Other objects of the same resources, made by the
	// interrupted runs of Intents, are deleted: nobody wants them any more.
	Surplus bool
	// Frozen holds the answers of lookups by resource ID, as a plan recorded them. Catalog.Read is asked where the
	// plan recorded Unknown. Nil: Catalog.Read is always asked.
	Frozen map[string]value.Value

	// SecondLook is how long Refresh waits before it reads an object again that seems not to exist. 0: the first answer
	// counts.
	SecondLook time.Duration

	// Unwanted are the resources of Targets that the run deletes. While AWS still deletes their objects, Refresh keeps
	// them, so that what they use is deleted after them. Other resources whose objects AWS deletes have none.
	Unwanted map[string]bool

	// Offline: do not ask AWS what it would refuse to make.
	Offline bool
	// Outside holds the IDs of resources that somebody else has changed or deleted, as a read has found.
	Outside map[string]bool

	// Hard aborts calls in flight; nil: nothing aborts them. The context given to Apply and Destroy only stops new
	// steps from starting.
	Hard context.Context
	// Guard is asked before every step that changes something; its error stops the run.
	Guard func() error
	// Events gets each event of the run, one call at a time.
	Events func(plan.Event)
	// Journal stores one line (JSON, without a newline) of the write-ahead journal; see Replay. Several goroutines call
	// it at once, so that a store may gather lines for one fsync. A step starts and ends only after Journal returned.
	// done: the line says what a step has done, and must be on disk. A line that begins a step only has to survive the
	// process: after a power cut, the intents are there.
	Journal func(entry []byte, done bool) error
	// Unnamed is Preview.Unnamed. When such a creation is about to begin, Save stores the state with it where a later
	// run on another machine finds it: neither a name nor an intent leads to the object. An error of Save stops the
	// run.
	Unnamed []string
	Save    func(checkpoint func() ([]byte, error)) error
	// Dirty is called after each finished step: the state has changed. checkpoint returns the state as of its own call.
	// It may be called at any time, from any goroutine.
	Dirty func(checkpoint func() ([]byte, error))
}

const defaultParallelism = 10

// UsualSecondLook is the SecondLook of commands that say, or write to the state, that an object was deleted: AWS is
// eventually consistent, so one answer can be wrong.
const UsualSecondLook = time.Second

func (o *Options) parallelism() int32 {
	if o.Parallelism <= 0 {
		return defaultParallelism
	}
	return int32(min(o.Parallelism, 1000))
}

func (o *Options) allows(id string) bool { return o.AllowDelete != nil && o.AllowDelete(id) }

func (o *Options) token(id string) string {
	if o.Token == nil {
		return ""
	}
	return o.Token(id)
}

func (o *Options) hard() context.Context {
	if o.Hard == nil {
		return context.Background()
	}
	return o.Hard
}
