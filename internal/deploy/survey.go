package deploy

import (
	"context"
	"slices"
	"time"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// surveyTime is how long a plan waits for the answers of a survey. An object without an answer by then counts as not
// asked: a plan without it is better than none.
const surveyTime = 30 * time.Second

// beginSurvey asks AWS's tag index for the objects of a stack in an environment. It needs no state.
func beginSurvey(ctx context.Context, b *backend.Backend, where backend.Place, key state.Key) *resource.Survey {
	if b.World.Blind {
		return nil
	}
	return b.World.Types(where.Reading()).Survey(ctx,
		map[string]string{resource.TagStack: key.Stack, resource.TagEnvironment: key.Environment})
}

// look asks AWS about all objects of the state, or those of the targets, while the plan is made. The returned function
// waits for the answers. Nil: there is nothing to ask about, or nobody to ask.
func (u *run) look(ctx context.Context, o engine.Options) func() []resource.Finding {
	survey := u.where.Survey
	if survey == nil || len(u.Engine) == 0 {
		return nil
	}
	survey.Renamed = o.Renamed
	objects, err := surveyed(u.Engine, o.Targets, u.Unsure)
	if err != nil || len(objects) == 0 {
		return nil // the plan says what is wrong with the state
	}
	answer := make(chan []resource.Finding, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, surveyTime)
		defer cancel()
		answer <- survey.Look(ctx, objects, o.Tags)
	}()
	return func() []resource.Finding { return <-answer }
}

// surveyed returns the objects of a state that should exist. begun are those that an interrupted run was about to
// change.
func surveyed(engineState []byte, targets, begun []string) ([]resource.Object, error) {
	stored, err := engine.Resources(engineState)
	if err != nil {
		return nil, err
	}
	var out []resource.Object
	for _, s := range stored {
		if s.Deleting || s.Replacing || len(targets) > 0 && !slices.Contains(targets, s.ID) {
			continue
		}
		out = append(out, resource.Object{
			Resource: s.ID, Type: s.Type,
			State: resource.State{ID: s.AWSID, Inputs: s.Inputs, Outputs: s.Outputs}, Before: s.MovedFrom,
			Begun: slices.Contains(begun, s.ID),
		})
	}
	return out, nil
}

// confirm reads the objects that a survey suspects, corrects the findings, and updates the state. It returns which
// resources were changed or deleted outside of deployer. planned is the error of the plan so far; it stays if nothing
// is confirmed.
func (u *run) confirm(
	ctx context.Context, o engine.Options, findings []resource.Finding, planned error,
) (map[string]bool, error) {
	suspects := map[string]*resource.Finding{}
	o.Targets, o.SecondLook = nil, engine.UsualSecondLook
	for i := range findings {
		if f := &findings[i]; f.Presence == resource.Missing || f.Presence == resource.Differs {
			suspects[f.Resource] = f
			o.Targets = append(o.Targets, f.Resource)
		}
	}
	if len(suspects) == 0 {
		return nil, planned
	}
	u.req.Progress(plan.Event{Kind: plan.Phase, Text: "Reading the objects that seem to have changed in AWS"})
	refreshed, _ := engine.Refresh(ctx, u.Engine, o) // what could not be read is listed
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if refreshed == nil {
		return nil, planned
	}
	for _, f := range suspects {
		f.Presence, f.Why, f.Compared = resource.There, "", true
	}
	for _, failed := range refreshed.Failed {
		if f := suspects[failed.Resource]; f != nil {
			f.Presence, f.Why, f.Compared = resource.Unasked, resource.Unanswered(failed.Err), false
		}
	}
	outside := map[string]bool{}
	u.drift = driftOf(refreshed)
	for _, d := range refreshed.Drift {
		if f := suspects[d.Resource]; f != nil {
			f.Presence, outside[d.Resource] = resource.Differs, true
			if d.Gone {
				f.Presence = resource.Missing
			}
		}
	}
	if len(outside) == 0 {
		return nil, planned
	}
	u.Engine, u.reread = refreshed.State, true
	return outside, nil
}

// driftOf is what somebody else has changed.
func driftOf(r *engine.Refreshed) []plan.Drift {
	var out []plan.Drift
	for _, d := range r.Drift {
		out = append(out, plan.Drift{Resource: d.Resource, Gone: d.Gone, Properties: d.Properties})
	}
	return out
}

// refresh reads all objects of the state.
func (u *run) refresh(ctx context.Context, o engine.Options) (*plan.Survey, map[string]bool, error) {
	o.Targets, o.SecondLook = u.only, engine.UsualSecondLook
	refreshed, err := engine.Refresh(ctx, u.Engine, o)
	if err != nil {
		return nil, nil, err
	}
	objects, err := surveyed(u.Engine, u.only, u.Unsure)
	if err != nil {
		return nil, nil, err
	}
	found := map[string]resource.Presence{}
	outside := map[string]bool{}
	for _, d := range refreshed.Drift {
		found[d.Resource], outside[d.Resource] = resource.Differs, true
		if d.Gone {
			found[d.Resource] = resource.Missing
		}
	}
	findings := make([]resource.Finding, len(objects))
	for i, object := range objects {
		findings[i] = resource.Finding{
			Resource: object.Resource, Type: object.Type, Presence: resource.There,
			Compared: true,
		}
		if p, differs := found[object.Resource]; differs {
			findings[i].Presence = p
		}
	}
	u.Engine, u.reread, u.drift = refreshed.State, refreshed.Changed, driftOf(refreshed)
	return resource.Sum(findings), outside, nil
}
