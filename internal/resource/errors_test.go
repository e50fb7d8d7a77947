package resource

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/company/deployer/internal/diag"
)

func TestStopped(t *testing.T) {
	signal := diag.New(diag.Interrupted, "Interrupted", "x", "")
	failed := diag.New(diag.Failed, "Rollout failed", "x", "")
	failed.Cause = context.Canceled // it failed, and nobody waited for the way back
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"a wait that nobody went on with": {&PartialError{Err: &WaitError{What: "x", Err: signal}}, true},
		"a call without an answer":        {&OpError{Operation: "x", Err: fmt.Errorf("x: %w", context.Canceled)}, true},
		"a rollout that goes on":          {&PartialError{Err: signal}, true},
		"a rollout that failed":           {&PartialError{Err: failed}, false},
		"a refusal":                       {&OpError{Operation: "x", Code: "AccessDenied"}, false},
		"a refusal beside a wait":         {errors.Join(failed, &WaitError{What: "x", Err: signal}), false},
	} {
		if got := Stopped(c.err); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
