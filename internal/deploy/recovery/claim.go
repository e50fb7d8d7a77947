package recovery

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/state"
)

// Operation is the run that claims the state.
type Operation struct {
	ID    string
	At    time.Time
	Token func() string // makes one
}

// Claim returns the intents that the claim writes: those of interrupted runs, from the state, and one for each planned
// change. creates are the engine's search documents for creations. The tokens of all creations become those of the
// base.
func (b *Base) Claim(left []state.Intent, p *plan.Plan, creates []json.RawMessage, by Operation) []state.Intent {
	out := slices.Clone(left)
	known := map[string]state.Intent{}
	same := func(resource string, action state.Action, search json.RawMessage) string {
		return resource + " " + string(action) + " " + string(search)
	}
	for _, i := range out {
		known[same(i.Resource, i.Action, i.Engine)] = i
	}
	b.Tokens = tokensOf(out)
	actions := map[plan.Action]state.Action{
		plan.Create: state.Create, plan.Adopt: state.Create,
		plan.Update: state.Update, plan.Replace: state.Replace, plan.Delete: state.Delete,
	}
	ids := awsIDs(b.Engine)
	searches := map[string]json.RawMessage{}
	for _, raw := range creates {
		searches[engine.IntentResource(raw)] = raw
	}
	for _, c := range p.Components {
		for _, ch := range c.Changes {
			action, counts := actions[ch.Action]
			if !counts {
				continue
			}
			intent, repeated := known[same(ch.Resource, action, searches[ch.Resource])]
			if !repeated {
				intent = state.Intent{
					Resource: ch.Resource, Type: ch.Type, Action: action, ID: ids[ch.Resource],
					OpID: by.ID, At: by.At, Engine: searches[ch.Resource],
				}
				if intent.Creates() {
					intent.Token = by.Token()
				}
				out = append(out, intent)
			}
			if intent.Creates() {
				b.Tokens[ch.Resource] = intent.Token
			}
		}
	}
	return out
}

// awsIDs returns the AWS IDs of the objects in the state.
func awsIDs(engineState []byte) map[string]string {
	out := map[string]string{}
	resources, err := engine.Resources(engineState)
	if err != nil {
		return out // preview has read the same bytes
	}
	for _, r := range resources {
		out[r.ID] = r.AWSID
	}
	return out
}
