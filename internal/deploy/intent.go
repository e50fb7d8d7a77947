package deploy

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

func intentsOf(e *state.Envelope) []state.Intent {
	if e == nil {
		return nil
	}
	return e.Intents
}

// intents are what the claim writes: those of interrupted runs, and everything that this plan is about to change.
func (u *run) intents(held *session.Session) []state.Intent {
	out := suspects(intentsOf(held.State()), held.Lock().Now())
	known := map[string]bool{}
	same := func(resource string, action state.Action, search json.RawMessage) string {
		return resource + " " + string(action) + " " + string(search)
	}
	for _, i := range out {
		known[same(i.Resource, i.Action, i.Engine)] = true
	}
	actions := map[plan.Action]state.Action{plan.Create: state.Create, plan.Adopt: state.Create, plan.Update: state.Update, plan.Replace: state.Replace, plan.Delete: state.Delete}
	ids := u.awsIDs()
	searches := map[string]json.RawMessage{}
	for _, raw := range u.creates {
		searches[engine.IntentResource(raw)] = raw
	}
	for _, c := range u.plan.Components {
		for _, ch := range c.Changes {
			action, counts := actions[ch.Action]
			if !counts || known[same(ch.Resource, action, searches[ch.Resource])] {
				continue
			}
			out = append(out, state.Intent{
				Resource: ch.Resource, Type: ch.Type, Action: action, ID: ids[ch.Resource],
				OpID: held.Lock().ID(), At: held.Lock().Now(), Engine: searches[ch.Resource],
			})
		}
	}
	return out
}

// awsIDs are what AWS calls the objects of the state.
func (u *run) awsIDs() map[string]string {
	out := map[string]string{}
	resources, err := engine.Resources(u.engine)
	if err != nil {
		return out // preview has read the same bytes
	}
	for _, r := range resources {
		out[r.ID] = r.AWSID
	}
	return out
}

// intended are the resources that an interrupted run was about to create: an object of their name is looked for first. searches is what
// the engine looks for them with. unsure are those that it was about to change or delete.
func intended(intents []state.Intent) (adopt map[string]bool, searches []json.RawMessage, unsure []string) {
	adopt = map[string]bool{}
	for _, i := range intents {
		if i.Action != state.Create && !slices.Contains(unsure, i.Resource) {
			unsure = append(unsure, i.Resource)
		}
		if i.Action == state.Create || i.Action == state.Replace {
			adopt[i.Resource] = true
			if len(i.Engine) > 0 {
				searches = append(searches, i.Engine)
			}
		}
	}
	return adopt, searches, unsure
}

// suspicion is how long an object may still turn up after it was looked for and not found: a request that was signed before the run died
// can land as long as its signature is valid.
const suspicion = 15 * time.Minute

// interrupted reports whether a run died and nobody has looked since for what it left behind.
func interrupted(intents []state.Intent) bool {
	return slices.ContainsFunc(intents, func(i state.Intent) bool { return i.Suspect.IsZero() })
}

// suspects are the intents that still count at that time: those nobody looked for, and those that may still turn up.
func suspects(intents []state.Intent, now time.Time) []state.Intent {
	return slices.DeleteFunc(slices.Clone(intents), func(i state.Intent) bool { return !i.Suspect.IsZero() && now.After(i.Suspect) })
}

// unresolved are the intents that stay after a run: creations of runs before it whose objects it did not come across. A takeover never
// discards one at once. runErr is how the run ended.
func unresolved(intents []state.Intent, run string, engineState []byte, runErr error, now time.Time) []state.Intent {
	resources, err := engine.Resources(engineState)
	if err != nil {
		return intents
	}
	have := map[string]bool{}
	for _, r := range resources {
		have[r.ID] = true
	}
	var stopped *engine.StoppedError
	unseen := errors.As(runErr, &stopped) // it may not have come to looking
	var out []state.Intent
	for _, i := range suspects(intents, now) {
		looked := !unseen && (i.Action == state.Update || i.Action == state.Delete)
		made := have[i.Resource] && (i.Action == state.Create || i.Action == state.Replace && runErr == nil)
		if i.OpID == run || looked || made {
			continue
		}
		if i.Suspect.IsZero() && !unseen {
			i.Suspect = now.Add(suspicion)
		}
		out = append(out, i)
	}
	return out
}
