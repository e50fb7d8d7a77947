package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// cloud is a fake AWS: objects by type and id, and a log of every call that changes something.
type cloud struct {
	mu      sync.Mutex
	objects map[string]object // "<type> <id>"
	log     []string
	serial  int
	lookups int

	fail map[string]error // by "<action> <resource>"
	// by resource: returned after the effect of a create, update or delete
	lost map[string]error
	// by resource: the rollout fails, and keeps the inputs it had
	partial   map[string]bool
	unawaited bool                                                     // of partial: the run did not wait for the end
	unread    map[string]bool                                          // by resource: and nobody could read its outputs
	before    func(ctx context.Context, action, resource string) error // called without the lock
	tokens    []string
	made      map[string]string // id by client token

	deleting map[string]bool        // by object id: it is there, but on its way
	inTheWay map[string]string      // by object id: why it cannot be deleted
	uses     map[string]value.Value // of the last questions before a run, by "<resource> <property>"
	endless  bool                   // of the last question before a run: it may take any time
	refused  map[string]string      // by resource: why AWS would refuse it
	forced   []string               // Neighbours.Replaced of the last question about an obstacle
}

type object struct {
	inputs, outputs value.Value
	tags            map[string]string
}

func newCloud() *cloud {
	return &cloud{
		objects: map[string]object{}, made: map[string]string{}, fail: map[string]error{},
		uses: map[string]value.Value{}, partial: map[string]bool{}, unread: map[string]bool{}, lost: map[string]error{},
	}
}

// kind is a resource type of the fake cloud. Its ids are names when named is set, generated otherwise.
type kind struct {
	cloud *cloud
	def   resource.Definition
	named bool
	check func(value.Value) []value.Problem
}

func (k *kind) Definition() *resource.Definition { return &k.def }

func (k *kind) Check(in value.Value) (value.Value, []value.Problem) {
	if k.check != nil {
		return in, k.check(in)
	}
	return in, nil
}

func (k *kind) enter(ctx context.Context, action string, req resource.Request) error {
	if k.cloud.before != nil {
		if err := k.cloud.before(ctx, action, req.Resource); err != nil {
			return err
		}
	}
	k.cloud.mu.Lock()
	defer k.cloud.mu.Unlock()
	if action != "read" && action != "ask" {
		k.cloud.log = append(k.cloud.log, action+" "+req.Resource)
		k.cloud.tokens = append(k.cloud.tokens, req.Token)
	}
	err := k.cloud.fail[action+" "+req.Resource]
	if op := (*resource.OpError)(nil); errors.As(err, &op) && op.Code != "" {
		// as the SDK clients of package aws report it
		resource.EffectsOf(ctx).Call()
		resource.EffectsOf(ctx).Sent(true)
	}
	return err
}

func (k *kind) Create(ctx context.Context, req resource.Request) (resource.State, error) {
	if err := k.enter(ctx, "create", req); err != nil {
		return resource.State{}, err
	}
	c := k.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	if id := c.made[req.Token]; id != "" && !k.named {
		return k.put(req, id, 1)
	}
	c.serial++
	id := fmt.Sprintf("id-%d", c.serial)
	c.made[req.Token] = id
	if k.named {
		id = req.Inputs.Get("name").Str()
		if there, taken := c.objects[k.def.Type+" "+id]; taken {
			ours := there.tags != nil && maps.Equal(there.tags, req.Tags)
			if !(req.Adopt || ours) || req.InState(id) {
				return resource.State{}, &resource.OwnedError{Type: k.def.Type, Name: id}
			}
			c.log = append(c.log, "adopted "+req.Resource)
			state, err := k.put(req, id, 1)
			state.Adopted = true
			return state, err
		}
	}
	return k.put(req, id, 1)
}

func (k *kind) put(req resource.Request, id string, revision int) (resource.State, error) {
	inputs := req.Inputs
	if k.cloud.partial[req.Resource] {
		inputs = req.Old.Inputs
		if inputs.IsNull() {
			inputs = req.Inputs
		}
	}
	out := value.NewMap(map[string]value.Value{
		"arn":      value.NewString(fmt.Sprintf("arn:%s:%s:%d", k.def.Type, id, revision)),
		"revision": value.NewInt(revision),
	})
	k.cloud.objects[k.def.Type+" "+id] = object{inputs, out, req.Tags}
	state := resource.State{ID: id, Inputs: inputs, Outputs: out}
	if err := k.cloud.lost[req.Resource]; err != nil {
		return resource.State{}, err
	}
	if k.cloud.unread[req.Resource] {
		state.Outputs = value.NullValue
	}
	if k.cloud.partial[req.Resource] {
		reason := errors.New("the rollout failed: tasks stop")
		if k.cloud.unawaited {
			reason = &resource.WaitError{What: "the rollout", Err: errors.New("a signal")}
		}
		return resource.State{}, &resource.PartialError{State: state, Err: reason}
	}
	return state, nil
}

func (k *kind) Read(ctx context.Context, req resource.Request) (resource.State, bool, error) {
	if err := k.enter(ctx, "read", req); err != nil {
		return resource.State{}, false, err
	}
	k.cloud.mu.Lock()
	defer k.cloud.mu.Unlock()
	o, found := k.cloud.objects[k.def.Type+" "+req.ID]
	if found && k.cloud.deleting[req.ID] {
		return resource.State{ID: req.ID, Deleting: true}, false, nil
	}
	return resource.State{ID: req.ID, Inputs: o.inputs, Outputs: o.outputs}, found, nil
}

// Foresee notes what the planned resources use, and refuses what the test has set.
func (k *kind) Foresee(
	ctx context.Context, planned []resource.Request, _ resource.Neighbours, f *resource.Foresight,
) {
	k.cloud.mu.Lock()
	defer k.cloud.mu.Unlock()
	_, ends := ctx.Deadline()
	k.cloud.endless = !ends
	for _, req := range planned {
		if why := k.cloud.refused[req.Resource]; why != "" {
			f.Refuse(req.Resource, "", "%s", why)
		}
		for property, props := range req.Uses {
			k.cloud.uses[req.Resource+" "+property] = props
		}
	}
}

// Obstacles returns the obstacles that the test has set.
func (k *kind) Obstacles(
	ctx context.Context, req resource.Request, stack resource.Neighbours,
) ([]plan.Obstacle, error) {
	if err := k.enter(ctx, "ask", req); err != nil {
		return nil, err
	}
	k.cloud.mu.Lock()
	defer k.cloud.mu.Unlock()
	if !stack.Has(req.ID) || !slices.Contains(stack.Going, req.ID) {
		return nil, fmt.Errorf("%s is asked about, but it stays", req.ID)
	}
	k.cloud.forced = stack.Replaced
	if what := k.cloud.inTheWay[req.ID]; what != "" {
		return []plan.Obstacle{{What: what, Next: "take it away"}}, nil
	}
	return nil, nil
}

// errOnce fails one look for an object.
var errOnce = errors.New("throttled once")

// Locate finds objects by the properties of FoundBy, by name, or by the token that they were made with.
func (k *kind) Locate(_ context.Context, req resource.Request) (resource.State, bool, error) {
	k.cloud.mu.Lock()
	defer k.cloud.mu.Unlock()
	if err := k.cloud.fail["locate "+req.Resource]; err != nil {
		if errors.Is(err, errOnce) {
			delete(k.cloud.fail, "locate "+req.Resource)
		}
		return resource.State{}, false, err
	}
	if len(k.def.FoundBy) > 0 {
		parent := k.def.FoundBy[0]
		if req.Inputs.Get(parent).IsNull() {
			return resource.State{}, false, errors.ErrUnsupported
		}
		for key, o := range k.cloud.objects {
			typ, id, _ := strings.Cut(key, " ")
			if typ == k.def.Type && value.Equal(o.inputs.Get(parent), req.Inputs.Get(parent)) && !req.InState(id) {
				return resource.State{ID: id, Inputs: o.inputs, Outputs: o.outputs}, true, nil
			}
		}
		return resource.State{}, false, nil
	}
	id := req.Inputs.Get("name").Str()
	if !k.named {
		id = k.cloud.made[req.Token]
	}
	o, found := k.cloud.objects[k.def.Type+" "+id]
	if !found || req.InState(id) {
		return resource.State{}, false, nil
	}
	return resource.State{ID: id, Inputs: o.inputs, Outputs: o.outputs}, true, nil
}

func (k *kind) Update(ctx context.Context, req resource.Request) (resource.State, error) {
	if err := k.enter(ctx, "update", req); err != nil {
		return resource.State{}, err
	}
	req.Progress("1 of 2 tasks run")
	k.cloud.mu.Lock()
	defer k.cloud.mu.Unlock()
	revision := int(req.Old.Outputs.Get("revision").Number())
	if len(k.def.ChangesOnUpdate) > 0 {
		revision++
	}
	return k.put(req, req.ID, revision)
}

func (k *kind) Delete(ctx context.Context, req resource.Request) error {
	if err := k.enter(ctx, "delete", req); err != nil {
		return err
	}
	k.cloud.mu.Lock()
	defer k.cloud.mu.Unlock()
	delete(k.cloud.objects, k.def.Type+" "+req.ID)
	return k.cloud.lost[req.Resource]
}

// The types of the fake cloud.
const (
	thing    = "fake/thing"    // replaced side by side when its zone changes; shield: AWS refuses its deletion
	single   = "fake/single"   // replaced one after the other when its zone changes; its id is its name; holds data
	member   = "fake/member"   // replaced side by side when its parent changes, one after the other when its zone does
	hashed   = "fake/hashed"   // replaced side by side when its zone changes, with which its name, its id, changes too
	revision = "fake/revision" // an update changes its arn
	part     = "fake/part"     // is found only by its parent
)

func (c *cloud) kinds() []*kind {
	return []*kind{
		{cloud: c, def: resource.Definition{
			Type: thing, ReplaceOn: []string{"zone", "parent"}, CreateOnly: []string{"initial"},
			Consequence: func(resource.Change) plan.Consequence { return plan.Rolling },
			Deleting: func(old value.Value) resource.Deleting {
				return resource.Deleting{Lifts: old.Get("shield").Bool(), Keeps: old.Get("snapshot").Str()}
			},
		}},
		{cloud: c, def: resource.Definition{
			Type: single, ReplaceOn: []string{"zone", "parent"}, DeleteBeforeReplace: true, DataLoss: true,
			Replaces: func(old, desired value.Value) []string {
				if desired.Get("size").Number() < old.Get("size").Number() {
					return []string{"size"}
				}
				return nil
			},
			Consequence: resource.Causes(plan.DataLoss, "format"),
		}, named: true},
		{cloud: c, def: resource.Definition{
			Type: member, ReplaceOn: []string{"zone", "parent"},
			DeleteBeforeReplace: true, Beside: resource.AnyOf("parent"),
		}},
		{cloud: c, def: resource.Definition{Type: hashed, ReplaceOn: []string{"zone", "name"}}, named: true},
		{cloud: c, def: resource.Definition{Type: revision, ChangesOnUpdate: []string{"arn", "revision"}}},
		{cloud: c, def: resource.Definition{Type: part, ReplaceOn: []string{"parent"}, FoundBy: []string{"parent"}}},
	}
}

func (c *cloud) catalog(kinds ...*kind) *resource.Catalog {
	if kinds == nil {
		kinds = c.kinds()
	}
	var behaviours []resource.Behaviour
	for _, k := range kinds {
		k.def.Outputs = []string{"arn", "revision"}
		behaviours = append(behaviours, k)
	}
	return resource.NewCatalog(behaviours, []resource.Lookup{{
		Type: "fake/vpc",
		Read: func(_ context.Context, props value.Value) (value.Value, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.lookups++
			return m("id", "vpc-of-"+props.Get("region").Str()), nil
		},
	}})
}

func (c *cloud) options() Options {
	return Options{
		Stack: "shop", Environment: "dev", Catalog: c.catalog(), Token: func(string) string { return "T1" },
		Parallelism: 1,
		Tags: func(component string) map[string]string {
			return map[string]string{resource.TagComponent: component}
		},
		Template: func(source string, vars map[string]value.Value) (value.Value, error) {
			for _, name := range slices.Sorted(maps.Keys(vars)) {
				text, ok := vars[name].Text()
				if !ok {
					return value.NewUnknown(), nil
				}
				source = strings.ReplaceAll(source, "${"+name+"}", text)
			}
			return value.NewString(source), nil
		},
	}
}

func (c *cloud) calls() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	log := strings.Join(c.log, ", ")
	c.log = nil
	return log
}

// m makes a Map out of keys and values in turn.
func m(pairs ...any) value.Value {
	out := map[string]value.Value{}
	for i := 0; i < len(pairs); i += 2 {
		v, err := value.From(pairs[i+1])
		if err != nil {
			panic(err)
		}
		out[pairs[i].(string)] = v
	}
	return value.NewMap(out)
}

// res makes a resource out of "component:name".
func res(id, typ string, pairs ...any) *resource.Resource {
	component, name, _ := strings.Cut(id, ":")
	return &resource.Resource{Component: component, Name: name, Type: typ, Props: m(pairs...)}
}

// graph makes a graph whose components are those of its resources.
func graph(t testing.TB, resources ...*resource.Resource) *resource.Graph {
	t.Helper()
	g := &resource.Graph{Resources: resources}
	seen := map[string]bool{}
	for _, r := range resources {
		if !seen[r.Component] {
			seen[r.Component] = true
			g.Components = append(g.Components, resource.Component{Address: r.Component, Kind: "Fake"})
		}
	}
	if err := g.Sort(); err != nil {
		t.Fatal(err)
	}
	return g
}

func apply(t testing.TB, g *resource.Graph, state []byte, o Options) *Result {
	t.Helper()
	result, err := Apply(t.Context(), g, state, o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// planned renders the plan as one line per change.
func planned(t testing.TB, g *resource.Graph, state []byte, o Options) string {
	t.Helper()
	p, err := PreviewApply(t.Context(), g, state, o)
	if err != nil {
		t.Fatal(err)
	}
	return render(p.Plan)
}

func render(p *plan.Plan) string {
	var lines []string
	for _, c := range p.Components {
		for _, ch := range c.Changes {
			line := fmt.Sprintf("%s %s (%s)", ch.Action, ch.Resource, ch.Reason)
			if ch.Consequence != plan.None {
				line += " [" + string(ch.Consequence) + "]"
			}
			if ch.Protected {
				line += " protected"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func ids(t testing.TB, state []byte) string {
	t.Helper()
	stored, err := Resources(state)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range stored {
		out = append(out, s.ID)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func want(t testing.TB, what, got, wanted string) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s:\n got: %s\nwant: %s", what, got, wanted)
	}
}
