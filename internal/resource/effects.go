package resource

import (
	"context"
	"sync/atomic"
)

// Effects counts what the AWS calls of one step may have changed. The engine puts one Effects per step into the context
// of the behaviour's calls. The sender of the calls reports to it. After a failure it tells whether the step may have
// changed something: an answer may be lost and its repetition refused, or the second of two calls may fail.
type Effects struct{ calls, doubts atomic.Int64 }

type effectsKey struct{}

// WithEffects returns a context whose calls report to the Effects that it returns.
func WithEffects(ctx context.Context) (context.Context, *Effects) {
	e := &Effects{}
	return context.WithValue(ctx, effectsKey{}, e), e
}

// EffectsOf returns the Effects of a context; nil if there is none. The methods of a nil Effects do nothing.
func EffectsOf(ctx context.Context) *Effects {
	e, _ := ctx.Value(effectsKey{}).(*Effects)
	return e
}

// Call reports a call before it is sent, whether it changes anything or not.
func (e *Effects) Call() {
	if e != nil {
		e.calls.Add(1)
	}
}

// Sent reports the end of one attempt of a mutating call. refused: AWS answered that it did nothing, or the attempt was
// never sent.
func (e *Effects) Sent(refused bool) {
	if e != nil && !refused {
		e.doubts.Add(1)
	}
}

// None reports whether the step surely changed nothing: every attempt of every mutating call was refused. If no call
// was reported, that is not sure.
func (e *Effects) None() bool { return e != nil && e.calls.Load() > 0 && e.doubts.Load() == 0 }
