package engine

import (
	"context"
	"slices"
	"sync"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// source offers the desired resources to the engine: the stack, the provider, each resource as soon as its dependencies
// are done, and last the outputs of the components. It is its own iterator.
type source struct {
	run    *run
	ctx    context.Context
	cancel context.CancelFunc

	begun       int                // how many of the stack and the provider were offered
	provider    chan struct{}      // closed when the provider is ready
	ready       chan *node         // buffered for all nodes
	finished    chan struct{}      // closed when all nodes are done
	told        bool               // the outputs were offered
	activations []activation       // that are to be taken at the end
	urns        map[string]sdk.URN // of resources, not of data

	mu      sync.Mutex
	left    int
	nodes   []*node
	byID    map[string]*node
	answers map[string]answer // by resource ID
}

var (
	_ deploy.Source         = (*source)(nil)
	_ deploy.SourceIterator = (*source)(nil)
)

func (r *run) newSource(ctx context.Context) (*source, error) {
	r.data = map[string]*resource.Resource{}
	for _, res := range r.graph.Resources {
		if res.Data {
			r.data[res.ID()] = res
		}
	}
	nodes, err := r.nodes()
	if err != nil {
		return nil, err
	}
	s := &source{
		run: r, provider: make(chan struct{}), ready: make(chan *node, len(nodes)), finished: make(chan struct{}),
		nodes: nodes, left: len(nodes), byID: make(map[string]*node, len(nodes)),
		answers: make(map[string]answer, len(nodes)), urns: make(map[string]sdk.URN, len(nodes)),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	r.lookup = s.lookup
	for _, n := range nodes {
		s.byID[n.id] = n
		switch {
		case n.kept != nil:
			s.urns[n.id] = n.kept.state.URN
		case !n.desired.Data:
			s.urns[n.id] = r.names.resource(n.id, n.desired.Type)
		}
		if n.waitsFor == 0 {
			s.ready <- n
		}
	}
	if len(nodes) == 0 {
		close(s.finished)
	}
	return s, nil
}

// Project implements deploy.Source.
func (s *source) Project() tokens.PackageName { return tokens.PackageName(s.run.o.Stack) }

// Close ends the iteration: a Next that waits returns.
func (s *source) Close() error {
	s.cancel()
	return nil
}

// Cancel implements deploy.SourceIterator.
func (s *source) Cancel(context.Context) error { return s.Close() }

// Iterate implements deploy.Source.
func (s *source) Iterate(context.Context, deploy.ProviderSource) (deploy.SourceIterator, error) {
	return s, nil
}

// Next implements deploy.SourceIterator.
func (s *source) Next() (deploy.SourceEvent, error) {
	s.begun++
	switch s.begun {
	case 1:
		return s.register(&pkgresource.Goal{Type: sdk.RootStackType, Name: s.run.names.rootName()}, nil), nil
	case 2:
		goal := &pkgresource.Goal{Type: s.run.names.provider().Type(), Name: providerName, Custom: true}
		return s.register(goal, func(*pkgresource.State) { close(s.provider) }), nil
	}
	select {
	case <-s.provider:
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
	for {
		select {
		case <-s.ctx.Done():
			return nil, s.ctx.Err()
		case n := <-s.ready:
			event, err := s.offer(n)
			if event != nil || err != nil {
				return event, err
			}
		case <-s.finished:
			if s.told {
				return nil, nil
			}
			if s.run.mode == applying {
				if err := s.activate(); err != nil {
					return nil, err
				}
			}
			s.told = true
			return &outputs{urn: s.run.names.root(), values: s.stackOutputs()}, nil
		}
	}
}

// offer turns a node into an event; nil when there is nothing to offer.
func (s *source) offer(n *node) (deploy.SourceEvent, error) {
	switch {
	case n.kept != nil:
		k := n.kept.state
		s.run.want(k.URN, wanted{inputs: k.Inputs, update: k.Inputs})
		return s.register(&pkgresource.Goal{
			Type: k.Type, Name: n.id, Custom: true, Protect: &k.Protect, Dependencies: s.existing(n.needs),
			PropertyDependencies: k.PropertyDependencies, Provider: k.Provider,
		}, func(*pkgresource.State) { s.finish(n, answer{inputs: n.kept.inputs, outputs: k.Outputs}) }), nil
	case n.desired.Data:
		s.lookUp(n)
		return nil, nil
	}
	res := n.desired
	if wanted, err := s.wanted(res); err != nil {
		s.refuse(n, err)
		return nil, nil
	} else if !wanted {
		s.run.mu.Lock()
		s.run.unwanted[n.id] = true
		s.run.mu.Unlock()
		delete(s.urns, n.id)
		s.finish(n, answer{absent: true})
		return nil, nil
	}
	checked, err := s.run.checked(res, s.resolve)
	old := s.run.old(res)
	if err == nil && old != nil {
		err = s.run.refused(res, old.inputs, checked)
	}
	if err != nil {
		if s.run.mode != previewing {
			s.run.fail(err)
			return nil, err
		}
		s.run.fail(err) // and go on, so that all problems are found at once
		s.finish(n, answer{unknown: true})
		return nil, nil
	}
	urn := s.urns[n.id]
	s.run.want(urn, s.run.wantedFor(res, checked, old))
	protect := s.run.guarded[n.id] && s.run.mode == applying
	return s.register(&pkgresource.Goal{
		Type: urn.Type(), Name: n.id, Custom: true, Protect: &protect, Dependencies: s.existing(n.needs),
		PropertyDependencies: s.run.propertyDependencies(res.Props, s.urns), Provider: s.run.names.providerRef(),
	}, func(state *pkgresource.State) {
		s.later(res.Type, state, checked)
		s.finish(n, s.run.answerOf(state, checked, old))
	}), nil
}

// wanted reports whether an object is wanted, where a lookup decides that.
func (s *source) wanted(res *resource.Resource) (bool, error) {
	if res.Only.IsNull() {
		return true, nil
	}
	only, err := s.resolve(res.Only)
	return value.Equal(only, value.NewBool(true)), err
}

// later notes an object to activate at the end: its inputs are not as wanted yet, or it overtakes another object.
func (s *source) later(typ string, state *pkgresource.State, wanted value.Value) {
	activator, ok := s.run.activator(typ)
	if !ok || s.run.mode != applying {
		return
	}
	is := fromProperties(state.Inputs)
	if value.Equal(is, wanted) && activator.Overtakes(wanted, is, s.run.rivals(state.URN, state.ID)) == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.activations = append(s.activations, activation{state, wanted})
}

func (s *source) existing(ids []string) []sdk.URN {
	list := make([]sdk.URN, 0, len(ids))
	for _, id := range ids {
		if urn, ok := s.urns[id]; ok {
			list = append(list, urn)
		}
	}
	slices.Sort(list)
	return list
}

// lookUp answers a data node, in parallel with everything else.
func (s *source) lookUp(n *node) {
	props, err := value.Resolve(n.desired.Props, s.env())
	if err == nil && !known(props) {
		s.run.answered(n.desired, value.NewUnknown())
		s.finish(n, answer{unknown: true})
		return
	}
	if err != nil {
		s.refuse(n, err)
		return
	}
	go func() {
		found, err := s.run.lookUp(s.ctx, n.desired, props)
		if err != nil {
			s.refuse(n, err)
			return
		}
		s.finish(n, answer{inputs: props, outputs: properties(found)})
	}()
}

// refuse notes why a lookup failed and, in a preview, goes on to find other problems.
func (s *source) refuse(n *node, err error) {
	if s.ctx.Err() == nil {
		s.run.fail(&ResolveError{Resource: n.id, Err: err})
	}
	if s.run.mode == previewing {
		s.finish(n, answer{unknown: true})
		return
	}
	s.cancel()
}

// finish records the answer of a node and makes ready the nodes that waited for it.
func (s *source) finish(n *node, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.done {
		return
	}
	n.done = true
	s.answers[n.id] = a
	for _, d := range n.dependents {
		if d.waitsFor--; d.waitsFor == 0 {
			s.ready <- d
		}
	}
	if s.left--; s.left == 0 {
		close(s.finished)
	}
}

func (s *source) register(goal *pkgresource.Goal, done func(*pkgresource.State)) *registration {
	return &registration{goal: goal, done: done}
}

// registration asks the engine for one resource.
type registration struct {
	deploy.SourceEvent // for its unexported method
	goal               *pkgresource.Goal
	done               func(*pkgresource.State)
}

func (e *registration) Goal() *pkgresource.Goal            { return e.goal }
func (e *registration) Extension() *apitype.Extension      { return nil }
func (e *registration) ExtensionRef() apitype.ExtensionRef { return "" }
func (e *registration) Done(result *deploy.RegisterResult) {
	if e.done != nil && result.Result == deploy.ResultStateSuccess {
		e.done(result.State)
	}
}

// outputs gives the stack its outputs.
type outputs struct {
	deploy.SourceEvent
	urn    sdk.URN
	values sdk.PropertyMap
}

func (e *outputs) URN() sdk.URN             { return e.urn }
func (e *outputs) Outputs() sdk.PropertyMap { return e.values }
func (e *outputs) Done()                    {}
