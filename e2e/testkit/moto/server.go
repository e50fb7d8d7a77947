package moto

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/company/deployer/e2e/testkit/child"
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

//go:embed serve.py
var serve string

// Server is a running moto_server.
type Server struct {
	*child.Process
	url string
}

// Start finds or installs moto_server, starts it and waits until it answers.
// The server ends with Stop, when ctx is done, or (on Linux) with this
// process, however that ends.
func Start(ctx context.Context, opts Options) (*Server, error) {
	program, err := find(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("moto: %w", err)
	}
	// Another process may take the port between FreePort and the server's start.
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
		if port, err = child.FreePort(); err != nil {
			return nil, err
		}
	}
	python, err := interpreterOf(ctx, program)
	if err != nil {
		return nil, err
	}
	s := &Server{url: "http://127.0.0.1:" + strconv.Itoa(port)}
	process, err := child.Start(ctx, child.Options{
		Command: []string{python, "-c", serve, "-H", "127.0.0.1", "-p", strconv.Itoa(port)},
		Env: append(append(child.WithoutAWS(os.Environ()),
			"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1",
			"PYTHONUNBUFFERED=1"), opts.Env...),
		Ready:       func(ctx context.Context) error { return s.post(ctx, http.MethodGet, "/moto-api/data.json") },
		ReadyWithin: opts.ReadyWithin, Log: opts.Log, Detach: opts.Detach, DetachedLog: opts.DetachedLog,
	})
	if err != nil {
		return nil, err
	}
	s.Process = process
	return s, nil
}

// URL is the base URL of the server.
func (s *Server) URL() string { return s.url }

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
