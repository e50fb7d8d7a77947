package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/ecsfake"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// interrupted makes sure that the first apply has said that it was, and that the next one finishes it.
func (d *deployment) interrupted(t *testing.T) {
	t.Helper()
	d.unlocked(t)
	out, code := d.run(t, nil, "history", "-e", "dev")
	require.Zero(t, code, out)
	require.Regexp(t, `v1 .*interrupted`, out)
	d.must(t, "apply")
	d.destroy(t)
}

// A signal comes while a call is on its way that is never answered.
func TestSignalWhileACallHangs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		command []string // after a deployment, unless it is the first apply
		first   bool
		which   proxy.Filter
		nth     int
		signal  syscall.Signal
		locked  bool // the call that hangs may take the lock yet
	}{
		{
			name: "reading the state", first: true,
			which:  proxy.Filter{Service: "s3", Operation: "GetObject", Resource: "*/state.json"},
			signal: syscall.SIGTERM,
		},
		{
			name: "taking the lock", first: true, which: proxy.Filter{Service: "dynamodb", Operation: "UpdateItem"},
			signal: syscall.SIGTERM, locked: true,
		},
		{
			name: "planning", command: []string{"apply", "--refresh"},
			which: proxy.Filter{Service: "sqs", Operation: "GetQueueAttributes"}, signal: syscall.SIGINT,
		},
		{
			name: "claiming", first: true, which: proxy.Filter{Operation: "PutObject", Resource: "*/state.json"},
			signal: syscall.SIGTERM,
		},
		{
			name: "a step", first: true, which: proxy.Filter{Service: "sqs", Operation: "CreateQueue"}, nth: 2,
			signal: syscall.SIGTERM,
		},
		{
			name: "destroying", command: []string{"destroy"},
			which: proxy.Filter{Service: "sqs", Operation: "DeleteQueue"}, signal: syscall.SIGINT,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, crashSmall, false)
			d := s.deployment(t)
			args := d.command("apply")
			if !c.first {
				d.must(t, "apply")
				args = append(d.command(c.command[0]), c.command[1:]...)
			}
			call := s.hold(t, c.which, c.nth)
			p := d.launch(t, args...)
			call.await(t)
			p.signal(t, c.signal)
			p.ends(t, 130, c.signal.String())
			require.NotRegexp(t, never, p.out.String())
			require.Contains(t, p.out.String(), "Error: Interrupted")
			require.NotRegexp(t, "(?i)cancel", p.out.String(), "what happened, not how")
			if !c.locked {
				d.unlocked(t)
			}
			// It lands when nobody waits for it any more.
			call.letGo()
			s.Proxy.ClearFaults()
			d.must(t, "apply")
			require.Contains(t, d.must(t, "plan"), "No changes")
			d.destroy(t)
		})
	}
}

// While the state is saved for the last time there is nothing to stop, only to end.
func TestSignalWhileSaving(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	save := s.hold(t, proxy.Filter{Operation: "PutObject", Resource: "*/state.json"}, 2)
	p := d.launch(t, d.command("apply")...)
	save.await(t)
	p.signal(t, syscall.SIGTERM)
	save.letGo()
	p.ends(t, 0, "SIGTERM")
	require.Contains(t, p.out.String(), "Applied shop/dev v1")
	d.unlocked(t)
	d.destroy(t)
}

func TestSignalWhileWaitingForTheLock(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	step := s.hold(t, proxy.Filter{Service: "sqs", Operation: "CreateQueue"}, 1)
	holder := d.launch(t, d.command("apply")...)
	step.await(t)
	waiter := d.launch(t, "apply", "-e", "dev", "--auto-approve", "--lock-timeout", "5m")
	waiter.says(t, "Waiting for the lock")
	waiter.signal(t, syscall.SIGTERM)
	waiter.ends(t, 130, "SIGTERM")
	require.Contains(t, waiter.out.String(), "Error: Interrupted")
	step.letGo()
	holder.ends(t, 0, "the answer")
	d.unlocked(t)
	d.destroy(t)
}

func TestSignalAtThePrompt(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	for _, typed := range []struct {
		name, keys string
		code       int
	}{{"Ctrl-C", "\x03", 130}, {"Ctrl-D", "\x04", 1}} {
		p := d.prepared("apply", "-e", "dev")
		keyboard := p.onTerminal(t)
		p.says(t, "Do you want to apply this plan")
		_, err := keyboard.WriteString(typed.keys)
		require.NoError(t, err)
		p.ends(t, typed.code, typed.name)
		require.Contains(t, p.out.String(), "Nothing was changed")
		require.Empty(t, s.inventory(t))
		d.unlocked(t)
	}
}

// A burst of signals counts as one: what is in flight is finished.
func TestSignalsWithinASecondCountOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	step := s.hold(t, proxy.Filter{Service: "sqs", Operation: "CreateQueue"}, 1)
	p := d.launch(t, d.command("apply")...)
	step.await(t)
	for range 5 {
		p.signal(t, os.Interrupt)
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	require.NotContains(t, p.out.String(), "failed", "a step that is waited for no more")
	step.letGo()
	p.ends(t, 130, "the answer")
	d.unlocked(t)
	d.must(t, "apply")
	d.destroy(t)
}

// A second signal does not wait for what is in flight, nor for a backend that does not answer: what was done is in the
// journal, which the next run replays.
func TestSecondSignalLeavesAJournal(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	step := s.hold(t, proxy.Filter{Service: "sqs", Operation: "CreateQueue"}, 2)
	save := s.hold(t, proxy.Filter{Operation: "PutObject", Resource: "*/state.json"}, 2)
	p := d.launch(t, d.command("apply")...)
	step.await(t)
	p.signal(t, os.Interrupt)
	time.Sleep(1100 * time.Millisecond) // the contract is in seconds
	p.signal(t, os.Interrupt)
	p.ends(t, 130, "the second signal")
	require.Contains(t, p.out.String(), "deployer state push")
	require.NotRegexp(t, "(?i)cancel", p.out.String())
	journals, err := filepath.Glob(filepath.Join(d.home, ".deployer", "journal", "*"))
	require.NoError(t, err)
	require.Len(t, journals, 1)

	s.Proxy.ClearFaults()
	s.Proxy.ResetRecords()
	d.must(t, "apply")
	require.Zero(t, s.Proxy.Count(proxy.Filter{Service: "sqs", Operation: "CreateQueue", Resource: "*dead*"}),
		"the journal says that it is there")
	require.Contains(t, d.must(t, "plan"), "No changes")
	step.letGo()
	save.letGo()
	d.destroy(t)
}

// The terminal is closed while a step is under way: the run saves and gives the lock back, with nobody to tell.
func TestTerminalIsClosed(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	step := s.hold(t, proxy.Filter{Service: "sqs", Operation: "CreateQueue"}, 1)
	p := d.prepared(d.command("apply")...)
	terminal := p.onTerminal(t)
	step.await(t)
	require.NoError(t, terminal.Close())
	time.Sleep(50 * time.Millisecond) // the kernel sends SIGHUP
	step.letGo()
	p.ends(t, 130, "the answer")
	d.interrupted(t)
}

// Ctrl-C reaches all processes of the terminal's foreground, and those that read our output die of it at once.
func TestInterruptOfAPipeline(t *testing.T) {
	t.Parallel()
	// Where this process was started in the background it ignores the signal, and so would its children.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt)
	defer signal.Stop(caught)
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	step := s.hold(t, proxy.Filter{Service: "sqs", Operation: "CreateQueue"}, 1)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	p := d.prepared(d.command("apply")...)
	p.Stdout, p.Stderr = writer, writer
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.start(t)
	tee := exec.Command("cat")
	tee.Stdin = reader
	tee.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: p.Process.Pid}
	require.NoError(t, tee.Start())
	require.NoError(t, reader.Close())
	require.NoError(t, writer.Close())
	step.await(t)
	require.NoError(t, syscall.Kill(-p.Process.Pid, syscall.SIGINT))
	require.Error(t, tee.Wait(), "ended by the signal")
	step.letGo()
	p.ends(t, 130, "the answer")
	d.interrupted(t)
}

// Nobody reads on: a command that only looks ends silently, a deployment goes on to its end.
func TestReaderLeaves(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	for _, command := range []string{"plan", "apply"} {
		call := s.hold(t, proxy.Filter{Service: "s3", Operation: "GetObject", Resource: "*/state.json"}, 1)
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		p := d.prepared(d.command(command)...)
		p.Stdout = writer
		p.start(t)
		require.NoError(t, writer.Close())
		call.await(t)
		require.NoError(t, reader.Close())
		call.letGo()
		code, _ := p.exit(t)
		require.NotContains(t, p.out.String(), "pipe")
		require.NotContains(t, p.out.String(), "Error")
		if command == "apply" {
			require.Zero(t, code, p.out.String())
			require.Contains(t, d.must(t, "plan"), "No changes")
		} else {
			require.Equal(t, syscall.SIGPIPE, p.ProcessState.Sys().(syscall.WaitStatus).Signal(), p.out.String())
		}
		d.unlocked(t)
	}
	// head -1
	p := d.prepared("plan", "-e", "dev", "--var", "TIMEOUT=9m")
	p.Stdout = nil
	lines, err := p.StdoutPipe()
	require.NoError(t, err)
	p.start(t)
	first, err := bufio.NewReader(lines).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, first, "Plan for shop/dev")
	_ = lines.Close() // Wait closes it, too, when the process has ended by now
	p.exit(t)
	require.NotContains(t, p.out.String(), "Error")
	d.destroy(t)
}

// A save of a running apply hangs when the second signal comes.
func TestSecondSignalDuringASave(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashWorker, false)
	require.NoError(t, s.ECS.AddRules(ecsfake.Rule{Image: "*", Behaviour: ecsfake.Slow}))
	d := s.deployment(t)
	save := s.hold(t, proxy.Filter{Operation: "PutObject", Resource: "*/state.json"}, 2)
	p := d.launch(t, d.command("apply")...)
	save.await(t)
	p.signal(t, os.Interrupt)
	time.Sleep(1100 * time.Millisecond) // the contract is in seconds
	p.signal(t, os.Interrupt)
	p.ends(t, 130, "the second signal")
	save.letGo()
	s.Proxy.ClearFaults()
	s.ECS.Reset()
	d.destroy(t)
}

// A call that AWS throttles is repeated for minutes, but not for somebody who wants to go.
func TestSignalWhileACallIsThrottled(t *testing.T) {
	t.Parallel()
	s := newSite(t, crashSmall, false)
	d := s.deployment(t)
	for _, c := range []struct {
		which proxy.Filter
		says  string
	}{
		{proxy.Filter{Service: "s3", Operation: "GetObject", Resource: "*/state.json"}, "AWS throttles s3:GetObject"},
		{proxy.Filter{Service: "dynamodb", Operation: "UpdateItem"}, "Taking the lock: AWS throttles calls"},
		{proxy.Filter{Service: "sqs", Operation: "CreateQueue"}, "AWS throttles sqs:CreateQueue"},
	} {
		require.NoError(t,
			s.Proxy.Inject(proxy.Fault{
				Filter: c.which, Times: -1, Action: proxy.Throttle,
				Delay: proxy.Duration(1500 * time.Millisecond),
			}))
		p := d.prepared(d.command("apply")...)
		p.Env = append(p.Env, "AWS_MAX_ATTEMPTS=")
		p.start(t)
		p.says(t, c.says)
		p.signal(t, syscall.SIGTERM)
		p.ends(t, 130, "SIGTERM")
		require.NotRegexp(t, "(?i)cancel|operation error", p.out.String())
		require.Contains(t, p.out.String(), "Error: Interrupted")
		s.Proxy.ClearFaults()
		d.unlocked(t)
	}
	d.must(t, "apply")
	d.destroy(t)
}
