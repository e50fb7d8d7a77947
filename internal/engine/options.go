package engine

import (
	"context"
	"encoding/json"

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
	// Renamed returns the address that objects of a component may be tagged with since before it was renamed; "": none.
	Renamed func(component string) string
	// Token names the intent that a step on a resource carries out; part of every resource.Request.Token. A repetition
	// of the intent of a run that died gets the name of that one.
	Token func(resourceID string) string
	// Former are lineages of states whose place this one has taken.
	Former []string

	// Parallelism is how many resources change at once; 10 when it is 0.
	Parallelism int
	// Targets are resource IDs, closed over dependencies by the caller; only these change. Empty: all.
	Targets []string
	// AllowDelete permits the deletion and replacement of one protected resource.
	AllowDelete func(resourceID string) bool
	// Intents are those of the plan (Preview.Intents) that an interrupted run was about to carry out.
	Intents []json.RawMessage
	// Uncertain are IDs of stored resources that an interrupted run was about to change or delete: they are read anew
	// first.
	Uncertain []string
	// Adopt holds the IDs of resources whose untagged objects of the right name are ours: those of Intents need not be
	// named.
	Adopt map[string]bool
	// Forgotten are the IDs of resources that somebody took out of the state: a plan looks whether AWS still has what
	// it would create.
	Forgotten []string
	// Surplus: what is wanted is there already, made by a run just before. Whatever else the interrupted runs of
	// Intents have made of it (they wanted it otherwise, and nobody does any more) is deleted.
	Surplus bool
	// Frozen holds the answers of lookups by resource ID, as a saved plan recorded them. Nil: Catalog.Read is asked.
	Frozen map[string]value.Value

	// Outside holds the IDs of resources that somebody else has changed or deleted, as a read has found.
	Outside map[string]bool

	// Hard aborts calls in flight; nil: nothing does. The context given to Apply and Destroy only stops new steps from
	// starting.
	Hard context.Context
	// Guard is asked before every step that changes something; its error stops the run.
	Guard func() error
	// Events hears what happens, one call at a time.
	Events func(plan.Event)
	// Journal stores one line (JSON, without a newline) of the write-ahead journal; see Replay. It is called from
	// several goroutines at once, so that a store may gather lines for one fsync. A step starts and ends only after it
	// returned. done: the line says what a step has done, and must be on disk. What only begins has to outlive the
	// process alone: intents tell of it after a power cut.
	Journal func(entry []byte, done bool) error
	// Unnamed are those of Preview.Unnamed. Save stores the state, with the creation of one of them that is about to
	// begin, where a later run on another machine finds it: neither name nor intent would lead there. Its error stops
	// the run.
	Unnamed []string
	Save    func(checkpoint func() ([]byte, error)) error
	// Dirty is told after each finished step that the state has changed; checkpoint returns the state as of its own
	// call and may be called at any time, from any goroutine.
	Dirty func(checkpoint func() ([]byte, error))
}

const defaultParallelism = 10

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
