package resource

import (
	"context"
	"sync/atomic"
)

// Effects counts what the AWS calls of one step may have changed. The engine gives each step one, in the context of the
// behaviour's calls, and whoever sends the calls reports to it. After a failure it tells whether the step may have
// changed something all the same: an answer may be lost and the repetition refused, or the second of two calls may
// fail.
type Effects struct{ calls, doubts atomic.Int64 }

type effectsKey struct{}

// WithEffects returns a context whose calls report to the Effects that it returns.
func WithEffects(ctx context.Context) (context.Context, *Effects) {
	e := &Effects{}
	return context.WithValue(ctx, effectsKey{}, e), e
}

// EffectsOf returns where calls under that context report to; nil, whose methods do nothing, when nobody wants to know.
func EffectsOf(ctx context.Context) *Effects {
	e, _ := ctx.Value(effectsKey{}).(*Effects)
	return e
}

// Call reports a call, whether it changes anything or not, before it is sent.
func (e *Effects) Call() {
	if e != nil {
		e.calls.Add(1)
	}
}

// Sent reports the end of one attempt of a call that changes something. refused: AWS answered that it did nothing, or
// the attempt never left.
func (e *Effects) Sent(refused bool) {
	if e != nil && !refused {
		e.doubts.Add(1)
	}
}

// None reports whether the step is sure to have changed nothing: every attempt of every call that changes something was
// refused. A step whose calls nobody reported is not sure of that.
func (e *Effects) None() bool { return e != nil && e.calls.Load() > 0 && e.doubts.Load() == 0 }
