package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/dynamodb"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/s3"
	"github.com/company/deployer/internal/state/session"
	"github.com/company/deployer/internal/testkit/fakeaws"
	"github.com/company/deployer/internal/value"
)

var shop = state.Key{Stack: "shop", Environment: "dev"}

// account is a fake AWS account: bucket and table of the backend, and objects of two types.
type account struct {
	cloud *fakeaws.Cloud
	ids   atomic.Int64
	later atomic.Int64 // nanoseconds that the account's clock is ahead

	mu      sync.Mutex
	objects map[string]value.Value // properties by "<type> <id>"
	dead    map[int]bool           // processes, by id
	hidden  int                    // how many more times new objects are not found
	tokens  []string               // of the creations, in their order
	// tags of objects, by "<type> <id>", which decide whose they are; nil: everything here is ours.
	tags map[string]map[string]string
	// unindexed: the tag index may not be asked.
	unindexed bool
}

func newAccount() *account {
	a := &account{objects: map[string]value.Value{}, dead: map[int]bool{}}
	a.cloud = fakeaws.New(a.now)
	a.cloud.CreateBucket("states")
	a.cloud.CreateTable("locks")
	return a
}

func (a *account) newID() string { return fmt.Sprintf("id-%d", a.ids.Add(1)) }

func (a *account) now() time.Time { return time.Now().Add(time.Duration(a.later.Load())) }

// pass lets time pass.
func (a *account) pass(d time.Duration) { a.later.Add(int64(d)) }

// indexed is the tag index.
func (a *account) indexed(
	_ context.Context, _ sdk.Config, wanted map[string]string, limit int,
) ([]resource.Tagged, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unindexed {
		return nil, &resource.OpError{
			Operation: "tag:GetResources", Code: "AccessDeniedException",
			Message: "not authorized",
		}
	}
	var out []resource.Tagged
	for _, key := range slices.Sorted(maps.Keys(a.tags)) {
		if tags := a.tags[key]; tags[resource.TagStack] == wanted[resource.TagStack] && len(out) < limit {
			out = append(out, resource.Tagged{ARN: "arn:aws:fake:r:1:" + key, Tags: tags})
		}
	}
	return out, nil
}

// inventory is what is there, as text.
func (a *account) inventory() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		out = append(out, key+" "+a.objects[key].String())
	}
	return strings.Join(out, "\n")
}

// process is one run of the program. It may die at one of its calls: after that, none of its requests arrives, and it
// gets no answer.
type process struct {
	*account
	*backend.Backend
	pid   int
	cfg   sdk.Config // of its clients
	at    int        // the call at which it dies; 0: never
	after bool       // right after the effect of that call, not before
	calls atomic.Int64
	// refuse reports whether S3 denies the process that call.
	refuse func(operation, target string) bool
	// From its call number slowAt on, each call takes slowly; a step has two calls. 0: none.
	slow   time.Duration
	slowAt int64
	slowly func()
	begun  atomic.Int64
	// unavailable reports whether S3 is too busy for that call.
	unavailable func(operation, target string) bool
	// fails answers a call about an object with an error: a look without its answer, a change after its effect. Nil:
	// nothing fails. applying: the plan is already made.
	fails    func(action, id string, applying bool) error
	catalogs atomic.Int64
	died     chan struct{}
	buried,
	done chan struct{}
}

// start makes a process with a home of that path.
func (a *account) start(home string, at int, after bool) *process {
	p := &process{
		account: a, pid: int(a.ids.Add(1)), at: at, after: after, died: make(chan struct{}),
		buried: make(chan struct{}), done: make(chan struct{}),
	}
	cfg := a.cloud.Config(fmt.Sprint("process ", p.pid),
		func(c fakeaws.Call, serve func() *http.Response) (answer *http.Response, err error) {
			if p.refuse != nil && p.refuse(c.Operation, c.Target) {
				return fakeaws.Response(a.now(), http.StatusForbidden, nil,
					[]byte("<Error><Code>AccessDenied</Code></Error>")), nil
			}
			if p.unavailable != nil && p.unavailable(c.Operation, c.Target) {
				return fakeaws.SlowDown(a.now()), nil
			}
			err = p.call(func() { answer = serve() })
			return answer, err
		})
	cfg.HTTPClient = slowly{p, cfg.HTTPClient}
	p.cfg = cfg
	clock := lock.NewClock(a.now)
	host := lock.Host{
		Hostname: "host", BootID: "boot", PIDNamespace: "pids", PID: p.pid, ProcessStart: "1",
		Started: func(pid int) (string, bool) {
			a.mu.Lock()
			defer a.mu.Unlock()
			return "1", !a.dead[pid]
		},
	}
	world := backend.World{
		Home: home, Now: a.now, Hard: context.Background(), Env: map[string]string{"GITHUB_ACTOR": "ann"},
		NewID: a.newID,
		Types: func(sdk.Config) *resource.Catalog { return p.catalog() }, Index: a.indexed,
	}
	world.Settings.Backend.Type = "s3"
	p.Backend = backend.New(world,
		s3.New(cfg, s3.Settings{Bucket: "states", PathStyle: true, Patience: 5 * time.Second}),
		lock.New(dynamodb.New(cfg, dynamodb.Settings{Table: "locks", Bucket: "states"}, clock), clock, host, a.newID),
		func() (*aws.Session, error) { return nil, errors.New("whose the account is is not asked") })
	return p
}

// call has an effect, unless the process is dead.
func (p *process) call(effect func()) error {
	n := int(p.calls.Add(1))
	if p.at == 0 || n < p.at || n == p.at && p.after {
		effect()
	}
	if p.at == 0 || n < p.at {
		return nil
	}
	if n == p.at {
		p.mu.Lock()
		p.dead[p.pid] = true
		p.mu.Unlock()
		close(p.died)
	}
	<-p.buried
	return errBuried{}
}

// errBuried is what a dead process gets when it wakes up. Nobody repeats a call that was canceled.
type errBuried struct{}

func (errBuried) Error() string       { return "dead" }
func (errBuried) CanceledError() bool { return true }

// run applies a graph, or destroys everything when there is none. It returns at the end, or when the process is dead.
func (p *process) run(ctx context.Context, g *resource.Graph, change ...func(*Request)) (applied *Applied, err error) {
	go func() {
		defer close(p.done)
		applied, err = p.deploy(ctx, g, change...)
	}()
	select {
	case <-p.done:
		return applied, err
	case <-p.died:
		return nil, nil
	}
}

func (p *process) deploy(ctx context.Context, g *resource.Graph, change ...func(*Request)) (*Applied, error) {
	req := Request{Key: shop, Parallelism: 1, Progress: func(plan.Event) {}}
	for _, c := range change {
		c(&req)
	}
	where := backend.Place{Account: "1", Region: "r", Session: &aws.Session{}}
	held, err := p.Hold(ctx, req.lock(), where, "")
	if err != nil {
		return nil, err
	}
	stack := &manifest.Stack{}
	if g == nil {
		stack, g = nil, &resource.Graph{}
	}
	return newRun(p.Backend, stack, g, where, req).under(held, nil)
}

// wish is the part of a request about the lock.
func wish() backend.Request { r := request(); return r.lock() }

// claimed is a run that has claimed the state for the creation of web/a:a.
func claimed(t *testing.T, p *process) (*run, *session.Session, *state.Payload) {
	where := backend.Place{Account: "1", Region: "r"}
	held, err := p.Hold(t.Context(), wish(), where, "")
	require.NoError(t, err)
	u := newRun(p.Backend, nil, &resource.Graph{}, where, request())
	u.hurry = p.Hurry(held.Lock().Context())
	u.from(nil, held.Lineage())
	u.plan = &plan.Plan{Components: []plan.Component{
		{Changes: []plan.Change{{Resource: "web/a:a", Type: single, Action: plan.Create}}},
	}}
	payload := u.payload(held)
	payload.Status = state.InProgress
	intents, err := u.intents(held)
	require.NoError(t, err)
	require.NoError(t, held.Write(t.Context(), payload, intents))
	return u, held, payload
}

// planned returns what a plan would do now, "" when nothing.
func (p *process) planned(t *testing.T, g *resource.Graph) string {
	t.Helper()
	stored, err := p.Get(t.Context(), shop)
	require.NoError(t, err)
	u := newRun(p.Backend, &manifest.Stack{}, g, backend.Place{Account: "1", Region: "r", Session: &aws.Session{}},
		Request{Key: shop, Progress: func(plan.Event) {}})
	u.from(stored, lineageOf(stored, p.newID))
	require.NoError(t, u.move())
	require.NoError(t, u.preview(t.Context()))
	return summary(u.plan.Summary())
}

// The types of the fake account. Ids are names.
const (
	single = "fake/single" // replaced one after the other when its zone changes
	hashed = "fake/hashed" // replaced side by side when its zone changes, which is part of its name
)

func (p *process) catalog() *resource.Catalog {
	p.catalogs.Add(1)
	return resource.NewCatalog([]resource.Behaviour{
		&thing{p, resource.Definition{Type: single, ReplaceOn: []string{"zone"}, DeleteBeforeReplace: true}},
		&thing{p, resource.Definition{Type: hashed, ReplaceOn: []string{"zone"}, HashedName: "zone"}},
	}, nil)
}

// thing is a behaviour of the fake account.
type thing struct {
	p   *process
	def resource.Definition
}

func (k *thing) Definition() *resource.Definition                    { return &k.def }
func (k *thing) Check(in value.Value) (value.Value, []value.Problem) { return in, nil }
func (k *thing) key(id string) string                                { return k.def.Type + " " + id }

func (k *thing) state(id string, inputs value.Value) resource.State {
	return resource.State{
		ID: id, Inputs: inputs,
		Outputs: value.NewMap(map[string]value.Value{"arn": value.NewString("arn:" + id)}),
	}
}

func (k *thing) id(inputs value.Value) string {
	if k.def.Type == hashed {
		return inputs.Get("name").Str() + "-" + inputs.Get("zone").Str()
	}
	return inputs.Get("name").Str()
}

func (k *thing) call(ctx context.Context, effect func(objects map[string]value.Value)) error {
	if err := k.p.wait(ctx, k.p.begins()); err != nil {
		return &resource.OpError{Operation: "fake:Look", Err: err}
	}
	slow := k.p.begins()
	err := k.p.call(func() {
		k.p.mu.Lock()
		defer k.p.mu.Unlock()
		effect(k.p.objects)
	})
	if slowErr := k.p.wait(ctx, slow); slowErr != nil {
		return &resource.OpError{Operation: "fake:Change", Err: slowErr}
	}
	return err
}

// begins returns how long a call takes that begins now.
func (p *process) begins() time.Duration {
	n := p.begun.Add(1)
	switch {
	case p.slowAt == 0 || n < p.slowAt:
		return 0
	case n == p.slowAt:
		p.slowly()
	}
	return p.slow
}

func (p *process) wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// slowly makes a process' calls to its backend take time: half of it before their effect.
type slowly struct {
	p    *process
	fast sdk.HTTPClient
}

func (s slowly) Do(req *http.Request) (*http.Response, error) {
	slow := s.p.begins()
	if err := s.p.wait(req.Context(), slow/2); err != nil {
		return nil, err
	}
	answer, err := s.fast.Do(req)
	if slowErr := s.p.wait(req.Context(), slow/2); slowErr != nil {
		return nil, slowErr
	}
	return answer, err
}

// answer is the result of a call that had its effect, or of a look.
func (k *thing) answer(action string, req resource.Request, err error) error {
	if err != nil || k.p.fails == nil {
		return err
	}
	return k.p.fails(action, req.Resource, k.p.catalogs.Load() > 1)
}

func (k *thing) Create(ctx context.Context, req resource.Request) (resource.State, error) {
	k.p.mu.Lock()
	k.p.tokens = append(k.p.tokens, req.Token)
	k.p.mu.Unlock()
	id, taken := k.id(req.Inputs), false
	var tags map[string]string
	err := k.call(ctx, func(objects map[string]value.Value) {
		_, exists := objects[k.key(id)]
		tags = k.p.tags[k.key(id)]
		if taken = exists && (req.InState(id) || k.p.tags != nil && !req.Owns(tags)); !taken {
			objects[k.key(id)] = req.Inputs
			if k.p.tags != nil {
				k.p.tags[k.key(id)] = req.Tags
			}
		}
	})
	if taken {
		return resource.State{}, &resource.OwnedError{Type: k.def.Type, Name: id, Tags: tags}
	}
	return k.state(id, req.Inputs), k.answer("create", req, err)
}

func (k *thing) Read(ctx context.Context, req resource.Request) (s resource.State, found bool, err error) {
	if err := k.answer("look", req, nil); err != nil {
		return resource.State{}, false, err
	}
	err = k.call(ctx, func(objects map[string]value.Value) {
		var inputs value.Value
		inputs, found = objects[k.key(req.ID)]
		s = k.state(req.ID, inputs)
	})
	return s, found, err
}

func (k *thing) Locate(ctx context.Context, req resource.Request) (resource.State, bool, error) {
	if k.def.HashedName != "" && req.Inputs.Get("zone").Str() == "" {
		return resource.State{}, false, errors.ErrUnsupported
	}
	req.ID = k.id(req.Inputs)
	s, found, err := k.Read(ctx, req)
	k.p.mu.Lock()
	defer k.p.mu.Unlock()
	if found && k.p.hidden > 0 {
		k.p.hidden--
		found = false
	}
	owned := k.p.tags == nil || req.Owns(k.p.tags[k.key(req.ID)])
	return s, found && owned && !req.InState(req.ID), err
}

func (k *thing) Update(ctx context.Context, req resource.Request) (resource.State, error) {
	err := k.call(ctx, func(objects map[string]value.Value) { objects[k.key(req.ID)] = req.Inputs })
	return k.state(req.ID, req.Inputs), k.answer("update", req, err)
}

func (k *thing) Delete(ctx context.Context, req resource.Request) error {
	err := k.call(ctx, func(objects map[string]value.Value) {
		delete(objects, k.key(req.ID))
		delete(k.p.tags, k.key(req.ID))
	})
	return k.answer("delete", req, err)
}

// res makes a resource out of "component:name" and properties in pairs.
func res(id, typ string, pairs ...any) *resource.Resource {
	component, name, _ := strings.Cut(id, ":")
	props := map[string]value.Value{"name": value.NewString(strings.ReplaceAll(id, "/", "-"))}
	for i := 0; i < len(pairs); i += 2 {
		if text, isText := pairs[i+1].(string); isText {
			props[pairs[i].(string)] = value.NewString(text)
		} else {
			props[pairs[i].(string)] = pairs[i+1].(value.Value)
		}
	}
	return &resource.Resource{Component: component, Name: name, Type: typ, Props: value.NewMap(props)}
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
	require.NoError(t, g.Sort())
	return g
}

// engineState is a state that has the resources of those IDs.
func engineState(ids ...string) []byte {
	var resources []string
	for _, id := range ids {
		resources = append(resources, `{"urn":"urn:pulumi:dev::shop::deployer:fake:single::`+id+
			`","custom":true,"id":"aws-`+id+`","type":"deployer:fake:single"}`)
	}
	return []byte(`{"manifest":{},"resources":[` + strings.Join(resources, ",") + `]}`)
}
