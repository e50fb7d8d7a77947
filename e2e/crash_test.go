package e2e

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// crashVariable says at which of a run's calls the crash tests strike: "all" at each one; any other text (a commit, a date) chooses a sample.
const crashVariable = "DEPLOYER_CRASH"

// strike is what happens to a run at one of its calls.
type strike struct {
	name  string
	end   ending
	fault func(kill func()) proxy.Fault
}

// ending is what a strike may do to the run.
type ending int

const (
	survives ending = iota // it must do as if nothing had happened
	dies
	mayFail // it says so and exits
)

var (
	killedBefore = strike{"killed before", dies, func(kill func()) proxy.Fault {
		return proxy.Fault{Action: proxy.DropBefore, OnCall: func(*proxy.Call) { kill() }}
	}}
	killedAfter = strike{"killed after", dies, func(kill func()) proxy.Fault {
		return proxy.Fault{Action: proxy.DropAfter, OnEffect: func(*proxy.Call) { kill() }}
	}}
	answerLost = strike{"answer lost", survives, func(func()) proxy.Fault { return proxy.Fault{Action: proxy.DropAfter} }}
	throttled  = strike{"throttled", survives, func(func()) proxy.Fault { return proxy.Fault{Action: proxy.Throttle} }}
	failed     = strike{"internal error", survives, func(func()) proxy.Fault { return proxy.Fault{Action: proxy.InternalError} }}
	// silent: no attempt gets an answer, but each takes effect.
	silent = strike{"no answer", mayFail, func(func()) proxy.Fault { return proxy.Fault{Action: proxy.DropAfter, Times: attempts} }}
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
	s := newCrashSite(t, crashSmall)
	sequels := []sequel{resumed, dropped, resumedElsewhere, droppedElsewhere}
	for n, k := range sample(s.applyCalls, 5) {
		for m, hit := range []strike{killedBefore, killedAfter} {
			for i, next := range sequels {
				if everything() || i == (2*n+m)%len(sequels) {
					s.struck(t, "apply", hit, k, next)
				}
			}
		}
	}
}

func TestCrashDuringDestroy(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall)
	for n, k := range sample(s.destroyCalls, 3) {
		for m, hit := range []strike{killedBefore, killedAfter} {
			for i, next := range []sequel{dropped, droppedElsewhere} {
				if everything() || i == (n+m)%2 {
					s.struck(t, "destroy", hit, k, next)
				}
			}
		}
	}
}

func TestCallsThatFailOnce(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall)
	strikes := []strike{answerLost, throttled, failed}
	for n, k := range sample(s.applyCalls, 6) {
		for i, hit := range strikes {
			if everything() || i == n%len(strikes) {
				s.struck(t, "apply", hit, k, sequel{"nothing", func(t *testing.T, d *deployment) { d.verify(t) }})
			}
		}
	}
	for n, k := range sample(s.destroyCalls, 3) {
		for i, hit := range strikes {
			if everything() || i == n%len(strikes) {
				s.struck(t, "destroy", hit, k, sequel{"nothing", func(t *testing.T, d *deployment) { d.gone(t) }})
			}
		}
	}
}

func TestCallsThatAreNeverAnswered(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashSmall)
	sequels := []sequel{dropped, {"apply", func(t *testing.T, d *deployment) {
		d.must(t, "apply")
		d.verifyObjects(t)
	}}}
	for n, k := range sample(s.applyCalls, 5) {
		for i, next := range sequels {
			if everything() || i == n%2 {
				s.struck(t, "apply", silent, k, next)
			}
		}
	}
	for _, k := range sample(s.destroyCalls, 2) {
		s.struck(t, "destroy", silent, k, dropped)
	}
}

func TestCrashDuringRollout(t *testing.T) {
	t.Parallel()
	s := newCrashSite(t, crashWorker)
	sequels := []sequel{resumed, dropped, resumedElsewhere, droppedElsewhere}
	for n, k := range sample(s.applyCalls, 2) {
		for m, hit := range []strike{killedAfter, killedBefore} {
			for i, next := range sequels {
				if everything() || m == 0 && i == n%len(sequels) {
					s.struck(t, "apply", hit, k, next)
				}
			}
		}
	}
	if everything() {
		for k := 1; k <= s.destroyCalls; k++ {
			s.struck(t, "destroy", killedAfter, k, droppedElsewhere)
		}
	}
}

func everything() bool { return os.Getenv(crashVariable) == "all" }

// sample chooses count numbers out of 1 to calls, evenly spread.
func sample(calls, count int) []int {
	if everything() {
		count = calls
	}
	count = min(count, calls)
	hash := fnv.New32a()
	hash.Write([]byte(os.Getenv(crashVariable)))
	out := make([]int, count)
	for i := range out {
		from, to := i*calls/count, (i+1)*calls/count
		out[i] = 1 + from + int(hash.Sum32()>>1)%(to-from)
	}
	return out
}

// crashSite is a stack in an account of its own, that is deployed over and over again.
type crashSite struct {
	*testkit.Env
	stack        crashStack
	repo         string
	want         []string // what AWS holds after an undisturbed apply
	applyCalls   int      // calls that change something, of an undisturbed apply
	destroyCalls int
	deployments  int
}

func newCrashSite(t *testing.T, stack crashStack) *crashSite {
	s := &crashSite{Env: testkit.Start(t), stack: stack, repo: t.TempDir()}
	for name, text := range stack.files {
		path := filepath.Join(s.repo, "stacks", "shop", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	d := s.deployment(t)
	out, code := d.run(t, nil, "backend", "create", "--bucket", s.bucket(), "--table", "locks", "--region", s.Region)
	require.Zero(t, code, out)
	require.Empty(t, s.inventory(t))

	s.ResetRecords()
	d.must(t, "apply")
	s.applyCalls = s.Proxy.Count(proxy.Filter{Mutating: true})
	s.want = s.inventory(t)
	require.NotEmpty(t, s.want)
	d.verify(t)
	s.ResetRecords()
	d.must(t, "destroy")
	s.destroyCalls = s.Proxy.Count(proxy.Filter{Mutating: true})
	d.gone(t)
	t.Logf("%d calls to apply, %d to destroy, %d objects", s.applyCalls, s.destroyCalls, len(s.want))
	return s
}

func (s *crashSite) bucket() string { return "crash-" + s.Account }

func (s *crashSite) ResetRecords() { s.Proxy.ResetRecords() }

// struck is one case: a deployment whose apply or destroy is struck at the k-th call, and what follows.
func (s *crashSite) struck(t *testing.T, command string, hit strike, k int, next sequel) {
	t.Run(fmt.Sprintf("%s/%s call %d/%s", command, hit.name, k, next.name), func(t *testing.T) {
		d := s.deployment(t)
		if command == "destroy" {
			d.must(t, "apply")
		}
		t.Cleanup(func() {
			if t.Failed() {
				d.cleanUp(t)
			}
		})
		v := newVictim()
		fault := hit.fault(v.kill)
		fault.Filter, fault.Nth = proxy.Filter{Mutating: true}, k
		require.NoError(t, s.Proxy.Inject(fault))
		out, code := d.run(t, v, d.command(command)...)
		s.Proxy.ClearFaults()
		switch {
		case hit.end == dies && code != killedCode:
			t.Fatalf("call %d did not come, exit code %d:\n%s", k, code, out)
		case hit.end == survives && code != 0, hit.end == mayFail && code != 0 && code != 1:
			t.Fatalf("exit code %d:\n%s", code, out)
		}
		next.run(t, d)
		if !t.Failed() && command == "apply" {
			d.destroy(t)
		}
	})
}

// deployment is one life of the stack: with a home and a state of its own.
type deployment struct {
	*crashSite
	home, prefix string
}

func (s *crashSite) deployment(t *testing.T) *deployment {
	s.deployments++
	s.forgetTags(t)
	return &deployment{s, t.TempDir(), fmt.Sprintf("life-%d", s.deployments)}
}

// command is the full command line of apply, destroy or plan.
func (d *deployment) command(name string) []string {
	args := append([]string{name, "-e", "dev", "--parallelism", "1", "--lock-timeout", "0s"}, d.stack.args...)
	switch name {
	case "apply":
		return append(args, "--auto-approve")
	case "destroy":
		return append([]string{name, "-e", "dev", "--parallelism", "1", "--lock-timeout", "0s", "--auto-approve"}, d.stack.dataLoss...)
	}
	return append([]string{name, "-e", "dev"}, d.stack.args...)
}

func (d *deployment) must(t *testing.T, command string) string {
	t.Helper()
	out, code := d.run(t, nil, d.command(command)...)
	if code != 0 {
		t.Fatalf("%s: exit code %d:\n%s", command, code, out)
	}
	return out
}

// attempts is how often the binary tries a call.
const attempts = 3

// verifyObjects makes sure that what is deployed is what an undisturbed run deploys.
func (d *deployment) verifyObjects(t *testing.T) {
	t.Helper()
	require.Equal(t, strings.Join(d.want, "\n"), strings.Join(d.inventory(t), "\n"))
	require.Contains(t, d.must(t, "plan"), "No changes")
}

// verify makes sure that the deployment is as an undisturbed one, its history included.
func (d *deployment) verify(t *testing.T) {
	t.Helper()
	d.verifyObjects(t)
	out, code := d.run(t, nil, "history", "-e", "dev")
	require.Zero(t, code, out)
	require.Regexp(t, regexp.MustCompile(`v1 .*succeeded`), out)
	require.NotContains(t, out, "v2")
	require.NotContains(t, out, "?")
	out, code = d.run(t, nil, "locks", "list")
	require.Zero(t, code, out)
	require.NotContains(t, out, "shop")
}

func (d *deployment) destroy(t *testing.T) {
	t.Helper()
	d.must(t, "destroy")
	d.gone(t)
}

func (d *deployment) gone(t *testing.T) {
	t.Helper()
	require.Empty(t, d.inventory(t))
	require.Contains(t, d.must(t, "destroy"), "nothing to destroy", "a second destroy")
}

// cleanUp keeps a case that failed from failing the next ones.
func (d *deployment) cleanUp(t *testing.T) {
	d.Proxy.ClearFaults()
	for _, command := range []string{"apply", "destroy"} {
		if out, code := d.run(t, nil, d.command(command)...); code != 0 {
			t.Logf("cleaning up, %s: exit code %d:\n%s", command, code, out)
		}
	}
	d.wipe(t)
}

const killedCode = -1

// run runs the binary and returns what it said and its exit code.
func (d *deployment) run(t *testing.T, v *victim, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = d.repo
	for _, pair := range d.Environ() {
		if name, _, _ := strings.Cut(pair, "="); name != "CI" && name != "HOME" && !strings.HasPrefix(name, "DEPLOYER_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+d.home, "NO_COLOR=1", "DEPLOYER_BACKEND_BUCKET="+d.bucket(), "DEPLOYER_BACKEND_PREFIX="+d.prefix,
		"DEPLOYER_BACKEND_REGION="+d.Region, "DEPLOYER_LOCKS_TABLE=locks", "DEPLOYER_LOCKS_REGION="+d.Region,
		fmt.Sprintf("AWS_MAX_ATTEMPTS=%d", attempts))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	if v != nil {
		v.process = cmd.Process
		close(v.started)
		defer close(v.ended)
	}
	err := cmd.Wait()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// victim is a process that is killed in the middle of one of its calls.
type victim struct {
	process        *os.Process
	started, ended chan struct{}
	once           sync.Once
}

func newVictim() *victim { return &victim{started: make(chan struct{}), ended: make(chan struct{})} }

// kill returns when the process is gone.
func (v *victim) kill() {
	<-v.started
	v.once.Do(func() { _ = v.process.Kill() }) // it may have ended by itself, which the exit code tells
	<-v.ended
}
