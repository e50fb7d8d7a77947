package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

// patienceOfCI is how long CI systems wait between SIGTERM and SIGKILL.
const patienceOfCI = 7500 * time.Millisecond

// The signal comes as any of a run's calls begins, and from there on each call takes 3 s. The run ends before a CI
// system would kill it and says so in our words. The next run finds everything.
func TestAnInterruptedRunEndsInTimeWhereCallsAreSlow(t *testing.T) {
	t.Parallel()
	for _, story := range []struct {
		name         string
		before, wish graphs
	}{{"first deployment", nil, first}, {"change", first, second}, {"destroy", first, none}} {
		setUp := func(t *testing.T) *process {
			a, home := newAccount(), t.TempDir()
			if story.before != nil {
				_, err := a.start(home, 0, false).run(t.Context(), story.before(t))
				require.NoError(t, err)
				a.pass(2 * time.Second) // a version's name in the history is a second
			}
			return a.start(home, 0, false)
		}
		p := setUp(t)
		_, err := p.run(t.Context(), story.wish(t))
		require.NoError(t, err)
		calls := p.begun.Load()
		require.Greater(t, calls, int64(15))

		// left returns how long a run goes on after an interruption at that call, and the run that came after it.
		left := func(t *testing.T, call int64) (*process, time.Duration) {
			p := setUp(t) // calls require, but nothing in it can fail
			soft, interrupt := context.WithCancelCause(t.Context())
			var signal time.Time
			p.slow, p.slowAt = 3*time.Second, call
			p.slowly = func() {
				signal = time.Now()
				interrupt(diag.New(diag.Interrupted, "Interrupted", "The run was stopped.", ""))
			}
			applied, err := p.run(soft, story.wish(t))
			took := time.Since(signal)
			said := diag.From(err)
			if applied != nil {
				said = append(said, applied.Warnings...)
			}
			for _, d := range said {
				assert.NotRegexp(t, "(?i)cancel|operation error|context", d.Error(), call)
			}
			next := p.start(p.World.Home, 0, false)
			p.mu.Lock()
			p.dead[p.pid] = true // the process ends with its run
			p.mu.Unlock()
			_, err = next.run(t.Context(), story.wish(t))
			assert.NoError(t, err, call)
			return next, took
		}
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			took, next := make([]time.Duration, calls), make([]*process, calls)
			var all sync.WaitGroup
			for i := range took {
				all.Go(func() {
					for range 3 { // this machine may be busy
						if next[i], took[i] = left(t, int64(i)+1); took[i] < patienceOfCI {
							break
						}
					}
				})
			}
			all.Wait()
			for i, p := range next {
				require.Less(t, took[i], patienceOfCI, "signal at call %d of %d", i+1, calls)
				requireSettled(t, p.account, p.World.Home, story.wish(t),
					fmt.Sprintf("signal at call %d of %d", i+1, calls))
			}
			t.Logf("%s at most, at any of %d calls", slices.Max(took), calls)
		})
	}
}

// An interruption is reported in our words, whatever Go and the SDK call it.
func TestWhatIsCutOffIsToldInOurWords(t *testing.T) {
	sdk := fmt.Errorf("operation error SQS: CreateQueue, request canceled, %w", context.Canceled)
	signal := diag.New(diag.Interrupted, "Interrupted", "The run was stopped.", "")
	step := func(err error) error {
		return &engine.StepError{Resource: "web/a:queue", Type: single, Action: plan.Create, Err: err}
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a call": {
			step(&resource.OpError{Operation: "sqs:CreateQueue", Err: sdk}),
			"web/a: Step not finished: web/a:queue: the run stopped before sqs:CreateQueue was answered",
		},
		"a wait": {
			step(&resource.WaitError{What: "x is there", Err: signal}),
			"web/a: Step not finished: web/a:queue: the run stopped while it waited (x is there). AWS continues.",
		},
		"a read":    {sdk, "Stopped: A call was given up before it was answered."},
		"the rest":  {&engine.StoppedError{Cause: signal}, "Interrupted: The run was stopped."},
		"no signal": {&engine.StoppedError{Cause: sdk}, "Interrupted: The run was stopped before everything was done."},
	} {
		found := problems(c.err)
		require.Len(t, found, 1, name)
		require.Contains(t, found[0].Error(), c.want, name)
		require.NotRegexp(t, "(?i)cancel|operation error|context", found[0].Error(), name)
	}
	require.Empty(t, backend.AsWarnings(errors.Join(sdk, nil)))
	cut := backend.EndingWarnings(errors.Join(diag.New(diag.Failed, "AWS denied access", "", ""), sdk, sdk))
	require.Len(t, cut, 2)
	require.Equal(t, "AWS denied access", cut[0].Summary)
	require.Equal(t, "Stopped before the end of the run was recorded", cut[1].Summary)
}
