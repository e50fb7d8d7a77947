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
			Severity: diag.Warning, Code: diag.Conflict, Summary: "There is a local state, too",
			Detail: fmt.Sprintf("%s was deployed with state on this machine, which %s does not know: what it made "+
				"would be made again, or its names are taken.", key, b.Location()),
			Next: "Bring it over first:\n" + b.CommandLine(key, "state push", b.LocalState(key)),
		})
	}
	if b.World.Settings.Backend.Type != "s3" {
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Invalid, Summary: "State is local",
			Detail: "State and locks are kept in " + b.Location() + " on this machine; nobody else sees them.",
			Next:   "For a team: deployer init, then deployer backend create.",
		})
	}
	return out
}

// unfinished says that a run of this state is in progress or died.
func unfinished(b *backend.Backend, stored *state.Stored) diag.List {
	var out diag.List
	switch {
	case stored == nil:
	case stored.Payload.Status != state.InProgress && recovery.Interrupted(stored.Snapshot.Envelope.Intents):
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "State is not certain",
			Detail: "An earlier state was put back, or a run was stopped before it had looked at everything. This " +
				"plan starts from what AWS has, and so will the next apply.",
		})
	case stored.Payload.Status == state.InProgress:
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "A run is under way or was interrupted",
			Detail: fmt.Sprintf("%s, started by %s, has not finished. If it died, the next apply first picks up what "+
				"it left behind.", describe(stored), stored.Payload.Who),
		})
	}
	return out
}

func describe(s *state.Stored) string {
	return fmt.Sprintf("v%d of %s/%s", s.Payload.Deployment+1, s.Payload.Stack, s.Payload.Environment)
}
