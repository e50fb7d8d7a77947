package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/state"
)

// stale is the error for a plan that does not fit any more.
func (s *Saved) stale(b *backend.Backend, format string, args ...any) *diag.Diagnostic {
	return diag.New(diag.Conflict, "Plan is stale", fmt.Sprintf(format, args...)+" Nothing was changed.",
		"Make a new plan and approve it: "+s.again(b))
}

// again is the command that makes such a plan.
func (s *Saved) again(b *backend.Backend) string {
	words := []string{"--out", "FILE"}
	for _, target := range s.plan.Targets {
		words = append(words, "--target", target)
	}
	for _, address := range s.plan.AllowDataLoss {
		words = append(words, "--allow-data-loss", address)
	}
	if s.plan.Refresh {
		words = append(words, "--refresh")
	}
	return b.CommandLine(s.Key, "plan", words...)
}

// fits returns an error if the state is not the one that the plan was made from.
func (s *Saved) fits(b *backend.Backend, e *state.Envelope) error {
	was := s.plan.State
	switch {
	case e == nil && was.Serial == 0:
		return nil
	case e == nil:
		return s.stale(b, "The plan was made from v%d of %s, and now there is no state.", was.Deployment, s.Key)
	}
	is := envelopeState(e)
	is.Deployment = was.Deployment
	if is == was {
		return nil
	}
	payload, err := e.Decode()
	if err != nil {
		return err
	}
	from := "when nothing was deployed"
	if was.Serial > 0 {
		from = fmt.Sprintf("from v%d (serial %d of the state)", was.Deployment, was.Serial)
	}
	return s.stale(b, "The plan was made %s. Since then %s changed the state at %s: it is v%d (serial %d).", from,
		payload.Who, payload.At.UTC().Format("2006-01-02 15:04:05 UTC"), payload.Deployment, is.Serial)
}

// same returns an error if a plan made now differs from the saved one: AWS has changed meanwhile.
func (s *Saved) same(b *backend.Backend, now *plan.Plan) error {
	if state.Same(s.plan.Changes, changesOf(now)) {
		return nil
	}
	was, is := map[string][]byte{}, map[string][]byte{}
	for _, side := range []struct {
		list []approvedComponent
		into map[string][]byte
	}{{s.plan.Changes, was}, {changesOf(now), is}} {
		for _, c := range side.list {
			for _, ch := range c.Changes {
				side.into[ch.Resource], _ = json.Marshal(ch) // it was marshalled before
			}
		}
	}
	differs := map[string]bool{}
	for id := range was {
		differs[id] = !bytes.Equal(was[id], is[id])
	}
	for id := range is {
		differs[id] = !bytes.Equal(was[id], is[id])
	}
	maps.DeleteFunc(differs, func(_ string, yes bool) bool { return !yes })
	return s.stale(b, "The objects in AWS have changed since the plan was made: an apply would now change %s in "+
		"another way.",
		some(slices.Sorted(maps.Keys(differs)), 5))
}

// ApplySaved applies a saved plan: exactly what it shows, or nothing. It reads no manifests.
func ApplySaved(ctx context.Context, b *backend.Backend, s *Saved, req Request) (*Applied, error) {
	p := &s.plan
	req.Key, req.Targets, req.AllowDataLoss, req.Refresh = s.Key, p.Targets, p.AllowDataLoss, p.Refresh
	if p.Deployer != b.World.Version {
		return nil, diag.New(diag.Invalid, "Plan of another version",
			fmt.Sprintf("The plan was made by deployer %s, and this is %s. Nothing was changed.", p.Deployer,
				b.World.Version),
			"Apply it with the version that made it, or make a new plan and approve it: "+s.again(b))
	}
	// The state of a first deployment does not exist in any backend, so nothing else would tell them apart.
	if here := backendOf(b); p.Backend != here {
		return nil, diag.New(diag.Invalid, "Plan of another backend",
			fmt.Sprintf("The plan is for a state in %s, and the configuration here says %s. Nothing was changed.",
				p.Backend, here),
			"Apply it with the same backend; `deployer config show --origin` shows where this one is configured. With "+
				"--backend-bucket and --lock-table no configuration file is needed.")
	}
	stack := s.stack()
	graph, problems := component.Expand(registry(), stack.Instances())
	if graph == nil {
		return nil, diagnose(stack, problems).Err()
	}
	where, err := b.PlaceBeside(ctx, p.Region, func(w *backend.Place) {
		w.Survey = beginSurvey(context.WithoutCancel(ctx), b, *w, s.Key)
	})
	switch {
	case err != nil:
		return nil, err
	case where.Account != p.Account:
		return nil, diag.New(diag.Invalid, "Plan of another account",
			fmt.Sprintf("The plan is for the AWS account %s, and the credentials in use belong to %s. Nothing was "+
				"changed.", p.Account, where.Account),
			"Apply it with credentials of the account "+p.Account+".")
	}
	held, err := b.Hold(ctx, req.lock(), where, s.lineageWanted())
	if err != nil {
		return nil, err
	}
	if err := s.fits(b, held.State()); err != nil {
		return nil, backend.Closing(held, err)
	}
	u := newRun(b, stack, graph, where, req)
	u.approved, u.frozen = s, p.Lookups
	return u.under(held, warnings(b, s.Key, held.State() != nil))
}

// lineageWanted is the lineage of a state that does not exist yet; "" when the plan was made from a state, whose
// lineage fits compares.
func (s *Saved) lineageWanted() string {
	if s.plan.State.Serial > 0 {
		return ""
	}
	return s.lineage
}

// some lists the first names.
func some(names []string, most int) string {
	if more := len(names) - most; more > 1 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
