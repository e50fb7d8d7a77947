package e2e

import (
	"bytes"
	"fmt"
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

// crashSite is a stack in an account of its own, that is deployed over and over again.
type crashSite struct {
	*testkit.Env
	stack        crashStack
	local        bool // state and locks are files
	repo         string
	want         [2][]string // what AWS holds after an undisturbed apply of each version
	applyCalls   int         // calls that change something, of an undisturbed first apply
	changeCalls  int         // from the first version to the second
	destroyCalls int
	deployments  int
}

func newCrashSite(t *testing.T, stack crashStack, local bool) *crashSite {
	s := &crashSite{Env: testkit.Start(t), stack: stack, local: local, repo: t.TempDir()}
	for name, text := range stack.files {
		path := filepath.Join(s.repo, "stacks", "shop", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	d := s.deployment(t)
	out, code := d.run(t, nil, "backend", "create", "--bucket", s.bucket(), "--table", "locks", "--region", s.Region)
	require.Zero(t, code, out)
	require.Empty(t, s.inventory(t))

	counted := func(command string) int {
		s.Proxy.ResetRecords()
		d.must(t, command)
		return s.Proxy.Count(proxy.Filter{Mutating: true})
	}
	s.applyCalls = counted("apply")
	s.want[0] = s.inventory(t)
	require.NotEmpty(t, s.want[0])
	d.verify(t)
	d.version++
	s.changeCalls = counted("apply")
	s.want[1] = s.inventory(t)
	require.NotEqual(t, s.want[0], s.want[1])
	d.verify(t)
	d.version--
	d.must(t, "apply")
	d.verifyObjects(t)
	s.destroyCalls = counted("destroy")
	d.gone(t)
	t.Logf("%d calls to apply, %d to change, %d to destroy, %d objects", s.applyCalls, s.changeCalls, s.destroyCalls, len(s.want[0]))
	return s
}

func (s *crashSite) bucket() string { return "crash-" + s.Account }

// struck is one case: a deployment whose apply or destroy is struck at the k-th call, and what follows.
func (s *crashSite) struck(t *testing.T, command string, hit strike, k int, next sequel) {
	t.Run(fmt.Sprintf("%s/%s call %d/%s", command, hit.name, k, next.name), func(t *testing.T) {
		d := s.deployment(t)
		switch command {
		case "destroy":
			d.must(t, "apply")
		case "change":
			d.must(t, "apply")
			d.version++
			command = "apply"
		}
		t.Cleanup(func() {
			if t.Failed() {
				d.cleanUp(t)
			}
		})
		v := newVictim()
		fault := hit.fault(v)
		fault.Filter, fault.Nth = proxy.Filter{Mutating: true}, k
		require.NoError(t, s.Proxy.Inject(fault))
		out, code := d.run(t, v, d.command(command)...)
		s.Proxy.ClearFaults()
		switch {
		case hit.end == dies && code != killedCode:
			t.Fatalf("call %d did not come, exit code %d:\n%s", k, code, out)
		case hit.end == survives && code != 0, hit.end == mayFail && code != 0 && code != 1, hit.end == stops && code != 0 && code != 130:
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
	version      int // the one that is wanted, from 0
}

func (s *crashSite) deployment(t *testing.T) *deployment {
	s.deployments++
	s.forgetTags(t)
	return &deployment{crashSite: s, home: t.TempDir(), prefix: fmt.Sprintf("life-%d", s.deployments)}
}

// command is the full command line of apply, destroy or plan.
func (d *deployment) command(name string) []string {
	args := []string{name, "-e", "dev"}
	if name != "plan" {
		args = append(args, "--parallelism", "1", "--lock-timeout", "0s", "--auto-approve")
	}
	if name == "destroy" {
		return append(args, d.stack.dataLoss...)
	}
	return append(args, d.stack.versions[d.version]...)
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
	require.Equal(t, strings.Join(d.want[d.version], "\n"), strings.Join(d.inventory(t), "\n"))
	require.Contains(t, d.must(t, "plan"), "No changes")
}

// verify makes sure that the deployment is as an undisturbed one, its history included.
func (d *deployment) verify(t *testing.T) {
	t.Helper()
	d.verifyObjects(t)
	out, code := d.run(t, nil, "history", "-e", "dev")
	require.Zero(t, code, out)
	require.Len(t, regexp.MustCompile(`(?m)^v\d+ `).FindAllString(out, -1), d.version+1, out)
	require.Regexp(t, fmt.Sprintf(`v%d .*succeeded`, d.version+1), out)
	d.unlocked(t)
}

func (d *deployment) unlocked(t *testing.T) {
	t.Helper()
	out, code := d.run(t, nil, "locks", "list")
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
	cmd.Env = append(cmd.Env, "HOME="+d.home, "NO_COLOR=1", fmt.Sprintf("AWS_MAX_ATTEMPTS=%d", attempts))
	if d.local && args[0] != "backend" {
		cmd.Env = append(cmd.Env, "DEPLOYER_BACKEND_PATH="+filepath.Join(d.repo, d.prefix))
	} else {
		cmd.Env = append(cmd.Env, "DEPLOYER_BACKEND_BUCKET="+d.bucket(), "DEPLOYER_BACKEND_PREFIX="+d.prefix,
			"DEPLOYER_BACKEND_REGION="+d.Region, "DEPLOYER_LOCKS_TABLE=locks", "DEPLOYER_LOCKS_REGION="+d.Region)
	}
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

// signal does not wait for what the process makes of it.
func (v *victim) signal(s os.Signal) {
	<-v.started
	_ = v.process.Signal(s) // it may have ended by itself, which the exit code tells
}

// kill returns when the process is gone.
func (v *victim) kill() {
	<-v.started
	v.once.Do(func() { _ = v.process.Kill() }) // it may have ended by itself, which the exit code tells
	<-v.ended
}
