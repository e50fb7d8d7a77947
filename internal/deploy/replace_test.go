package deploy

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/testkit/fakeaws"
)

const stateObject = "stacks/shop/dev/state.json"

// command is one that writes the state.
type command func(context.Context, *process) error

func request() Request { return Request{Key: shop, Progress: func(plan.Event) {}} }

func restoring(version string) command {
	return func(ctx context.Context, p *process) error {
		_, err := repair.Restore(ctx, p.Backend, wish(), version, false, nil)
		return err
	}
}

func pushing(raw []byte) command { return pushingWith(raw, true) }

func pushingWith(raw []byte, force bool) command {
	return func(ctx context.Context, p *process) error {
		_, err := repair.Push(ctx, p.Backend, wish(), "file", raw, force)
		return err
	}
}

// refusingPuts refuses all writes of the state after that many.
func refusingPuts(after int) func(operation, target string) bool {
	puts := 0
	return func(operation, target string) bool {
		if operation != "PutObject" || target != "states/"+stateObject {
			return false
		}
		puts++
		return puts > after
	}
}

// rescued is the content of the rescue file in a home.
func rescued(t *testing.T, home string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(home, ".deployer", "rescue", "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	return raw
}

func forgetting(address string) command {
	return func(ctx context.Context, p *process) error {
		_, _, err := repair.Forget(ctx, p.Backend, wish(), repair.Selection{Address: address}, nil)
		return err
	}
}

// carryOut runs a command that may die.
func (p *process) carryOut(ctx context.Context, c command) (err error) {
	go func() {
		defer close(p.done)
		err = c(ctx, p)
	}()
	select {
	case <-p.done:
		return err
	case <-p.died:
		return nil
	}
}

// A command that writes the state dies at each of its calls, after a run that has died. The next run makes everything
// as an undisturbed one does, or leaves nothing. No intent is lost, whether the state was forgotten in part, replaced
// by an older one, or restored over damage.
func TestStateCommandsLoseNothing(t *testing.T) {
	t.Parallel()
	reference, home := newAccount(), t.TempDir()
	_, err := reference.start(home, 0, false).run(t.Context(), second(t))
	require.NoError(t, err)
	wanted := reference.inventory()

	for name, story := range map[string]struct {
		damage  []byte // nil: none
		command func(first []byte) command
		keeps   string // what stays in the account although nothing is wanted
		whole   bool   // the second run came to its end: no intent of it tells of what it made
		rescued bool   // or to its end but for the last write: the command gets the file that it left
	}{
		"forget": {
			nil, func([]byte) command { return forgetting("web/c") }, single + " web-c:c",
			false, false,
		},
		"push --force":            {nil, pushing, "", false, false},
		"restore":                 {nil, func([]byte) command { return restoring("v1") }, "", false, false},
		"restore over damage":     {[]byte("{"), func([]byte) command { return restoring("v1") }, "", false, false},
		"restore what was erased": {[]byte{}, func([]byte) command { return restoring("v1") }, "", false, false},
		"restore over a success":  {nil, func([]byte) command { return restoring("v1") }, "", true, false},
		"push": {
			nil, func(file []byte) command { return pushingWith(file, false) }, "", false,
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The interrupted run has replaced a and b and was about to update c, to make e and to delete d.
			setUp := func() (*account, string, command) {
				a, home := newAccount(), t.TempDir()
				_, err := a.start(home, 0, false).run(t.Context(), first(t))
				require.NoError(t, err)
				raw := a.cloud.Objects("states", stateObject)[stateObject]
				a.pass(2 * time.Second)
				death := 9
				if story.whole {
					death = 0
				}
				dying := a.start(home, death, true)
				if story.rescued {
					dying.at, dying.refuse = 0, refusingPuts(1)
				}
				_, err = dying.run(t.Context(), second(t))
				require.Equal(t, story.rescued, err != nil, "%v", err)
				if story.rescued {
					raw = rescued(t, home)
				}
				if story.damage != nil {
					a.cloud.SetObject("states", stateObject, story.damage)
				}
				a.pass(2 * time.Second)
				return a, t.TempDir(), story.command(raw) // on another machine, without the journal
			}
			a, home, c := setUp()
			p := a.start(home, 0, false)
			require.NoError(t, p.carryOut(t.Context(), c))
			calls := int(p.calls.Load())
			require.Greater(t, calls, 4)
			for at := 0; at <= calls; at++ {
				for _, resume := range []bool{at/2%2 == 0, at == 0} { // each death is combined with one of both
					name := fmt.Sprintf("call %d of %d, resume %v", at, calls, resume)
					a, home, c := setUp()
					p := a.start(home, at, at%2 == 0)
					require.NoError(t, p.carryOut(t.Context(), c), name)
					if (story.damage != nil || story.rescued) && at != 0 { // it may have died before it wrote
						a.pass(2 * time.Second)
						require.NoError(t, a.start(home, 0, false).carryOut(t.Context(), c), name)
					}
					a.pass(2 * time.Second)
					next, left := second, wanted
					if !resume {
						next, left = none, ""
					}
					_, err := a.start(home, 0, false).run(t.Context(), next(t))
					require.NoError(t, err, name)
					if story.keeps != "" && !resume { // unless it died before it was forgotten
						require.Subset(t, []string{story.keeps}, a.objectKeys(), name)
					} else {
						require.Equal(t, left, a.inventory(), name)
					}
					requireSettled(t, a, home, next(t), name)
					if at > 0 {
						close(p.buried)
						<-p.done
					}
					requireSettled(t, a, home, next(t), name+", after the zombie woke up")
				}
			}
		})
	}
}

func (a *account) objectKeys() (keys []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.objects {
		keys = append(keys, key)
	}
	return keys
}

func TestRestoreRaisesSerialAndFence(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	for _, g := range []graphs{first, second} {
		_, err := a.start(home, 0, false).run(t.Context(), g(t))
		require.NoError(t, err)
		a.pass(2 * time.Second)
	}
	before, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	a.cloud.DeleteItem("locks", "stack:shop:env:dev") // and with it the fence
	a.cloud.SetObject("states", stateObject, nil)
	p := a.start(home, 0, false)
	var shown *report.StateComparison
	written, err := repair.Restore(t.Context(), p.Backend, wish(), "v1", false,
		func(c *report.StateComparison, _ diag.List) (bool, error) { shown = c; return true, nil })
	require.NoError(t, err)
	require.EqualValues(t, 3, written.Version)
	require.Contains(t, shown.Backend.Name, "the last complete version (v2)")
	after, err := p.Get(t.Context(), shop)
	require.NoError(t, err)
	was, is := before.Snapshot.Envelope, after.Snapshot.Envelope
	require.Equal(t, was.Lineage, is.Lineage)
	require.Greater(t, is.Serial, was.Serial)
	require.Greater(t, is.Fence, was.Fence)
	requireHistory(t, a, home, 3, "a restored state is a version")
	_, err = repair.Restore(t.Context(), p.Backend, wish(), "v3", false,
		func(*report.StateComparison, diag.List) (bool, error) { t.Error("asked"); return false, nil })
	require.NoError(t, err, "it is there already")
}

func TestReplacingIsRefused(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	p := a.start(home, 0, false)
	there, err := p.Get(t.Context(), shop)
	require.NoError(t, err)
	raw := a.cloud.Objects("states", stateObject)[stateObject]
	refused := func(err error, wanted *diag.Diagnostic, name string) {
		t.Helper()
		var d *diag.Diagnostic
		require.ErrorAs(t, err, &d, name)
		require.Equal(t, wanted.Summary, d.Summary, name)
		require.Equal(t, wanted.Code, d.Code, name)
		require.Contains(t, d.Detail, wanted.Detail, name)
		require.Equal(t, raw, a.cloud.Objects("states", stateObject)[stateObject], name)
	}
	for name, c := range map[string]struct {
		change func(*state.Envelope, *state.Payload)
		want   *diag.Diagnostic
	}{
		"region": {
			func(_ *state.Envelope, p *state.Payload) { p.Region = "elsewhere" },
			diag.New(diag.Conflict, "Foreign state", "is about account 1, elsewhere", ""),
		},
		"account": {
			func(_ *state.Envelope, p *state.Payload) { p.Account = "2" },
			diag.New(diag.Conflict, "Foreign state", "is about account 2, r", ""),
		},
		"stack": {
			func(_ *state.Envelope, p *state.Payload) { p.Stack = "another" },
			diag.New(diag.Conflict, "Foreign state", "another/dev", ""),
		},
	} {
		e, payload := *there.Snapshot.Envelope, *there.Payload
		e.Serial, e.Fence, e.Writer.OpID = 99, 99, "op"
		c.change(&e, &payload)
		require.NoError(t, e.SetPayload(&payload))
		file, err := e.Encode()
		require.NoError(t, err)
		_, err = repair.Push(t.Context(), p.Backend, wish(), "file", file, true)
		refused(err, c.want, "push of another "+name)
		// It is not accepted either as an object version, or as a file that somebody put into the history.
		a.cloud.SetObject("states", stateObject, file)
		id := fakeaws.VersionID(len(a.cloud.Versions("states", stateObject)))
		a.cloud.SetObject("states", stateObject, raw)
		a.cloud.SetObject("states", "stacks/shop/dev/history/2001-01-01-00-00-00.json", file)
		for _, version := range []string{id, "2001-01-01-00-00-00"} {
			_, err = repair.Restore(t.Context(), p.Backend, wish(), version, true,
				func(*report.StateComparison, diag.List) (bool, error) { t.Error("asked"); return true, nil })
			refused(err, c.want, "restore of another "+name+": "+version)
		}
	}
	a.cloud.SetObject("states", "stacks/shop/dev/history/2001-01-01-00-00-00.json", nil)
	// The same commands accept a correct state: those above were refused for their content.
	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), second(t))
	require.NoError(t, err)
	written, err := repair.Restore(t.Context(), p.Backend, wish(),
		fakeaws.VersionID(len(a.cloud.Versions("states", stateObject))-1), false, nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, written.Version, "the claim of the second, which is to be finished")
	record, err := observe.Lock(t.Context(), p.Backend, shop)
	require.NoError(t, err)
	require.Nil(t, record)
}

// The rescue file of a run is newer than the state that it could not overwrite: intents that the run has resolved do
// not come back.
func TestPushOfARescuedState(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	puts := 0
	p := a.start(home, 0, false)
	p.refuse = func(operation, target string) bool {
		if operation != "PutObject" || target != "states/"+stateObject {
			return false
		}
		puts++
		return puts > 1
	}
	_, err := p.run(t.Context(), first(t))
	require.Error(t, err)
	files, err := filepath.Glob(filepath.Join(home, ".deployer", "rescue", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	next := a.start(t.TempDir(), 0, false)
	written, err := repair.Push(t.Context(), next.Backend, wish(), files[0], raw, false)
	require.NoError(t, err)
	require.Nil(t, written.Comparison)
	requireSettled(t, a, t.TempDir(), first(t), "as if it had been saved")
	requireHistory(t, a, home, 1, "it is the deployment that it is")
	there := a.cloud.Objects("states", stateObject)[stateObject]
	for _, force := range []bool{false, true} {
		written, err = repair.Push(t.Context(), next.Backend, wish(), files[0], raw, force)
		require.NoError(t, err, "the answer may have been lost")
		require.Zero(t, written.Serial)
		require.Equal(t, there, a.cloud.Objects("states", stateObject)[stateObject], "it is there already")
	}
	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), second(t))
	require.NoError(t, err)
	_, err = repair.Push(t.Context(), next.Backend, wish(), files[0], raw, false)
	var back *repair.BackInTimeError
	require.ErrorAs(t, err, &back)
	// A forced write can be repeated and succeeds again; so can a restore.
	for _, c := range []command{pushing(raw), restoring("v1")} {
		before := a.cloud.Objects("states", stateObject)[stateObject]
		for n := range 3 {
			a.pass(2 * time.Second)
			require.NoError(t, c(t.Context(), a.start(home, 0, false)))
			now := a.cloud.Objects("states", stateObject)[stateObject]
			require.Equal(t, n > 0, bytes.Equal(before, now), n)
			before = now
		}
	}
}

// A state that was put back by hand is older than the lock remembers, even if it is a version of the history: restoring
// that same version makes it valid.
func TestRestoreOfWhatSomebodyPutBack(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	v1 := a.cloud.Objects("states", stateObject)[stateObject]
	a.pass(2 * time.Second)
	require.NoError(t, forgetting("web/c")(t.Context(), a.start(home, 0, false)))
	a.cloud.SetObject("states", stateObject, v1)
	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), first(t))
	require.ErrorContains(t, err, "State is older than it was")
	written, err := repair.Restore(t.Context(), a.start(home, 0, false).Backend, wish(), "v1", false, nil)
	require.NoError(t, err)
	require.NotZero(t, written.Serial)
	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	requireSettled(t, a, home, first(t), "restored")
}

// A forget succeeds although the derived copy could not be written: a repetition would not find the address.
func TestForgetSucceedsWithoutTheCopy(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	p := a.start(home, 0, false)
	p.refuse = func(operation, target string) bool {
		return operation == "PutObject" && strings.HasPrefix(target, "states/stacks/shop/dev/pulumi/")
	}
	forgotten, written, err := repair.Forget(t.Context(), p.Backend, wish(), repair.Selection{Address: "web/c"}, nil)
	require.NoError(t, err)
	require.NotZero(t, written.Serial)
	require.Len(t, forgotten.Resources, 1)
	require.NotEmpty(t, written.Warnings)
}

// If the state is damaged, the newest whole version counts: a file of a run that was fenced out must not hide what a
// later run began.
func TestPushOverDamageMindsTheLastWholeVersion(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	stored, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	rescued := *stored.Snapshot.Envelope
	rescued.Serial, rescued.Writer = rescued.Serial+2, state.Writer{LockID: "fenced-out", OpID: "fenced-out"}
	raw, err := rescued.Encode()
	require.NoError(t, err)
	a.pass(2 * time.Second)
	_, err = a.start(home, 9, true).run(t.Context(), second(t)) // dies in the middle
	require.NoError(t, err)
	a.cloud.SetObject("states", stateObject, []byte("{"))
	a.pass(2 * time.Second)
	p := a.start(t.TempDir(), 0, false)
	stranger := rescued
	stranger.Lineage, stranger.Serial, stranger.Fence = "another", 99, 99
	strange, err := stranger.Encode()
	require.NoError(t, err)
	for _, file := range [][]byte{strange, raw} {
		_, err = repair.Push(t.Context(), p.Backend, wish(), "file", file, false)
		var back *repair.BackInTimeError
		require.ErrorAs(t, err, &back)
	}
	_, err = repair.Push(t.Context(), p.Backend, wish(), "file", raw, true)
	require.NoError(t, err)
	a.pass(2 * time.Second)
	_, err = a.start(home, 0, false).run(t.Context(), none(t))
	require.NoError(t, err)
	require.Empty(t, a.inventory())
}

// A fitting state is pushed over the claim of an interrupted run, which it does not know: what that run was about to
// make is still looked for.
func TestPushOverADeadRun(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	_, err := a.start(home, 0, false).run(t.Context(), first(t))
	require.NoError(t, err)
	there, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	a.pass(2 * time.Second)
	_, err = a.start(home, 9, true).run(t.Context(), second(t))
	require.NoError(t, err)
	e, payload := *there.Snapshot.Envelope, *there.Payload
	e.Serial, e.Fence, e.Writer = 99, 99, state.Writer{LockID: "a later run", OpID: "op"}
	require.NoError(t, e.SetPayload(&payload))
	file, err := e.Encode()
	require.NoError(t, err)
	written, err := repair.Push(t.Context(), a.start(t.TempDir(), 0, false).Backend, wish(), "file", file, false)
	require.NoError(t, err)
	require.Nil(t, written.Comparison, "nothing speaks against it")
	a.pass(2 * time.Second)
	_, err = a.start(t.TempDir(), 0, false).run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, a.inventory())
}
