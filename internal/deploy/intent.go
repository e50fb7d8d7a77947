package deploy

import (
	"bytes"
	"encoding/json"
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
func (u *run) intents(held *session.Session) ([]state.Intent, error) {
	out, err := renamedIntents(intentsOf(held.State()), u.moved)
	if err != nil {
		return nil, err
	}
	known := map[string]state.Intent{}
	same := func(resource string, action state.Action, search json.RawMessage) string {
		return resource + " " + string(action) + " " + string(search)
	}
	for _, i := range out {
		known[same(i.Resource, i.Action, i.Engine)] = i
	}
	u.tokens = tokensOf(out)
	actions := map[plan.Action]state.Action{plan.Create: state.Create, plan.Adopt: state.Create, plan.Update: state.Update, plan.Replace: state.Replace, plan.Delete: state.Delete}
	ids := u.awsIDs()
	searches := map[string]json.RawMessage{}
	for _, raw := range u.creates {
		searches[engine.IntentResource(raw)] = raw
	}
	for _, c := range u.plan.Components {
		for _, ch := range c.Changes {
			action, counts := actions[ch.Action]
			if !counts {
				continue
			}
			intent, repeated := known[same(ch.Resource, action, searches[ch.Resource])]
			if !repeated {
				intent = state.Intent{
					Resource: ch.Resource, Type: ch.Type, Action: action, ID: ids[ch.Resource],
					OpID: held.Lock().ID(), At: held.Lock().Now(), Engine: searches[ch.Resource],
				}
				if intent.Creates() {
					intent.Token = u.road.newID()
				}
				out = append(out, intent)
			}
			if intent.Creates() {
				u.tokens[ch.Resource] = intent.Token
			}
		}
	}
	return out, nil
}

// tokensOf are the tokens of the newest intents to create, by resource ID.
func tokensOf(intents []state.Intent) map[string]string {
	out := map[string]string{}
	for _, i := range intents {
		if i.Creates() {
			out[i.Resource] = i.Token
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
		if i.Creates() {
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

// unresolved are the intents that stay after a run, whose state now is that of result. Those of earlier runs stay until somebody has looked:
// a creation that was not found is suspect, and stays until it is looked for once more after its time. Of this run stay those whose steps have
// not told what became of them.
func (u *run) unresolved(intents []state.Intent, run string, result *engine.Result, runErr error) []state.Intent {
	resources, err := engine.Resources(result.State)
	if err != nil {
		return intents
	}
	pending, err := engine.Pending(result.State)
	if err != nil {
		return intents
	}
	have := map[string]engine.StoredResource{}
	for _, r := range resources {
		if !r.Deleting && !r.Replacing {
			have[r.ID] = r
		}
	}
	var out []state.Intent
	for _, i := range intents {
		is, there := have[i.Resource]
		made := there && engine.Made(i.Engine, is) && (i.Action == state.Create || i.Action == state.Replace && runErr == nil)
		looked := result.Looked[i.Resource]
		switch {
		case i.OpID == run, made, looked && !i.Creates():
			continue
		case looked && i.Suspect.IsZero():
			i.Suspect = u.road.locker.Now().Add(suspicion)
		case looked && u.began.After(i.Suspect):
			continue
		}
		out = append(out, i)
	}
	for _, p := range pending {
		i := state.Intent{Resource: p.Resource, Type: p.Type, Action: state.Action(p.Action), OpID: run, At: u.began, Engine: p.Intent}
		if i.Creates() {
			i.Token = u.tokens[p.Resource]
		}
		known := func(o state.Intent) bool {
			return o.Resource == i.Resource && (o.Action == i.Action || o.Creates() && i.Creates()) && (len(i.Engine) == 0 || bytes.Equal(o.Engine, i.Engine))
		}
		if !slices.ContainsFunc(out, known) {
			out = append(out, i)
		}
	}
	return out
}
