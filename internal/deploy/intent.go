package deploy

import (
	"encoding/json"
	"slices"

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

// intents are what the claim writes: those of interrupted runs, and everything that this plan is about to create or delete.
func (u *run) intents(held *session.Session) []state.Intent {
	out := slices.Clone(intentsOf(held.State()))
	known := map[string]bool{}
	for _, i := range out {
		known[i.Resource+" "+string(i.Action)] = true
	}
	actions := map[plan.Action]state.Action{plan.Create: state.Create, plan.Adopt: state.Create, plan.Replace: state.Replace, plan.Delete: state.Delete}
	ids := u.awsIDs()
	searches := map[string]json.RawMessage{}
	for _, raw := range u.creates {
		searches[engine.IntentResource(raw)] = raw
	}
	for _, c := range u.plan.Components {
		for _, ch := range c.Changes {
			action, counts := actions[ch.Action]
			if !counts || known[ch.Resource+" "+string(action)] {
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

// intended are the resources that an interrupted run was about to create: an object of their name is ours, tagged or not. searches is what
// the engine looks for them with.
func intended(intents []state.Intent) (adopt map[string]bool, searches []json.RawMessage) {
	adopt = map[string]bool{}
	for _, i := range intents {
		if i.Action == state.Create || i.Action == state.Replace {
			adopt[i.Resource] = true
			if len(i.Engine) > 0 {
				searches = append(searches, i.Engine)
			}
		}
	}
	return adopt, searches
}

// unresolved are the intents that stay after a run: creates of interrupted runs that this run did not come across. A takeover never
// discards one.
func unresolved(intents []state.Intent, earlier map[string]bool, engineState []byte) []state.Intent {
	have := map[string]bool{}
	resources, err := engine.Resources(engineState)
	if err != nil {
		return intents
	}
	for _, r := range resources {
		have[r.ID] = true
	}
	var out []state.Intent
	for _, i := range intents {
		if earlier[i.Resource] && i.Action == state.Create && !have[i.Resource] {
			out = append(out, i)
		}
	}
	return out
}
