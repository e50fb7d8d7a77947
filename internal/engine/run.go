package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// mode is what a run is for.
type mode int

const (
	previewing mode = iota
	applying
	refreshing
)

// run is one execution of the engine.
type run struct {
	o       Options
	names   naming
	mode    mode
	graph   *resource.Graph // empty: nothing is desired
	state   *loaded
	ledger  *ledger
	adopt   map[string]bool
	absent  map[string]bool      // of adopt, but known not to exist; for a preview
	needing map[string][]doubt   // see recovery
	keep    func(id string) bool // left alone because it is not targeted
	protect map[string]bool      // by resource ID: protection to write into the state
	guarded map[string]bool      // by resource ID: must not be deleted or replaced now
	plan    *collector           // of a preview
	reading context.Context      // for calls that change nothing

	data     map[string]*resource.Resource                  // of the graph, by ID
	unwanted map[string]bool                                // by resource ID: what a lookup makes needless
	lookup   func(ref value.Reference) (value.Value, error) // what is known so far; nil without a source

	mu       sync.Mutex
	lookups  map[string]value.Value
	outputs  map[string]map[string]value.Value // of components
	notes    map[string][]string               // of components
	wanted   map[sdk.URN]wanted                // inputs of offered resources
	actual   map[sdk.URN]value.Value
	causes   map[sdk.URN]error             // of failed steps, as the behaviour returned them
	adopted  map[sdk.URN]bool              // created resources whose objects were there already
	did      map[string]plan.Action        // by resource ID: what was done
	effects  map[sdk.URN]*resource.Effects // of the last step of a resource
	secrets  map[sdk.URN]map[string]secret // write-only properties of desired resources, by name
	begun    map[sdk.URN]creation          // creations under way
	kept     map[instance]bool             // they waited for their deletion, and are wanted again
	failures []error
	failed   []Failure
	drift    []Difference
	repairs  map[instance]string // what reads have found to repair
	seen     map[string]Seen     // by resource ID: what else reads have found
	events   sync.Mutex
}

// wanted is what the source offers for one resource.
type wanted struct {
	inputs sdk.PropertyMap // for a new object
	update sdk.PropertyMap // for the existing object: inputs, but with its values of what is set only at creation
}

func newRun(m mode, graph *resource.Graph, state []byte, o Options) (*run, error) {
	if graph == nil {
		graph = &resource.Graph{}
	}
	r := &run{
		o: o, names: naming{o.Stack, o.Environment}, mode: m, graph: graph, adopt: map[string]bool{},
		wanted: map[sdk.URN]wanted{}, lookups: map[string]value.Value{}, actual: map[sdk.URN]value.Value{},
		causes: map[sdk.URN]error{}, adopted: map[sdk.URN]bool{}, did: map[string]plan.Action{},
		effects: map[sdk.URN]*resource.Effects{},
		secrets: map[sdk.URN]map[string]secret{}, begun: map[sdk.URN]creation{}, kept: map[instance]bool{},
		protect: map[string]bool{}, guarded: map[string]bool{}, unwanted: map[string]bool{},
		needing: map[string][]doubt{},
	}
	var err error
	if r.state, err = load(state, r.names, o.Catalog); err != nil {
		return nil, err
	}
	for id, yes := range o.Adopt {
		r.adopt[id] = yes
	}
	for _, id := range r.state.adopt {
		r.adopt[id] = true
	}
	r.keep = func(string) bool { return false }
	if len(o.Targets) > 0 {
		targets := make(map[string]bool, len(o.Targets))
		for _, id := range o.Targets {
			targets[id] = true
		}
		r.keep = func(id string) bool { return !targets[id] }
	}
	r.guardState()
	r.ledger = newLedger(r.state, o.Journal)
	return r, nil
}

// guardState decides what is protected in this run, and what the state records about protection. The graph decides for
// its resources, the state for all others, so that removing the YAML does not lift the protection.
func (r *run) guardState() {
	for _, s := range r.state.live {
		r.protect[s.id] = s.protected
		r.guarded[s.id] = r.isProtected(s) && !r.o.allows(s.id)
	}
	for _, res := range r.graph.Resources {
		id := res.ID()
		if res.Data || r.keep(id) {
			continue
		}
		r.guarded[id] = (r.guarded[id] || res.Protect) && !r.o.allows(id)
		r.protect[id] = res.Protect
	}
	for _, s := range r.state.live {
		if s.waiting { // its object is deleted already: nothing is left to guard, and the new one must get through
			r.guarded[s.id] = false
		}
	}
	for _, s := range r.state.all {
		// a preview shows what would be refused
		s.state.Protect = r.mode == applying && (s.deleting && r.spared(s) || !s.deleting && r.guarded[s.id])
	}
}

// spared reports whether an object that waits for its deletion must not be deleted now: it was protected when its
// replacement was allowed, and the allowed run ended before the deletion.
func (r *run) spared(s *stored) bool { return s.deleting && r.isProtected(s) && !r.o.allows(s.id) }

// isProtected reports whether an object is protected: in the state, or in AWS.
func (r *run) isProtected(s *stored) bool {
	return s.protected || r.definition(s.typ).OnDelete(s.inputs).Lifts
}

// snapshot is the part of the state that the engine sees. It leaves out unfinished operations and old failures of
// untargeted resources: a later run deals with them.
func (r *run) snapshot() *deploy.Snapshot {
	snap := &deploy.Snapshot{Resources: make([]*pkgresource.State, 0, len(r.state.all))}
	for _, s := range r.state.all {
		if s.id != "" && r.keep(s.id) {
			if s.state.Delete || s.state.PendingReplacement {
				continue
			}
			s.state.InitErrors = nil
		}
		snap.Resources = append(snap.Resources, s.state)
	}
	return snap
}

// execute lets the engine run. The context only stops new steps; see Options.Hard.
func (r *run) execute(ctx context.Context, opts *deploy.Options, source deploy.Source) error {
	if err := ctx.Err(); err != nil {
		return &StoppedError{Cause: context.Cause(ctx)}
	}
	said := &messages{}
	r.reading = ctx
	base := r.o.hard()
	if r.mode != applying {
		base = ctx
	}
	pctx, err := plugin.NewContextWithHost(base, said, said, &host{provider: &provider{run: r}, messages: said}, "", "",
		nil)
	if err != nil {
		return err
	}
	defer pctx.Close()
	name, err := tokens.ParseStackName(r.o.Environment)
	if err != nil {
		return fmt.Errorf("environment %q: %w", r.o.Environment, err)
	}
	target := &deploy.Target{Name: name}
	deployment, err := deploy.NewDeployment(pctx, opts, &steps{run: r}, target, r.snapshot(), nil, source, nil, nil)
	if err != nil {
		return err
	}
	_, err = deployment.Execute(ctx)
	source.Close() // the engine leaves its iterator running when it fails
	return r.verdict(ctx, err, said)
}

// verdict returns why a run failed: our own errors if there are any.
func (r *run) verdict(ctx context.Context, err error, said *messages) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	failures := slices.Clone(r.failures)
	if ctx.Err() != nil && (err != nil || len(failures) > 0) {
		failures = append(failures, &StoppedError{Cause: context.Cause(ctx)})
	}
	if len(failures) > 0 {
		return joined(failures)
	}
	if err == nil {
		return nil
	}
	text := said.first()
	if text == "" {
		text = clean(err.Error())
	}
	return &InternalError{Text: text}
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, err)
}

// tell passes an event on, one at a time.
func (r *run) tell(e plan.Event) {
	if r.o.Events == nil || r.mode != applying {
		return
	}
	r.events.Lock()
	defer r.events.Unlock()
	r.o.Events(e)
}

// old returns the stored resource for a desired one, nil when there is none of its type.
func (r *run) old(res *resource.Resource) *stored {
	return r.state.live[r.names.resource(res.ID(), res.Type)]
}

func (r *run) definition(typ string) *resource.Definition {
	b, err := r.o.Catalog.Behaviour(typ)
	if err != nil {
		return &resource.Definition{Type: typ}
	}
	return b.Definition()
}

// isOurs reports whether a step is about a resource of a component, and not about the stack or the provider.
func (r *run) isOurs(urn sdk.URN) bool {
	return strings.HasPrefix(string(urn.Type()), packageName+":")
}
