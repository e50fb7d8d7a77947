package deploy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

// engineState is a state that has the resources of those IDs.
func engineState(ids ...string) []byte {
	var resources []string
	for _, id := range ids {
		resources = append(resources, `{"urn":"urn:pulumi:dev::shop::deployer:fake:single::`+id+`","custom":true,"id":"aws-`+id+`","type":"deployer:fake:single"}`)
	}
	return []byte(`{"manifest":{},"resources":[` + strings.Join(resources, ",") + `]}`)
}

func TestUnresolved(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later := now.Add(suspicion)
	failed, stopped := errors.New("failed"), &engine.StoppedError{Cause: errors.New("ctrl-c")}
	const run = "this run"
	for name, c := range map[string]struct {
		intent state.Intent
		have   bool
		err    error
		want   *time.Time // nil: it is resolved
	}{
		"of this run":                     {intent: state.Intent{Action: state.Create, OpID: run}},
		"of this run, which failed":       {intent: state.Intent{Action: state.Create, OpID: run}, err: failed},
		"made":                            {intent: state.Intent{Action: state.Create}, have: true},
		"made, before a failure":          {intent: state.Intent{Action: state.Create}, have: true, err: failed},
		"not found":                       {intent: state.Intent{Action: state.Create}, want: &later},
		"not found again":                 {intent: state.Intent{Action: state.Create, Suspect: now.Add(time.Minute)}, want: ptr(now.Add(time.Minute))},
		"not found for long":              {intent: state.Intent{Action: state.Create, Suspect: now.Add(-time.Second)}},
		"not looked for":                  {intent: state.Intent{Action: state.Create}, err: stopped, want: &time.Time{}},
		"replaced":                        {intent: state.Intent{Action: state.Replace}, have: true},
		"replaced or not, before failure": {intent: state.Intent{Action: state.Replace}, have: true, err: failed, want: &later},
		"replacement not found":           {intent: state.Intent{Action: state.Replace}, want: &later},
		"deleted, read anew":              {intent: state.Intent{Action: state.Delete}, have: true},
		"deleted, not read anew":          {intent: state.Intent{Action: state.Delete}, have: true, err: stopped, want: &time.Time{}},
		"updated, read anew":              {intent: state.Intent{Action: state.Update}, have: true, err: failed},
		"updated, not read anew":          {intent: state.Intent{Action: state.Update}, have: true, err: stopped, want: &time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			c.intent.Resource = "web/a:a"
			has := engineState("web/b:b")
			if c.have {
				has = engineState("web/a:a")
			}
			got := unresolved([]state.Intent{c.intent}, run, has, c.err, now)
			if c.want == nil {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			require.Equal(t, *c.want, got[0].Suspect)
			require.Equal(t, c.want.IsZero(), interrupted(got))
		})
	}
	intents := []state.Intent{{Resource: "web/a:a", Action: state.Create}}
	require.Equal(t, intents, unresolved(intents, run, []byte("damaged"), nil, now), "an intent is never lost")
}

func TestIntended(t *testing.T) {
	search := json.RawMessage(`{"resource":{}}`)
	adopt, searches, unsure := intended([]state.Intent{
		{Resource: "a:new", Action: state.Create, Engine: search},
		{Resource: "a:known", Action: state.Create},
		{Resource: "a:other", Action: state.Replace, Engine: search},
		{Resource: "a:changed", Action: state.Update},
		{Resource: "a:gone", Action: state.Delete},
		{Resource: "a:gone", Action: state.Update},
	})
	require.Equal(t, map[string]bool{"a:new": true, "a:known": true, "a:other": true}, adopt)
	require.Len(t, searches, 2)
	require.Equal(t, []string{"a:other", "a:changed", "a:gone"}, unsure)
}

func ptr[T any](v T) *T { return &v }

// The claim holds what older runs left, and each change of the plan once, however often a plan repeats it.
func TestClaim(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	for n := range 3 { // each dies at the first call after its claim
		at := 4 // take, read, claim
		if n > 0 {
			at = 6 // the lock is refused first, and the former holder's state is claimed before the plan
		}
		p := a.start(home, at+1, false)
		_, err := p.run(t.Context(), first(t))
		require.NoError(t, err)
		home = afterDeath(t, home, true)
	}
	stored, err := a.start(home, 0, false).read(t.Context(), shop)
	require.NoError(t, err)
	var got []string
	for _, i := range stored.Snapshot.Envelope.Intents {
		got = append(got, string(i.Action)+" "+i.Resource)
	}
	require.Equal(t, []string{"create web/a:a", "create web/b:b", "create web/c:c", "create web/d:d"}, got)
	require.Equal(t, state.InProgress, stored.Payload.Status)
	require.Zero(t, stored.Payload.Deployment)
	require.Len(t, a.start(home, 0, false).unfinished(stored), 1, "a plan says so")
}
