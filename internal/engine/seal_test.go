package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

type (
	loginProps struct {
		User     string           `json:"user"`
		Password value.Of[string] `json:"password,omitempty"`
	}
	loginCall = resource.Call[loginProps, slowOutputs]
)

// logins is a type with a password, which AWS never shows.
type logins struct {
	passwords map[string]string
	log       []string
	fails     error
}

func (l *logins) behaviour() resource.Behaviour {
	return &resource.Typed[loginProps, slowOutputs]{
		Def: resource.Definition{Type: "fake/login", WriteOnly: []string{"password"}},
		CheckProps: func(p *loginProps) (problems []value.Problem) {
			if p.Password.Known() && len(p.Password.Get()) < 8 {
				found := value.Problems{}
				found.Bad("password", "%q is too short", p.Password.Get())
				return found
			}
			return nil
		},
		CreateObject: func(_ context.Context, c loginCall) (string, slowOutputs, error) {
			l.log = append(l.log, "create")
			c.Progress("with " + c.Props.Password.Get())
			l.passwords[c.Props.User] = c.Props.Password.Get()
			return c.Props.User, slowOutputs{}, nil
		},
		AwaitReady: func(_ context.Context, c loginCall) (slowOutputs, error) {
			if l.fails != nil {
				return slowOutputs{}, fmt.Errorf("waiting: %w", &resource.OpError{
					Operation: "fake:Create", Code: "Invalid",
					Message: "the password " + c.Props.Password.Get() + " is in a dictionary", Err: l.fails,
				})
			}
			return slowOutputs{Endpoint: "x"}, nil
		},
		ReadObject: func(_ context.Context, c loginCall) (loginProps, slowOutputs, error) {
			return loginProps{User: c.ID, Password: c.Old.Password}, slowOutputs{Endpoint: "x"}, nil
		},
		UpdateObject: func(_ context.Context, c loginCall) (slowOutputs, error) {
			what := "update"
			if c.Old.Password.Get() != c.Props.Password.Get() {
				what = "set password"
				l.passwords[c.ID] = c.Props.Password.Get()
			}
			l.log = append(l.log, what)
			return c.Out, nil
		},
		DeleteObject: func(context.Context, loginCall) error { return nil },
	}
}

// A write-only property reaches the calls that need it, and nothing that is stored or shown: neither state nor journal,
// plan, intents, events or errors. A change of it is still seen.
func TestWriteOnlyPropertiesReachOnlyTheCall(t *testing.T) {
	const first, second, bad = "correct-horse", "battery-staple", "tr0ub4d"
	l := &logins{passwords: map[string]string{}}
	o := newCloud().options()
	o.Catalog = resource.NewCatalog([]resource.Behaviour{l.behaviour()}, nil)
	var written strings.Builder // all that somebody may see
	o.Journal = func(line []byte, _ bool) error { written.Write(line); return nil }
	o.Events = func(e plan.Event) { fmt.Fprintf(&written, "%+v\n", e) }
	g := func(password string) *resource.Graph {
		r := res("a/db:db", "fake/login", "user", "sa")
		r.Props = r.Props.With("password", value.NewString(password).Sensitive())
		return graph(t, r)
	}
	do := func(password string, state []byte) []byte {
		p, err := PreviewApply(t.Context(), g(password), state, o)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(p.Intents)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&written, "%s\n%s\n", text, render(p.Plan))
		result, err := Apply(t.Context(), g(password), state, o)
		fmt.Fprintf(&written, "%s\n%v\n%+v\n", result.State, err, result.Failed)
		for _, f := range result.Failed {
			for err := f.Err; err != nil; err = errors.Unwrap(err) {
				if op := (*resource.OpError)(nil); errors.As(err, &op) {
					fmt.Fprintln(&written, op.Message)
				}
			}
		}
		return result.State
	}

	l.fails = errors.New("no")
	state := do(first, nil)
	want(t, "the calls of a create that fails", strings.Join(l.log, ", "), "create")
	want(t, "what AWS got", l.passwords["sa"], first)
	l.fails, l.log = nil, nil
	state = do(first, state)
	want(t, "the same password again", strings.Join(l.log, ", "), "update")

	l.log = nil
	state = do(first, state)
	want(t, "nothing to do", strings.Join(l.log, ", "), "")
	want(t, "plan", planned(t, g(second), state, o), "update a/db:db (change in password) [in place]")
	state = do(second, state)
	want(t, "another password", strings.Join(l.log, ", "), "set password")
	want(t, "what AWS got", l.passwords["sa"], second)

	refreshed, err := Refresh(t.Context(), state, o)
	if err != nil || len(refreshed.Drift) > 0 {
		t.Errorf("refresh: %v, %v", refreshed.Drift, err)
	}
	l.log = nil
	state = do(second, refreshed.State)
	want(t, "after a refresh", strings.Join(l.log, ", "), "")

	_, err = PreviewApply(t.Context(), g(bad), state, o)
	if err == nil || !strings.Contains(err.Error(), "too short") {
		t.Errorf("a bad password: %v", err)
	}
	fmt.Fprintln(&written, err)
	for _, plain := range []string{first, second, bad} {
		if at := strings.Index(written.String(), plain); at >= 0 {
			t.Errorf("%s is written: ...%s", plain, written.String()[max(0, at-300):at+len(plain)])
		}
	}
	if !strings.Contains(written.String(), value.Redacted) {
		t.Error("nothing was redacted: the test has not seen what it is for")
	}
}
