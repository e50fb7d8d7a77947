package e2e

import (
	"net/http/httptest"
	"os"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/internal/testkit/fakepulumi"
)

var pulumis sync.Map // *fakepulumi.Cloud by *testscript.TestScript

// pulumiCommand is Pulumi Cloud. `pulumi start TOKEN` sets $PULUMI to its address, `pulumi fail CODE...` lets its next
// answers fail, and `pulumi export PROJECT STACK FILE` writes what a stack was imported with.
func pulumiCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "pulumi")
	switch {
	case len(args) == 2 && args[0] == "start":
		cloud := fakepulumi.New(args[1])
		server := httptest.NewServer(cloud)
		ts.Defer(server.Close)
		pulumis.Store(ts, cloud)
		ts.Setenv("PULUMI", server.URL)
		return
	case len(args) == 0:
		ts.Fatalf("usage: pulumi WORD...")
	}
	stored, ok := pulumis.Load(ts)
	if !ok {
		ts.Fatalf("pulumi start comes first")
	}
	cloud := stored.(*fakepulumi.Cloud)
	switch args[0] {
	case "fail":
		var codes []int
		for _, text := range args[1:] {
			code, err := strconv.Atoi(text)
			ts.Check(err)
			codes = append(codes, code)
		}
		cloud.Fail(codes...)
	case "export":
		body := cloud.Deployment(fakepulumi.User, args[1], args[2])
		if body == nil {
			ts.Fatalf("there is no stack %s/%s", args[1], args[2])
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[3]), body, 0o644))
	default:
		ts.Fatalf("unknown word %q", args[0])
	}
}
