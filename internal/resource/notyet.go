package resource

import (
	"context"
	"slices"
	"strings"
	"time"
)

// NotYet are answers of AWS that mean that a new object is not known everywhere yet: AWS's services learn of each
// other's objects with a delay. The same answer may also mean that the object does not exist. So a call is repeated for
// a limited time only.
type NotYet struct {
	Operations []string // "ecs:CreateService"
	Codes      []string // AWS's error codes
	// Says are patterns of the message. One must fit. Case does not count, and * stands for anything. Nil: any message
	// fits.
	Says []string
	// New: the answers mean so only while the object itself is being made. Later they mean that the object is gone.
	New bool
	// Within is how long AWS may need; 0: a minute.
	Within time.Duration
}

const (
	usuallyKnown = time.Minute
	// tagsKnown is how long a denied call is repeated if the policy has a condition on an object's tags: IAM learns of
	// new tags with a delay, too.
	tagsKnown = 15 * time.Second
)

// notYetKey is the context key of the current operation.
type notYetKey struct{}

type expectation struct {
	of    *Definition
	fresh bool
}

// expecting returns a context in which NotYetFor knows the type's answers. fresh: the object itself is being made.
func expecting(ctx context.Context, d *Definition, fresh bool) context.Context {
	return context.WithValue(ctx, notYetKey{}, &expectation{d, fresh})
}

// byTags returns the actions that the printed policy allows only on objects with certain tags.
func (d *Definition) byTags() []string {
	return actionsOf(func(s Scope) (out []Statement) {
		if d.Permissions == nil {
			return nil
		}
		for _, statement := range d.Permissions(s) {
			if statement.When.onObjects() {
				out = append(out, statement)
			}
		}
		return out
	})
}

// onObjects reports whether a condition is about the tags of objects.
func (c Condition) onObjects() bool {
	for _, tests := range c {
		for key := range tests {
			if strings.HasPrefix(key, "aws:ResourceTag/") {
				return true
			}
		}
	}
	return false
}

// NotYetFor says how long to repeat a call that AWS refused with that answer, in the context of a behaviour's create or
// update; 0: not at all. operation is "ecs:CreateService".
func NotYetFor(ctx context.Context, operation, code, message string) time.Duration {
	e, ok := ctx.Value(notYetKey{}).(*expectation)
	if !ok {
		return 0
	}
	for _, n := range e.of.NotYet {
		if (e.fresh || !n.New) && slices.Contains(n.Operations, operation) && slices.Contains(n.Codes, code) &&
			n.says(message) {
			if n.Within == 0 {
				return usuallyKnown
			}
			return n.Within
		}
	}
	if (&OpError{Code: code}).Denied() && !strings.Contains(message, "explicit deny") &&
		slices.Contains(e.of.byTags(), deniedAction(operation, message)) {
		return tagsKnown
	}
	return 0
}

func (n NotYet) says(message string) bool {
	return n.Says == nil || slices.ContainsFunc(n.Says, func(pattern string) bool {
		rest := strings.ToLower(message)
		for part := range strings.SplitSeq(strings.ToLower(pattern), "*") {
			_, after, found := strings.Cut(rest, part)
			if !found {
				return false
			}
			rest = after
		}
		return true
	})
}
