package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/terminal"
)

// attempts is how often the binary tries a call.
const attempts = 3

// binaryEnvironment is what the binary runs with: the account, a home, a bucket with the table "locks" unless that is
// "", and nothing else that it would mind of what the tests run with.
func binaryEnvironment(env *testkit.Env, home, bucket string) []string {
	var out []string
	for _, pair := range env.Environ() {
		if name, _, _ := strings.Cut(pair, "="); name != "CI" && name != "HOME" &&
			!strings.HasPrefix(name, "DEPLOYER_") {
			out = append(out, pair)
		}
	}
	out = append(out, "HOME="+home, "NO_COLOR=1", fmt.Sprintf("AWS_MAX_ATTEMPTS=%d", attempts))
	if bucket != "" {
		out = append(out, "DEPLOYER_BACKEND_BUCKET="+bucket, "DEPLOYER_BACKEND_REGION="+env.Region,
			"DEPLOYER_LOCKS_TABLE=locks", "DEPLOYER_LOCKS_REGION="+env.Region)
	}
	return out
}

// running is the binary while it runs.
type running struct {
	*exec.Cmd
	out   screen
	ended chan struct{}
	read  chan struct{} // its terminal was read to the end; nil: it has none
}

// screen is what a process said so far, on both streams.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// launch starts the binary. It is killed when the test ends.
func (d *deployment) launch(t *testing.T, args ...string) *running {
	t.Helper()
	p := d.prepared(args...)
	p.start(t)
	return p
}

func (d *deployment) prepared(args ...string) *running {
	p := &running{Cmd: d.process(args...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.out, &p.out
	return p
}

func (p *running) start(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Start())
	go func() {
		_ = p.Wait() // how it ended is in the state of the process
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it has ended, as a rule
		<-p.ended
	})
}

// onTerminal starts the binary on a pseudo-terminal and returns the side where people sit.
func (p *running) onTerminal(t *testing.T) *os.File {
	t.Helper()
	control, tty, err := terminal.Open(80, 24)
	if err != nil {
		t.Skip("no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { _ = control.Close() }) // some tests have closed it
	p.Env = append(p.Env, "TERM=xterm-256color")
	p.Stdin, p.Stdout, p.Stderr = tty, tty, tty
	p.SysProcAttr = terminal.InSession()
	p.start(t)
	require.NoError(t, tty.Close())
	p.read = make(chan struct{})
	go func() {
		_, _ = io.Copy(&p.out, control) // EIO: nobody has the terminal open any more
		close(p.read)
	}()
	return control
}

func (p *running) signal(t *testing.T, s os.Signal) {
	t.Helper()
	require.NoError(t, p.Process.Signal(s))
}

// says waits until the process has said that.
func (p *running) says(t *testing.T, pattern string) {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	require.Eventually(t, func() bool { return wanted.MatchString(p.out.String()) }, time.Minute, 5*time.Millisecond,
		pattern)
}

// patienceOfCI is how long CI systems wait between SIGTERM and SIGKILL, less a bit for a machine that is busy.
const patienceOfCI = 7 * time.Second

// ends waits for the end, which must come soon after what, with that exit code.
func (p *running) ends(t *testing.T, code int, after string) {
	t.Helper()
	got, took := p.exit(t)
	t.Logf("%.1f s from %s to exit", took.Seconds(), after)
	require.Equal(t, code, got, p.out.String())
	require.Less(t, took, patienceOfCI, p.out.String())
}

// exit waits for the end and returns the exit code and how long that took.
func (p *running) exit(t *testing.T) (int, time.Duration) {
	t.Helper()
	began := time.Now()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatalf("still running after a minute:\n%s", p.out.String())
	}
	took := time.Since(began)
	if p.read != nil {
		<-p.read
	}
	return p.ProcessState.ExitCode(), took
}

// held is a call that waits in the proxy.
type held struct {
	arrived chan struct{}
	release chan struct{}
	once    sync.Once
}

// hold makes the n-th such call wait before it has an effect, until it is let go or the test ends.
func (s *crashSite) hold(t *testing.T, which proxy.Filter, nth int) *held {
	t.Helper()
	h := newHeld(t)
	require.NoError(t, s.Proxy.Inject(proxy.Fault{Filter: which, Nth: nth, Action: proxy.None, OnCall: h.wait}))
	return h
}

// holdAnswer is hold for the answer: the call has had its effect.
func (s *crashSite) holdAnswer(t *testing.T, which proxy.Filter, nth int) *held {
	t.Helper()
	h := newHeld(t)
	require.NoError(t, s.Proxy.Inject(proxy.Fault{Filter: which, Nth: nth, Action: proxy.None, OnEffect: h.wait}))
	return h
}

func newHeld(t *testing.T) *held {
	h := &held{arrived: make(chan struct{}), release: make(chan struct{})}
	t.Cleanup(h.letGo)
	return h
}

func (h *held) wait(*proxy.Call) {
	close(h.arrived)
	<-h.release
}

func (h *held) await(t *testing.T) {
	t.Helper()
	select {
	case <-h.arrived:
	case <-time.After(time.Minute):
		t.Fatal("the call did not come within a minute")
	}
}

func (h *held) letGo() { h.once.Do(func() { close(h.release) }) }
