package deploy

import (
	"fmt"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

func lineageOf(s *state.Stored, newID func() string) string {
	if s == nil {
		return newID()
	}
	return s.Snapshot.Envelope.Lineage
}

// warnings are what a user should know before reading a plan.
func warnings(b *backend.Backend, key state.Key, deployed bool) diag.List {
	var out diag.List
	if !deployed && b.HasLocalState(key) {
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "There is also a local state",
			Detail: fmt.Sprintf("%s was deployed with a state on this machine, which %s does not have: the "+
				"objects in it would be created again, or their names are in use.", key, b.Location()),
			Next: "Copy it first:\n" + b.CommandLine(key, "state push", b.LocalState(key)),
		})
	}
	if b.World.Settings.Backend.Type != "s3" {
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Invalid, Summary: "State is local",
			Detail: "State and locks are kept in " + b.Location() + " on this machine. Nobody else can use them.",
			Next:   "For a team: deployer init, then deployer backend create.",
		})
	}
	return out
}

// unfinished says that a run of this state is in progress or was interrupted.
func unfinished(b *backend.Backend, stored *state.Stored) diag.List {
	var out diag.List
	switch {
	case stored == nil:
	case stored.Payload.Status != state.InProgress && recovery.Interrupted(stored.Snapshot.Envelope.Intents):
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "State is not certain",
			Detail: "An earlier state was restored, or a run was stopped before it had read all objects. This " +
				"plan reads the objects in AWS, and so will the next apply.",
		})
	case stored.Payload.Status == state.InProgress:
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "A run is in progress or was interrupted",
			Detail: fmt.Sprintf("%s, started by %s, has not finished. If it was interrupted, the next apply "+
				"first continues it.", describe(stored), stored.Payload.Who),
		})
	}
	return out
}

func describe(s *state.Stored) string {
	return fmt.Sprintf("v%d of %s/%s", s.Payload.Deployment+1, s.Payload.Stack, s.Payload.Environment)
}
