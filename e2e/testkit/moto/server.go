package moto

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options configure Start; the zero value is ready for use.
type Options struct {
	// CacheDir holds the virtual environment when moto_server is not on PATH;
	// by default .cache/moto under the module's root.
	CacheDir string
	// Port to listen on; a free one when zero.
	Port int
	// Env is added to the server's environment, as "KEY=value".
	Env []string
	// Log also receives everything that the server prints.
	Log io.Writer
	// Detach lets the server outlive this process. It then prints into
	// DetachedLog, a file, and Server.Log is empty.
	Detach      bool
	DetachedLog string
	// Progress is told what takes long (making the virtual environment).
	Progress func(string)
	// ReadyWithin is how long the server may take to answer; 60 s when zero.
	ReadyWithin time.Duration
}

// Server is a running moto_server.
type Server struct {
	url     string
	process *os.Process
	log     *tail
	exited  chan struct{}
	stop    sync.Once
}

// Start finds or installs moto_server, starts it and waits until it answers.
// The server ends with Stop, when ctx is done, or (on Linux) with this
// process, however that ends.
func Start(ctx context.Context, opts Options) (*Server, error) {
	program, err := find(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("moto: %w", err)
	}
	if opts.ReadyWithin == 0 {
		opts.ReadyWithin = time.Minute
	}
	// Between finding a free port and binding it somebody else may take it.
	for attempt := 1; ; attempt++ {
		server, err := launch(ctx, program, opts)
		if err == nil {
			if !opts.Detach {
				context.AfterFunc(ctx, server.Stop)
			}
			return server, nil
		}
		if attempt == 3 || opts.Port != 0 || ctx.Err() != nil {
			return nil, fmt.Errorf("moto: %w", err)
		}
	}
}

func launch(ctx context.Context, program string, opts Options) (*Server, error) {
	port := opts.Port
	if port == 0 {
		var err error
		if port, err = freePort(); err != nil {
			return nil, err
		}
	}
	s := &Server{url: "http://127.0.0.1:" + strconv.Itoa(port), log: &tail{also: opts.Log}, exited: make(chan struct{})}
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", strconv.Itoa(port)) //nolint:gosec // the program that find checked
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if opts.Detach {
		// A pipe to this process would break when this process ends.
		file, err := os.OpenFile(opts.DetachedLog, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644) //nolint:gosec // a log of a test
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // the child has its own handle
		cmd.Stdout, cmd.Stderr = file, file
	}
	cmd.Env = append(append(WithoutAWS(os.Environ()),
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1", "PYTHONUNBUFFERED=1"), opts.Env...)
	cmd.SysProcAttr = attributes(opts.Detach)
	cmd.WaitDelay = time.Second

	started := make(chan error, 1)
	go func() {
		// The kernel sends the parent-death signal when the *thread* that
		// started the child ends, so this goroutine keeps its thread to itself
		// for as long as the child lives.
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			close(s.exited)
			return
		}
		s.process = cmd.Process
		started <- nil
		_ = cmd.Wait() // how it ended is in the log
		close(s.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	if err := s.awaitReady(ctx, opts.ReadyWithin); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) awaitReady(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := s.post(ctx, http.MethodGet, "/moto-api/data.json"); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended before it was ready:\n%s", s.log.String())
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready within %s:\n%s", within, s.log.String())
		case <-tick.C:
		}
	}
}

// URL is the base URL of the server.
func (s *Server) URL() string { return s.url }

// Log returns the last 64 KiB that the server printed.
func (s *Server) Log() string { return s.log.String() }

// Pid is the id of the server's process.
func (s *Server) Pid() int { return s.process.Pid }

// Exited is closed when the server's process has ended.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Stop ends the server and waits for its process to be gone.
func (s *Server) Stop() {
	s.stop.Do(func() {
		_ = s.process.Signal(syscall.SIGTERM) // it may have ended already
		select {
		case <-s.exited:
		case <-time.After(3 * time.Second):
			_ = s.process.Kill()
			<-s.exited
		}
	})
	<-s.exited
}

// Reset forgets everything that was created, in all accounts and regions.
func (s *Server) Reset(ctx context.Context) error {
	return s.post(ctx, http.MethodPost, "/moto-api/reset")
}

// Seed makes the ids that the server generates repeatable.
func (s *Server) Seed(ctx context.Context, n int) error {
	return s.post(ctx, http.MethodPost, "/moto-api/seed?a="+strconv.Itoa(n))
}

func (s *Server) post(ctx context.Context, method, path string) error {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if resp.StatusCode >= 300 {
		return errors.Join(err, fmt.Errorf("%s %s: HTTP %d", method, path, resp.StatusCode))
	}
	return err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// WithoutAWS drops the AWS settings from an environment: those of a real
// account must reach neither the emulator nor a program under test.
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
