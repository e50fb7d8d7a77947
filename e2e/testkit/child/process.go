package child

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options configure Start. Only Command and Ready are required.
type Options struct {
	Command []string
	Env     []string // the whole environment
	// Ready asks the server once whether it answers.
	Ready func(context.Context) error
	// ReadyWithin is how long the server may take to answer; 60 s when zero.
	ReadyWithin time.Duration
	// Log also receives everything that the server prints.
	Log io.Writer
	// Detach lets the server outlive this process. It then prints into
	// DetachedLog, a file, and Process.Log is empty.
	Detach      bool
	DetachedLog string
}

// Process is a running server.
type Process struct {
	process *os.Process
	log     *tail
	exited  chan struct{}
	stop    sync.Once
}

// Start runs the command and waits until the server answers. The server ends with Stop or (on Linux) with this process,
// even if that crashes.
func Start(ctx context.Context, opts Options) (*Process, error) {
	p := &Process{log: &tail{also: opts.Log}, exited: make(chan struct{})}
	cmd := exec.Command(opts.Command[0], opts.Command[1:]...) //nolint:gosec // the caller's program
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if opts.Detach {
		// A pipe to this process would break when this process ends.
		file, err := os.OpenFile(opts.DetachedLog, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644) //nolint:gosec // a log of a test
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // the child has its own handle
		cmd.Stdout, cmd.Stderr = file, file
	}
	cmd.Env = opts.Env
	cmd.SysProcAttr = attributes(opts.Detach)
	cmd.WaitDelay = time.Second

	started := make(chan error, 1)
	go func() {
		// The kernel sends the parent-death signal when the *thread* that started the child ends. So this goroutine
		// keeps its thread until the child ends.
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			close(p.exited)
			return
		}
		p.process = cmd.Process
		started <- nil
		_ = cmd.Wait() // the log says how it ended
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", opts.Command[0], err)
	}
	if err := p.awaitReady(ctx, opts); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

func (p *Process) awaitReady(ctx context.Context, opts Options) error {
	within := opts.ReadyWithin
	if within == 0 {
		within = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := opts.Ready(ctx); err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("the server ended before it was ready:\n%s", p.log.String())
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready within %s:\n%s", within, p.log.String())
		case <-tick.C:
		}
	}
}

// Log returns the last 64 KiB that the server printed.
func (p *Process) Log() string { return p.log.String() }

// Pid is the id of the server's process.
func (p *Process) Pid() int { return p.process.Pid }

// Exited is closed when the server's process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stop ends the server and waits for its process to be gone.
func (p *Process) Stop() {
	p.stop.Do(func() {
		_ = p.process.Signal(syscall.SIGTERM) // it may have ended already
		select {
		case <-p.exited:
		case <-time.After(3 * time.Second):
			_ = p.process.Kill()
			<-p.exited
		}
	})
	<-p.exited
}

// FreePort returns a port without a listener. Another process may take it before the server does.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// WithoutAWS removes the AWS settings from an environment: settings of a real account must reach neither the emulator
// nor a program under test.
func WithoutAWS(env []string) []string {
	kept := make([]string, 0, len(env))
	for _, e := range env {
		if !strings.HasPrefix(e, "AWS_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
	also io.Writer
}

const tailSize = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if over := len(t.data) - tailSize; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	if t.also != nil {
		return t.also.Write(p)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
