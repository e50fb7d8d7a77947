package e2e

import (
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/internal/testkit/fakeregistry"
)

// registries are those of the scripts, by their script.
var registries sync.Map

// registryCommand is a container registry on this machine:
//
//	registry start                     its host is $REGISTRY from now on, and registries are asked about images
//	registry push REPOSITORY TAG SEED [PLATFORM...]
//	                                   store an image; another seed makes another digest, which becomes $DIGEST
//	registry delete REPOSITORY TAG     remove an image
//	registry login USER PASSWORD       give tokens only to that user
//	registry down|up                   answer with errors only, or again as usual
//	registry pulls N                   N manifests were read since the start, as Docker Hub counts pulls
func registryCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "registry")
	if len(args) == 0 {
		ts.Fatalf("usage: registry WORD...")
	}
	if args[0] == "start" {
		r := fakeregistry.New()
		ts.Defer(r.Close)
		ts.Setenv("REGISTRY", r.Host())
		ts.Setenv(testkit.ResolveVariable, "true")
		registries.Store(ts, r)
		return
	}
	stored, ok := registries.Load(ts)
	if !ok {
		ts.Fatalf("registry start comes first")
	}
	r := stored.(*fakeregistry.Registry)
	switch args[0] {
	case "push":
		platforms := []string{"linux/amd64"}
		if len(args) > 4 {
			platforms = args[4:]
		}
		ts.Setenv("DIGEST", r.Push(args[1], args[2], args[3], platforms...))
	case "delete":
		r.Delete(args[1], args[2])
	case "login":
		r.Login(args[1], args[2])
	case "down", "up":
		r.Down(args[0] == "down")
	case "pulls":
		if want, err := strconv.Atoi(args[1]); err != nil || r.Pulls() != want {
			ts.Fatalf("%d pulls, want %s", r.Pulls(), args[1])
		}
	default:
		ts.Fatalf("registry does not know %q", args[0])
	}
}
