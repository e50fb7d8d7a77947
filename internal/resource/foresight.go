package resource

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/company/deployer/internal/value"
)

// Foreseer is a Behaviour that can tell, before a run changes anything, what AWS would refuse in the middle of it.
type Foreseer interface {
	// Foresee asks AWS about everything of the type that a plan makes or changes, all of it at the same time by f.Ask.
	// It only reads. Requests for new objects have no Old; those of changes, and of objects that take the place of one
	// that goes first, have an ID. Their Inputs may hold Unknown. Refuse what AWS surely refuses; warn of the rest.
	Foresee(ctx context.Context, planned []Request, stack Neighbours, f *Foresight)
}

// Refusal is what AWS would refuse.
type Refusal struct {
	Resource string // ID of the resource that would fail
	What     string // a sentence without its end
	Next     string // what to do about it, in the same form
	Unsure   bool   // only a warning: AWS may have raised the quota
	Remark   string // no refusal, but what a person should know: its summary
}

// Foresight gathers what AWS would refuse. Its questions are asked side by side.
type Foresight struct {
	asked    sync.WaitGroup
	mu       sync.Mutex
	refusals []Refusal
	unasked  []error
	needs    map[string]*Need // by What, with the sum of all types
}

// Need is how much of a quota a run needs in addition to what the account uses.
type Need struct {
	Resource string  // that needs it
	What     string  // the name of the quota: "cache nodes"
	N        float64 //
	// Used and Most ask what the account uses and may use; a Most of 0 is not known. They run side by side, and only
	// for the first need of a quota.
	Used, Most func() (float64, error)
	// Late: AWS tells some minutes late what the account uses. So that is only a reason to warn.
	Late bool

	used, most float64
	unknown    bool // what the account uses
}

// Ask asks a question beside all others. Its error says that AWS has not answered, which is no refusal.
func (f *Foresight) Ask(question func() error) {
	f.asked.Go(func() {
		if err := safely(question); err != nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.unasked = append(f.unasked, err)
		}
	})
}

// safely turns a panic into an error: a question must not end the run.
func safely(question func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a defect of deployer, please report it: %v", p)
		}
	}()
	return question()
}

// Refuse notes what AWS would refuse.
func (f *Foresight) Refuse(id, next, format string, args ...any) {
	f.add(Refusal{Resource: id, What: fmt.Sprintf(format, args...), Next: next})
}

// Warn notes what AWS may refuse.
func (f *Foresight) Warn(id, next, format string, args ...any) {
	f.add(Refusal{Resource: id, What: fmt.Sprintf(format, args...), Next: next, Unsure: true})
}

// Waits notes that a run will wait before a change, because AWS has another one in progress.
func (f *Foresight) Waits(id, format string, args ...any) {
	f.Remark(id, "An apply waits here",
		"an apply waits by itself; to apply without the wait, run the command again later",
		format, args...)
}

// Remark notes what AWS does not refuse, and a person should know before an apply.
func (f *Foresight) Remark(id, summary, next, format string, args ...any) {
	f.add(Refusal{Resource: id, What: fmt.Sprintf(format, args...), Next: next, Remark: summary})
}

func (f *Foresight) add(r Refusal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusals = append(f.refusals, r)
}

// Quota notes a quota that new objects exceed. used is what the account has, whoever made it.
func (f *Foresight) Quota(id, what string, used, wanted, quota int) {
	if used+wanted > quota {
		f.Refuse(id, "delete some that nobody needs, or ask AWS for a higher quota under Service Quotas",
			"the account has %d %s and this run makes %d, but AWS's quota is %d", used, what, wanted, quota)
	}
}

// Need notes what a run needs of a quota. The needs of all resources and types are added.
func (f *Foresight) Need(n Need) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.needs[n.What]; known != nil {
		known.N += n.N
		known.Resource = min(known.Resource, n.Resource)
		return
	}
	if f.needs == nil {
		f.needs = map[string]*Need{}
	}
	f.needs[n.What] = &n
	f.Ask(func() (err error) {
		n.used, err = n.Used()
		n.unknown = err != nil
		return err
	})
	f.Ask(func() (err error) { n.most, err = n.Most(); return err })
}

// weigh compares what is needed with what there is.
func (f *Foresight) weigh(n *Need) {
	const next = "delete some that nobody needs, or ask AWS for a higher quota under Service Quotas"
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	switch {
	case n.unknown || n.most <= 0 || n.used+n.N <= n.most:
	case n.N > n.most:
		f.Refuse(n.Resource, next, "this run needs %s %s, and AWS's quota is %s", number(n.N), n.What, number(n.most))
	case n.Late:
		f.Warn(n.Resource, next, "some minutes ago the account used %s %s, this run needs %s more, and AWS's quota "+
			"is %s", number(n.used), n.What, number(n.N), number(n.most))
	default:
		f.Refuse(n.Resource, next, "the account has %s %s and this run makes %s, but AWS's quota is %s",
			number(n.used), n.What, number(n.N), number(n.most))
	}
}

// Wait returns the answers, sorted by resource, and why questions have none.
func (f *Foresight) Wait() ([]Refusal, []error) {
	f.asked.Wait()
	for _, n := range f.needs {
		f.weigh(n)
	}
	slices.SortStableFunc(f.refusals, func(a, b Refusal) int {
		return strings.Compare(a.Resource+a.What, b.Resource+b.What)
	})
	return f.refusals, f.unasked
}

// Foresee implements Foreseer.
func (t *Typed[P, O]) Foresee(ctx context.Context, planned []Request, stack Neighbours, f *Foresight) {
	if t.Ahead == nil {
		return
	}
	calls := make([]Call[P, O], len(planned))
	for i, req := range planned {
		calls[i].Request = req
		value.Decode(req.Inputs, &calls[i].Props) // what is not known yet stays empty
		value.Decode(req.Old.Inputs, &calls[i].Old)
	}
	t.Ahead(ctx, calls, stack, f)
}

// Foreseeing is what Foresee needs of AWS, where nothing narrower than "*" can be allowed.
func Foreseeing(actions ...string) Statement {
	return Statement{Actions: actions, Why: "a plan asks what AWS would refuse", Looks: true}
}

// NewOnes counts the calls that make an object in addition to those that AWS has.
func NewOnes[P, O any](planned []Call[P, O]) int {
	n := 0
	for _, c := range planned {
		if c.New() {
			n++
		}
	}
	return n
}

// New reports whether a call makes an object that comes in addition to those that AWS has.
func (c Call[P, O]) New() bool { return c.Request.Old.Inputs.IsNull() && c.ID == "" }
