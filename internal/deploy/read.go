package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

// Read returns what the state says; it is an error when there is none.
func (r *Road) Read(ctx context.Context, key state.Key) (*Stored, error) {
	s, err := r.read(ctx, key)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, r.nothing(ctx, key)
	}
	s.Resources, err = engine.Resources(s.Payload.Engine)
	return s, err
}

// nothing is the error of a command that needs a state where there is none: it was never deployed, or its state is missing or elsewhere.
func (r *Road) nothing(ctx context.Context, key state.Key) error {
	if _, err := r.leftBehind(ctx, key); err != nil { // who may not ask AWS hears only what the history says
		return err
	}
	d := diag.New(diag.Invalid, "Nothing deployed", fmt.Sprintf("There is no state of %s in %s.", key, r.backend.Location()), "Deploy it first: deployer apply --stack "+key.Stack+" -e "+key.Environment)
	d.Cause = &NothingError{key}
	return d
}

// NothingError says that a stack has no state in an environment.
type NothingError struct{ Key state.Key }

func (e *NothingError) Error() string { return e.Key.String() + " has no state" }

// read gets the state; nil when there is none.
func (r *Road) read(ctx context.Context, key state.Key) (*Stored, error) {
	snapshot, err := r.backend.Store(key).Get(ctx)
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, r.healing(ctx, key, err)
	}
	s, err := decode(key, snapshot.Envelope)
	if err != nil {
		return nil, r.healing(ctx, key, err)
	}
	s.Snapshot = snapshot
	return s, nil
}

// ForeignError says that a state is that of another stack or environment.
type ForeignError struct{ Found state.Key }

func (e *ForeignError) Error() string { return "it is the state of " + e.Found.String() }

// decode reads the payload of a state; nil when there is none.
func decode(key state.Key, e *state.Envelope) (*Stored, error) {
	if e == nil {
		return nil, nil
	}
	payload, err := e.Decode()
	if err != nil {
		return nil, err
	}
	if payload.Stack != key.Stack || payload.Environment != key.Environment {
		d := diag.New(diag.Conflict, "Foreign state",
			fmt.Sprintf("Where the state of %s should be lies that of %s/%s: somebody copied it there.", key, payload.Stack, payload.Environment), "Bring back the right version: deployer state restore")
		d.Cause = &ForeignError{state.Key{Stack: payload.Stack, Environment: payload.Environment}}
		return nil, d
	}
	return &Stored{Snapshot: &state.Snapshot{Envelope: e}, Payload: payload}, nil
}

func lineageOf(s *Stored, newID func() string) string {
	if s == nil {
		return newID()
	}
	return s.Snapshot.Envelope.Lineage
}

// warnings are what a person should know before reading a plan.
func (r *Road) warnings(key state.Key, deployed bool) diag.List {
	var out diag.List
	if !deployed && r.forgotten(key) {
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "There is a local state, too",
			Detail: fmt.Sprintf("%s was deployed with state on this machine, which %s does not know: what it made would be made again, or its names are taken.", key, r.backend.Location()),
			Next:   "Bring it over first:\n" + r.commandLine(key, "state push", r.localState(key)),
		})
	}
	if r.world.Settings.Backend.Type != "s3" {
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Invalid, Summary: "State is local",
			Detail: "State and locks are kept in " + r.backend.Location() + " on this machine; nobody else sees them.",
			Next:   "For a team: deployer init, then deployer backend create.",
		})
	}
	return out
}

// unfinished says of a state that a run is under way or died.
func (r *Road) unfinished(stored *Stored) diag.List {
	var out diag.List
	switch {
	case stored == nil:
	case stored.Payload.Status != state.InProgress && interrupted(stored.Snapshot.Envelope.Intents):
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "State is not certain",
			Detail: "An earlier state was put back, or a run was stopped before it had looked at everything. This plan starts from what AWS has, and so will the next apply.",
		})
	case stored.Payload.Status == state.InProgress:
		out.Add(&diag.Diagnostic{
			Severity: diag.Warning, Code: diag.Conflict, Summary: "A run is under way or was interrupted",
			Detail: fmt.Sprintf("%s, started by %s, has not finished. If it died, the next apply first picks up what it left behind.", r.describe(stored), stored.Payload.Who),
		})
	}
	return out
}

// localState is where the state of a key lies when it is kept on this machine.
func (r *Road) localState(key state.Key) string {
	return filepath.Join(folder(r.world), filepath.FromSlash(key.Path()), "state.json")
}

// forgotten reports whether a state on this machine is out of sight because a bucket is configured now.
func (r *Road) forgotten(key state.Key) bool {
	if r.world.Settings.Backend.Type != "s3" || r.world.Root == "" {
		return false
	}
	_, err := os.Stat(r.localState(key))
	return err == nil
}

func (r *Road) describe(s *Stored) string {
	return fmt.Sprintf("v%d of %s/%s", s.Payload.Deployment+1, s.Payload.Stack, s.Payload.Environment)
}

// derive writes the copy of a state that the stock pulumi CLI opens.
func derive(ctx context.Context, store state.Store, key state.Key, engineState []byte) error {
	if len(engineState) == 0 {
		return nil
	}
	files, err := engine.DIY(engineState, key.Stack, key.Environment)
	if err != nil {
		return err
	}
	var all errgroup.Group
	for name, body := range files {
		all.Go(func() error { return store.PutDerived(ctx, name, body) })
	}
	return all.Wait()
}
