package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// releaseCommand is a mirror of the releases: release VERSION. An empty VERSION has no release.
func releaseCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "release")
	if len(args) != 1 {
		ts.Fatalf("usage: release VERSION")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/latest/download/checksums.txt" || args[0] == "" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "%s  deployer_%s_linux_amd64.tar.gz\n", strings.Repeat("0", 64), args[0])
	}))
	ts.Defer(server.Close)
	ts.Setenv("DEPLOYER_RELEASES_URL", server.URL)
}
