package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// request prepares a call of a behaviour, all but Inputs and Adopt.
func (r *run) request(
	urn sdk.URN, action plan.Action, awsID string, inputs, oldInputs, oldOutputs value.Value,
) (resource.Request, resource.Behaviour, error) {
	typ, _ := typeOf(urn.Type())
	id := urn.Name()
	behaviour, err := r.o.Catalog.Behaviour(typ)
	if err != nil {
		return resource.Request{}, nil, err
	}
	call := resource.Request{
		Resource: id, Type: typ, ID: awsID,
		Old:    resource.State{ID: awsID, Inputs: oldInputs, Outputs: oldOutputs},
		Token:  token(r.o.token(id), urn, action, awsID, inputs),
		Former: r.o.Former, Begun: slices.Contains(r.o.Uncertain, id),
		InState: func(other string) bool { return r.ledger.owns(string(urn.Type()), other) },
		Others:  func() []resource.Other { return r.others(urn, sdk.ID(awsID)) },
		Progress: func(line string) {
			r.tell(plan.Event{Kind: plan.Progress, Resource: id, Type: typ, Action: action, Text: r.redact(urn, line)})
		},
	}
	if r.o.Tags != nil {
		call.Tags = r.o.Tags(resource.ComponentOf(id))
	}
	if r.o.Renamed != nil {
		call.Before = r.o.Renamed(resource.ComponentOf(id))
	}
	if old := r.state.live[urn]; old != nil && wasMoved(old.state) {
		// its tags have that address, whatever its first address was
		call.Before = strings.TrimPrefix(old.state.InitErrors[0], movedFrom)
	}
	return call, behaviour, nil
}

// calling returns the context of a step's calls. It reports their waits as news of that step, and remembers what they
// may have changed.
func (r *run) calling(urn sdk.URN, call resource.Request) context.Context {
	ctx, effects := resource.WithEffects(resource.WithTell(r.o.hard(), call.Progress))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.effects[urn] = effects
	return ctx
}

// token is equal for every repetition of one intent (same action, resource, object and properties) and differs for all
// other intents. A resource that was deleted and is created again has another intent: AWS may answer a known token with
// a deleted object.
func token(intent string, urn sdk.URN, action plan.Action, awsID string, inputs value.Value) string {
	doc, err := json.Marshal(inputs.Interface()) // map keys come out sorted
	if err != nil {
		panic(err) // known data
	}
	h := sha256.New()
	for _, part := range []string{intent, string(urn), string(action), awsID, string(doc)} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// outcome converts what Create and Update returned. A *resource.PartialError becomes the engine's init error: the
// object is recorded as it really is, the step counts as failed, and the next run tries again.
func (r *run) outcome(
	urn sdk.URN, b resource.Behaviour, old value.Value, state resource.State, err error,
) (sdk.PropertyMap, sdk.Status, error) {
	status := sdk.StatusOK
	var partial *resource.PartialError
	switch {
	case errors.As(err, &partial):
		state, status = partial.State, sdk.StatusPartialFailure
	case err != nil:
		return nil, sdk.StatusOK, err
	}
	if is := r.reseal(urn, state.Inputs, old); !is.IsNull() {
		r.mu.Lock()
		r.actual[urn] = is
		r.mu.Unlock()
	}
	return versioned(properties(state.Outputs), b.Definition()), status, err
}

// explain remembers a step's error as the behaviour returned it, and gives the engine an error that it understands.
func (r *run) explain(urn sdk.URN, err *error) {
	if *err == nil {
		return
	}
	*err = r.redacted(urn, *err)
	r.mu.Lock()
	r.causes[urn] = *err
	r.mu.Unlock()
	if partial := (*resource.PartialError)(nil); errors.As(*err, &partial) {
		reasons := []string{clean(partial.Error())}
		if r.stopped(*err) { // the run did not wait for the end
			reasons = append(reasons, stoppedMeanwhile)
		}
		*err = &plugin.InitError{Reasons: reasons}
	}
}

// stoppedMeanwhile is added to the reasons why an object is not as wanted: it may still become so.
const stoppedMeanwhile = "The run was stopped."

// wants returns what the source offered for a resource.
func (r *run) wants(urn sdk.URN) wanted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted[urn]
}
