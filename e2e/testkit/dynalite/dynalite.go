// Package dynalite runs dynalite, the second, independent DynamoDB of the tests, in the version of package-lock.json.
// Its conditions are atomic.
//
// What comes in: Node and npm on PATH. What goes out: a running server with its tables in memory, installed into .cache
// on first use.
//
// What it must not do: be the only proof of anything, because tests that need it are skipped on a machine without Node.
package dynalite

import (
	"context"
	_ "embed"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/company/deployer/e2e/testkit/child"
)

//go:embed package.json
var manifest []byte

//go:embed package-lock.json
var locked []byte

// Version is the version in package.json.
const Version = "4.0.0"

// Server is a running dynalite.
type Server struct {
	*child.Process
	url string
}

// URL is the base URL of the server.
func (s *Server) URL() string { return s.url }

// Start installs dynalite if it is not in the cache, starts it and waits until it answers. It reports slow steps to
// progress.
func Start(ctx context.Context, progress func(string)) (*Server, error) {
	// Only the store on disk needs the install scripts, which compile it; tests keep tables in memory.
	node, dir, err := child.InstallPackage(ctx,
		child.Package{Name: "dynalite", Version: Version, Manifest: manifest, Locked: locked}, progress)
	if err != nil {
		return nil, err
	}
	port, err := child.FreePort()
	if err != nil {
		return nil, err
	}
	s := &Server{url: "http://127.0.0.1:" + strconv.Itoa(port)}
	s.Process, err = child.Start(ctx, child.Options{
		Command: []string{
			node, filepath.Join(dir, "node_modules", "dynalite", "cli.js"), "--host", "127.0.0.1",
			"--port", strconv.Itoa(port), "--createTableMs", "0",
		},
		Env: child.WithoutAWS(os.Environ()),
		Ready: func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, http.NoBody)
			if err != nil {
				return err
			}
			answer, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			return answer.Body.Close()
		},
	})
	return s, err
}
