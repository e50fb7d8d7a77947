package e2e

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/ecsfake"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// extent is the variable that says at which of a run's calls tests strike: "all" at each one; any other text (a commit,
// a date) chooses a sample.
type extent string

const (
	crashes extent = "DEPLOYER_CRASH"
	secrets extent = "DEPLOYER_SECRETS"
)

// strike is what happens to a run at one of its calls.
type strike struct {
	name  string
	end   ending
	fault func(v *victim) proxy.Fault
}

// ending is what a strike may do to the run.
type ending int

const (
	survives ending = iota // it must do as if nothing had happened
	dies
	mayFail // it says so and exits
	stops   // it saves what was done and gives the lock back, soon
)

var (
	killedBefore = strike{"killed before", dies, func(v *victim) proxy.Fault {
		return proxy.Fault{Action: proxy.DropBefore, OnCall: func(*proxy.Call) { v.kill() }}
	}}
	killedAfter = strike{"killed after", dies, func(v *victim) proxy.Fault {
		return proxy.Fault{Action: proxy.DropAfter, OnEffect: func(*proxy.Call) { v.kill() }}
	}}
	answerLost = strike{"answer lost", survives, func(*victim) proxy.Fault {
		return proxy.Fault{Action: proxy.DropAfter}
	}}
	throttled = strike{"throttled", survives, func(*victim) proxy.Fault {
		return proxy.Fault{Action: proxy.Throttle}
	}}
	failed = strike{"internal error", survives, func(*victim) proxy.Fault {
		return proxy.Fault{Action: proxy.InternalError}
	}}
	interrupted = strike{"Ctrl-C", stops, func(v *victim) proxy.Fault {
		return proxy.Fault{Action: proxy.None, OnCall: func(*proxy.Call) { v.signal(os.Interrupt) }}
	}}
	// silent: no attempt gets an answer, but each takes effect.
	silent = strike{"no answer", mayFail, func(*victim) proxy.Fault {
		return proxy.Fault{Action: proxy.DropAfter, Times: attempts}
	}}
)

// sequel is what is done after a run was struck.
type sequel struct {
	name string
	run  func(t *testing.T, d *deployment)
}

var (
	// resumed: the next apply makes everything what an undisturbed one makes it, with no unlocking by hand.
	resumed = sequel{"apply", func(t *testing.T, d *deployment) {
		d.must(t, "apply")
		d.verify(t)
	}}
	// resumedElsewhere is resumed without the files that the dead process left on its machine.
	resumedElsewhere = sequel{"apply without the journal", func(t *testing.T, d *deployment) {
		require.NoError(t, os.RemoveAll(filepath.Join(d.home, ".deployer")))
		d.must(t, "apply")
		d.verify(t)
	}}
	// revertedElsewhere goes back to the first version after a crash on the way to the second.
	revertedElsewhere = sequel{"back to the first version", func(t *testing.T, d *deployment) {
		require.NoError(t, os.RemoveAll(filepath.Join(d.home, ".deployer")))
		d.version--
		d.must(t, "apply")
		d.verifyObjects(t)
	}}
	// dropped: nobody wants it any more.
	dropped = sequel{"destroy", func(t *testing.T, d *deployment) { d.destroy(t) }}
	// droppedElsewhere is dropped without the files that the dead process left on its machine.
	droppedElsewhere = sequel{"destroy without the journal", func(t *testing.T, d *deployment) {
		require.NoError(t, os.RemoveAll(filepath.Join(d.home, ".deployer")))
		d.destroy(t)
	}}
)

func TestCrashDuringApply(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall, false)
	sequels := []sequel{resumed, dropped, resumedElsewhere, droppedElsewhere}
	for n, k := range crashes.sample(s.apply.changing, 2) {
		for m, hit := range []strike{killedBefore, killedAfter} {
			for i, next := range sequels {
				if crashes.everything() || i == (2*n+m)%len(sequels) {
					s.struck(t, "apply", hit, changing(k), next)
				}
			}
		}
	}
}

func TestCrashDuringChange(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall, false)
	sequels := []sequel{resumed, resumedElsewhere, droppedElsewhere, dropped, revertedElsewhere}
	for n, k := range crashes.sample(s.change.changing, 2) {
		for m, hit := range []strike{killedAfter, killedBefore} {
			for i, next := range sequels {
				if crashes.everything() || i == (2*n+m)%len(sequels) {
					s.struck(t, "change", hit, changing(k), next)
				}
			}
		}
	}
}

func TestCrashWithLocalState(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall, true)
	for n, k := range crashes.sample(s.apply.changing, 1) {
		for i, next := range []sequel{resumed, dropped} {
			if crashes.everything() || i == n%2 {
				s.struck(t, "apply", killedAfter, changing(k), next)
			}
		}
	}
}

func TestCrashDuringDestroy(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall, false)
	for n, k := range crashes.sample(s.destruction.changing, 1) {
		for m, hit := range []strike{killedBefore, killedAfter} {
			for i, next := range []sequel{dropped, droppedElsewhere} {
				if crashes.everything() || i == (n+m)%2 {
					s.struck(t, "destroy", hit, changing(k), next)
				}
			}
		}
	}
}

func TestCallsThatFailOnce(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall, false)
	strikes := []strike{answerLost, throttled, failed}
	for n, k := range crashes.sample(s.apply.changing, 2) {
		for i, hit := range strikes {
			if crashes.everything() || i == n%len(strikes) {
				s.struck(t, "apply", hit, changing(k),
					sequel{"nothing", func(t *testing.T, d *deployment) { d.verify(t) }})
			}
		}
	}
	for n, k := range crashes.sample(s.destruction.changing, 1) {
		for i, hit := range strikes {
			if crashes.everything() || i == n%len(strikes) {
				s.struck(t, "destroy", hit, changing(k),
					sequel{"nothing", func(t *testing.T, d *deployment) { d.gone(t) }})
			}
		}
	}
}

func TestCallsThatAreNeverAnswered(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall, false)
	sequels := []sequel{dropped, {"apply", func(t *testing.T, d *deployment) {
		d.must(t, "apply")
		d.verifyObjects(t)
	}}}
	for n, k := range crashes.sample(s.apply.changing, 2) {
		for i, next := range sequels {
			if crashes.everything() || i == n%2 {
				s.struck(t, "apply", silent, changing(k), next)
			}
		}
	}
	for _, k := range crashes.sample(s.destruction.changing, 1) {
		s.struck(t, "destroy", silent, changing(k), dropped)
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall, false)
	sequels := []sequel{{"apply", func(t *testing.T, d *deployment) {
		d.unlocked(t)
		d.must(t, "apply")
		d.verifyObjects(t)
	}}, {"destroy", func(t *testing.T, d *deployment) {
		d.unlocked(t)
		d.destroy(t)
	}}}
	for n, k := range crashes.sample(s.apply.changing, 2) {
		for i, next := range sequels {
			if crashes.everything() || i == n%2 {
				s.struck(t, "apply", interrupted, changing(k), next)
			}
		}
	}
}

// A rollout takes minutes, and CI systems kill 7.5 s after SIGTERM.
func TestInterruptDuringRollout(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashWorker, false)
	require.NoError(t, s.ECS.AddRules(ecsfake.Rule{Image: "*", Behaviour: ecsfake.Slow}))
	d, v := s.deployment(t), newVictim()
	var asked time.Time
	require.NoError(t, s.Proxy.Inject(proxy.Fault{
		Filter: proxy.Filter{Service: "ecs", Operation: "DescribeServices"}, Nth: 3, Action: proxy.None,
		OnCall: func(*proxy.Call) {
			asked = time.Now()
			v.signal(syscall.SIGTERM)
		},
	}))
	out, code := d.run(t, v, d.command("apply")...)
	require.Equal(t, 130, code, out)
	require.Contains(t, out, "Stopping")
	require.Less(t, time.Since(asked), 7*time.Second, out)
	d.unlocked(t)
	status, code := d.run(t, nil, "history", "-e", "dev")
	require.Zero(t, code, status)
	require.Regexp(t, `v1 .*interrupted`, status)

	s.Proxy.ClearFaults()
	s.ECS.Reset()
	d.destroy(t)
}

func TestCrashDuringRollout(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashWorker, false)
	sequels := []sequel{resumed, dropped, resumedElsewhere, droppedElsewhere}
	for n, k := range crashes.sample(s.apply.changing, 2) {
		for m, hit := range []strike{killedAfter, killedBefore} {
			for i, next := range sequels {
				if crashes.everything() || m == 0 && i == n%len(sequels) {
					s.struck(t, "apply", hit, changing(k), next)
				}
			}
		}
	}
	if crashes.everything() {
		for k := 1; k <= s.destruction.changing; k++ {
			s.struck(t, "destroy", killedAfter, changing(k), droppedElsewhere)
		}
		for k := 1; k <= s.change.changing; k++ {
			s.struck(t, "change", killedAfter, changing(k), resumedElsewhere)
			s.struck(t, "change", killedAfter, changing(k), revertedElsewhere)
		}
	}
}

// Every call to the state and the locks counts here, those that only read, too. The locks are in the table or in the
// bucket, by the commit; make crash has both.
func TestKilledAtTheBackend(t *testing.T) {
	t.Parallel()
	places := []func(*crashSite){func(*crashSite) {}, (*crashSite).lockInBucket}
	for _, n := range crashes.sample(len(places), 1) {
		t.Run([]string{"table", "bucket"}[n-1], func(t *testing.T) {
			t.Parallel()
			killedAtTheBackend(t, places[n-1])
		})
	}
}

func killedAtTheBackend(t *testing.T, place func(*crashSite)) {
	t.Helper()
	s := newCrashSite(t, crashSmall, false, place)
	again := []sequel{resumed, resumedElsewhere, dropped, droppedElsewhere}
	for _, story := range []struct {
		command string
		calls   calls
		sequels []sequel
	}{{"apply", s.apply, again}, {"change", s.change, again}, {"destroy", s.destruction, again[2:]}} {
		spots := crashes.sample(len(story.calls.backend), 1)
		for _, n := range spots {
			for m, hit := range []strike{killedBefore, killedAfter} {
				if crashes.everything() || m == n%2 {
					s.struck(t, story.command, hit, story.calls.backend[n-1], story.sequels[(n+m)%len(story.sequels)])
				}
			}
		}
	}
}

func (e extent) everything() bool { return os.Getenv(string(e)) == "all" }

// sample chooses count numbers out of 1 to calls, evenly spread.
func (e extent) sample(calls, count int) []int {
	if e.everything() {
		count = calls
	}
	count = min(count, calls)
	hash := fnv.New32a()
	hash.Write([]byte(os.Getenv(string(e))))
	out := make([]int, count)
	for i := range out {
		from, to := i*calls/count, (i+1)*calls/count
		out[i] = 1 + from + int(hash.Sum32()>>1)%(to-from)
	}
	return out
}
