package recovery

import (
	"encoding/json"
	"slices"

	"github.com/company/deployer/internal/state"
)

// IntentsOf are the intents of a state; none where there is no state.
func IntentsOf(e *state.Envelope) []state.Intent {
	if e == nil {
		return nil
	}
	return e.Intents
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

// intended returns the resources that an interrupted run was about to create: an object of their name is looked for
// first. searches are the engine's search documents for them. unsure are those that it was about to change or delete.
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

// Interrupted reports whether a run was interrupted and no later run has looked for what it.
func Interrupted(intents []state.Intent) bool {
	return slices.ContainsFunc(intents, func(i state.Intent) bool { return i.Suspect.IsZero() })
}

// Merged joins lists of intents, each intent once. None is lost.
func Merged(lists ...[]state.Intent) []state.Intent {
	var out []state.Intent
	for _, i := range slices.Concat(lists...) {
		same := func(o state.Intent) bool {
			return o.Resource == i.Resource && o.Action == i.Action && o.ID == i.ID &&
				string(o.Engine) == string(i.Engine)
		}
		if at := slices.IndexFunc(out, same); at < 0 {
			out = append(out, i)
		} else if i.Suspect.IsZero() {
			out[at].Suspect = i.Suspect // the one that nobody looked for counts
		}
	}
	return out
}
