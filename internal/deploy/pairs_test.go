package deploy

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// Two faults in a row: a rule handles each fault alone, but the other fault breaks that rule.

// nowhere is a home in which no journal can be kept: the next run is always on another machine.
const nowhere = "/dev/null"

// firstCreate is the call of a first deployment that creates something: after take, read, a look at the history, and
// claim.
const firstCreate = 5

// throttled is AWS's answer after eight attempts, of which the first may have had its effect.
func throttled() error {
	return &resource.OpError{
		Operation: "fake:Call", Code: "ThrottlingException", Message: "Rate exceeded",
		Err: errors.New("throttled"),
	}
}

// silent is no answer at all.
func silent() error {
	return &resource.OpError{Operation: "fake:Call", Message: "the connection was cut", Err: errors.New("reset")}
}

// looksFail makes every look at an object fail, in the plan too or only once the run has begun to apply.
func looksFail(inPlan bool) func(string, string, bool) error {
	return func(action, _ string, applying bool) error {
		if action == "look" && (inPlan || applying) {
			return throttled()
		}
		return nil
	}
}

// struck reports whether a case is in this run: with DEPLOYER_CRASH_SEEDS all cases are, else a share that differs for
// each commit.
func struck(n int) bool {
	if os.Getenv("DEPLOYER_CRASH_SEEDS") != "" {
		return true
	}
	commit := fnv.New32()
	commit.Write([]byte(os.Getenv("DEPLOYER_CRASH")))
	return (uint32(n)+commit.Sum32())%12 == 0
}

// A run dies at each of its calls, on a machine that is gone. The next run is throttled at each look. A third run, at
// once or after the signatures of the interrupted run have expired, finds everything.
func TestDeathThenThrottledLook(t *testing.T) {
	for _, story := range []struct {
		name          string
		before, dying graphs
	}{{"first deployment", nil, first}, {"change", first, second}, {"destroy", first, none}} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			setUp := func(t *testing.T) *account {
				a := newAccount()
				if story.before != nil {
					_, err := a.start(nowhere, 0, false).run(t.Context(), story.before(t))
					require.NoError(t, err)
					a.pass(2 * time.Second)
				}
				return a
			}
			a := setUp(t)
			p := a.start(nowhere, 0, false)
			_, err := p.run(t.Context(), story.dying(t))
			require.NoError(t, err)
			calls, wanted := int(p.calls.Load()), a.inventory()
			for n := range 16 * calls {
				if !struck(n) {
					continue
				}
				at, after, inPlan, late, resume := 1+n/16, n&1 > 0, n&2 > 0, n&4 > 0, n&8 > 0
				name := fmt.Sprintf("call %d of %d, after %v, fails in plan %v, late %v, resume %v", at, calls, after,
					inPlan, late, resume)
				a := setUp(t)
				dying := a.start(nowhere, at, after)
				_, err := dying.run(t.Context(), story.dying(t))
				require.NoError(t, err, name)
				next := story.dying
				if !resume {
					next = none
				}
				second := a.start(nowhere, 0, false)
				second.fails = looksFail(inPlan)
				_, _ = second.run(t.Context(), next(t)) // it fails where there was something to look at
				a.pass(2 * time.Second)
				if late {
					a.pass(recovery.Suspicion + time.Minute)
				}
				home := nowhere
				_, err = a.start(home, 0, false).run(t.Context(), next(t))
				require.NoError(t, err, name)
				if resume {
					require.Equal(t, wanted, a.inventory(), name)
				} else {
					require.Empty(t, a.inventory(), name)
				}
				requireSettled(t, a, home, next(t), name)
				close(dying.buried)
				<-dying.done
			}
		})
	}
}

// The answer of each change is lost in turn, and the SDK's repetitions are throttled to the end, or get no answer. The
// run lives on and fails; AWS does not show at once what it made. The next run finds everything, whatever it wants.
func TestLostAnswerThenThrottled(t *testing.T) {
	n := 0
	for _, story := range []struct {
		name          string
		before, dying graphs
		steps         []string
	}{
		{"first deployment", none, first, []string{
			"create web/a:a", "create web/b:b", "create web/c:c",
			"create web/d:d",
		}},
		{"change", first, second, []string{
			"delete web/a:a", "create web/a:a", "create web/b:b", "delete web/b:b", "update web/c:c", "delete web/d:d",
			"create web/e:e",
		}},
		{"destroy", first, none, []string{"delete web/a:a", "delete web/b:b", "delete web/c:c", "delete web/d:d"}},
	} {
		for _, step := range story.steps {
			for answer, lost := range map[string]func() error{"throttled": throttled, "silent": silent} {
				for _, hidden := range []int{0, 2} {
					for _, wish := range []graphs{first, second, none} {
						if n++; !struck(n) {
							continue
						}
						a, home := newAccount(), nowhere
						if g := story.before(t); g != nil {
							_, err := a.start(home, 0, false).run(t.Context(), g)
							require.NoError(t, err)
							a.pass(2 * time.Second)
						}
						p := a.start(home, 0, false)
						p.fails = func(action, id string, _ bool) error {
							if action+" "+id == step {
								return lost()
							}
							return nil
						}
						_, err := p.run(t.Context(), story.dying(t))
						require.Error(t, err)
						a.pass(2 * time.Second)
						ideal := newAccount()
						if g := wish(t); g != nil {
							_, err := ideal.start(nowhere, 0, false).run(t.Context(), g)
							require.NoError(t, err)
						}
						name := fmt.Sprintf("%s, %s is %s, hidden %d, then %d components", story.name, step, answer,
							hidden, strings.Count(ideal.inventory(), "\n"))
						a.hidden = hidden
						for range 2 {
							_, err = a.start(home, 0, false).run(t.Context(), wish(t))
							require.NoError(t, err, name)
							a.pass(2 * time.Second)
						}
						require.Equal(t, ideal.inventory(), a.inventory(), name)
						requireSettled(t, a, home, wish(t), name)
					}
				}
			}
		}
	}
}

// An intent stays while its request may still land, and until a run looks once more after that time.
func TestIntentStaysUntilALookAfterItsTime(t *testing.T) {
	a, home := newAccount(), nowhere
	_, err := a.start(home, firstCreate, false).run(t.Context(), first(t)) // the creation is sent, and lands late
	require.NoError(t, err)
	_, err = a.start(nowhere, 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	a.mu.Lock()
	a.objects[single+" web-a:a"] = first(t).Resource("web/a:a").Props
	a.mu.Unlock()
	a.pass(recovery.Suspicion + time.Minute)
	_, err = a.start(nowhere, 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, a.inventory())
	a.pass(2 * time.Second)
	_, err = a.start(nowhere, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	stored, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	require.Empty(t, stored.Snapshot.Envelope.Intents)
}

// The name of an object depends on an output of the same run. The run dies on a machine that is gone, and nobody wants
// the object any more.
func TestNameFromTheSameRun(t *testing.T) {
	g := graph(t, res("web/a:a", single), res("web/b:b", hashed, "zone", value.Output("web/a:a", "arn")))
	for at := 1; ; at++ {
		for _, after := range []bool{false, true} {
			a := newAccount()
			p := a.start(nowhere, at, after)
			applied, err := p.run(t.Context(), g)
			require.NoError(t, err)
			if applied != nil {
				return
			}
			_, err = a.start(nowhere, 0, false).run(t.Context(), nil)
			require.NoError(t, err, at)
			require.Empty(t, a.inventory(), "call %d, after %v", at, after)
		}
	}
}

// A token names one intent: a repetition has the same token, a deleted and recreated resource has another.
func TestTokensOfIntents(t *testing.T) {
	a, home := newAccount(), nowhere
	g := func() *resource.Graph { return graph(t, res("web/a:a", single)) }
	apply := func(at int, g *resource.Graph) {
		t.Helper()
		_, err := a.start(nowhere, at, false).run(t.Context(), g)
		require.NoError(t, err)
		a.pass(2 * time.Second)
	}
	apply(firstCreate, g()) // dies before the creation arrives
	apply(0, g())
	require.Len(t, a.tokens, 2)
	require.NotEmpty(t, a.tokens[0])
	require.Equal(t, a.tokens[0], a.tokens[1], "a repetition")
	apply(0, nil)
	apply(0, g())
	require.Len(t, a.tokens, 3)
	require.NotEqual(t, a.tokens[1], a.tokens[2], "another life")

	_, err := a.start(home, 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	p := a.start(home, 0, false)
	u, held, _ := claimed(t, p)
	require.NotEmpty(t, recovery.IntentsOf(held.State())[0].Token)
	require.Equal(t, recovery.IntentsOf(held.State())[0].Token, u.Tokens["web/a:a"])
}

// What apply --refresh has read is in the state, even if nothing is left to do.
func TestRefreshIsRecorded(t *testing.T) {
	a, home := newAccount(), nowhere
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	a.pass(2 * time.Second)
	two := second(t).Resource("web/c:c").Props.Get("size")
	a.mu.Lock()
	a.objects[single+" web-c:c"] = a.objects[single+" web-c:c"].With("size", two)
	a.mu.Unlock()
	wish := first(t)
	wish.Resource("web/c:c").Props = wish.Resource("web/c:c").Props.With("size", two)
	applied, err := a.start(home, 0, false).run(t.Context(), wish, func(r *Request) { r.Refresh = true })
	require.NoError(t, err)
	require.False(t, applied.Plan.HasChanges())
	require.Empty(t, a.start(home, 0, false).planned(t, wish))
	stored, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	require.Equal(t, state.Succeeded, stored.Payload.Status)
	a.pass(2 * time.Second)
	applied, err = a.start(home, 0, false).run(t.Context(), wish, func(r *Request) { r.Refresh = true })
	require.NoError(t, err)
	require.False(t, applied.Changed, "nothing new was read")
}
