package recovery

import (
	"slices"
	"time"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

// Suspicion is how long an object may still appear after a look did not find it: a request that was signed before the
// run died can land as long as its signature is valid.
const Suspicion = 15 * time.Minute

// Ended is a run that has ended.
type Ended struct {
	ID     string // of its operation
	Result *engine.Result
	Failed bool
	Began  time.Time // when it looked at what interrupted runs had left
	Now    time.Time
}

// Unresolved returns the intents that stay after a run, whose state now is that of result. Intents of earlier runs stay
// until a run has looked. A creation that was not found becomes suspect and stays until a look after its time. Intents
// of this run stay if their steps did not report an end.
func (b *Base) Unresolved(intents []state.Intent, run Ended) []state.Intent {
	result := run.Result
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
		made := there && engine.Made(i.Engine, is) &&
			(i.Action == state.Create || i.Action == state.Replace && !run.Failed)
		looked := result.Looked[i.Resource]
		switch {
		case i.OpID == run.ID, made, looked && !i.Creates():
			continue
		case looked && i.Suspect.IsZero():
			i.Suspect = run.Now.Add(Suspicion)
		case looked && run.Began.After(i.Suspect):
			continue
		}
		out = append(out, i)
	}
	for _, p := range pending {
		i := state.Intent{
			Resource: p.Resource, Type: p.Type, Action: state.Action(p.Action), OpID: run.ID,
			At: run.Began, Engine: p.Intent,
		}
		if i.Creates() {
			i.Token = b.Tokens[p.Resource]
		}
		known := func(o state.Intent) bool {
			return o.Resource == i.Resource && (o.Action == i.Action || o.Creates() && i.Creates()) &&
				(len(i.Engine) == 0 || engine.SameIntent(o.Engine, i.Engine))
		}
		if !slices.ContainsFunc(out, known) {
			out = append(out, i)
		}
	}
	return out
}
