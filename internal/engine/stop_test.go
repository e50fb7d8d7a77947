package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
)

func TestStopGracefully(t *testing.T) {
	c := newCloud()
	o := c.options()
	ctx, cancel := context.WithCancelCause(t.Context())
	ctrlC := errors.New("interrupted")
	c.before = func(_ context.Context, action, id string) error {
		if action+id == "createinfra/net:vpc" {
			cancel(ctrlC)
		}
		return nil
	}
	result, err := Apply(ctx, chain(t, "a", "v1"), nil, o)
	var stopped *StoppedError
	if !errors.As(err, &stopped) || !errors.Is(err, ctrlC) {
		t.Fatalf("got %v", err)
	}
	want(t, "in flight was finished, nothing else began", c.calls(), "create infra/net:vpc")
	want(t, "state", ids(t, result.State), "infra/net:vpc")
	want(t, "skipped", skips(result), "web/api:service (the run was stopped before) web/db:instance (the run was "+
		"stopped before)")
	c.before = nil
	apply(t, chain(t, "a", "v1"), result.State, o)
	want(t, "calls", c.calls(), "create web/db:instance, create web/api:service")
}

func TestStopHard(t *testing.T) {
	c := newCloud()
	o := c.options()
	hard, cancel := context.WithCancel(t.Context())
	o.Hard = hard
	c.before = func(ctx context.Context, _, _ string) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	var last []plan.EventKind
	o.Events = func(e plan.Event) { last = append(last, e.Kind) }
	result, err := Apply(t.Context(), chain(t, "a", "v1"), nil, o)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	want(t, "state", ids(t, result.State), "")
	want(t, "events", fmt.Sprint(last), "[started stopped skipped skipped]")
	if len(result.Failed) != 1 || !result.Failed[0].Stopped {
		t.Errorf("it was not refused: %+v", result.Failed)
	}
	want(t, "skipped", skips(result), "web/api:service (the run was stopped before) web/db:instance (the run was "+
		"stopped before)")
}

// A refusal stays a failure, also when the run was stopped meanwhile.
func TestARefusalIsNoStop(t *testing.T) {
	c := newCloud()
	o := c.options()
	hard, cancel := context.WithCancel(t.Context())
	o.Hard = hard
	c.before = func(context.Context, string, string) error {
		cancel()
		return &resource.OpError{Operation: "x:Create", Code: "AccessDenied"}
	}
	result, err := Apply(t.Context(), chain(t, "a", "v1"), nil, o)
	if err == nil || len(result.Failed) != 1 || result.Failed[0].Stopped {
		t.Errorf("got %v, %+v", err, result.Failed)
	}
}

func TestGuard(t *testing.T) {
	c := newCloud()
	o := c.options()
	lost := errors.New("the lock was lost")
	n := 0
	o.Guard = func() error {
		if n++; n > 1 {
			return lost
		}
		return nil
	}
	result, err := Apply(t.Context(), chain(t, "a", "v1"), nil, o)
	if !errors.Is(err, lost) || strings.Count(err.Error(), "lost") != 1 {
		t.Fatalf("got %v", err)
	}
	want(t, "calls", c.calls(), "create infra/net:vpc")
	want(t, "state", ids(t, result.State), "infra/net:vpc")
}

func TestPanicFailsItsStep(t *testing.T) {
	c := newCloud()
	o := c.options()
	c.before = func(_ context.Context, action, id string) error {
		if id == "web/db:instance" {
			panic("index out of range")
		}
		return nil
	}
	result, err := Apply(t.Context(), chain(t, "a", "v1"), nil, o)
	var step *StepError
	if !errors.As(err, &step) || !strings.Contains(err.Error(), "index out of range") {
		t.Fatalf("got %v", err)
	}
	want(t, "state", ids(t, result.State), "infra/net:vpc")
}
