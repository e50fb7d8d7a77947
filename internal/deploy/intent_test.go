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
	later, never, soon, past := now.Add(suspicion), time.Time{}, now.Add(time.Minute), now.Add(-time.Second)
	failed, stopped := errors.New("failed"), &engine.StoppedError{Cause: errors.New("ctrl-c")}
	const run = "this run"
	for name, c := range map[string]struct {
		intent state.Intent
		have   bool
		looked bool
		err    error
		want   *time.Time // nil: it is resolved
	}{
		"of this run":                       {intent: state.Intent{Action: state.Create, OpID: run}},
		"of this run, which failed":         {intent: state.Intent{Action: state.Create, OpID: run}, err: failed},
		"made":                              {intent: state.Intent{Action: state.Create}, have: true},
		"made, before a failure":            {intent: state.Intent{Action: state.Create}, have: true, err: failed},
		"not found":                         {intent: state.Intent{Action: state.Create}, looked: true, want: &later},
		"not found again":                   {intent: state.Intent{Action: state.Create, Suspect: soon}, looked: true, want: &soon},
		"not found after its time":          {intent: state.Intent{Action: state.Create, Suspect: past}, looked: true},
		"not looked for after its time":     {intent: state.Intent{Action: state.Create, Suspect: past}, err: failed, want: &past},
		"not looked for, stopped":           {intent: state.Intent{Action: state.Create}, err: stopped, want: &never},
		"not looked for, the look failed":   {intent: state.Intent{Action: state.Create}, err: failed, want: &never},
		"looked for, then stopped":          {intent: state.Intent{Action: state.Create}, looked: true, err: stopped, want: &later},
		"replaced":                          {intent: state.Intent{Action: state.Replace}, have: true, looked: true},
		"replaced or not, before a failure": {intent: state.Intent{Action: state.Replace}, have: true, looked: true, err: failed, want: &later},
		"replacement not found":             {intent: state.Intent{Action: state.Replace}, looked: true, want: &later},
		"deleted, read anew":                {intent: state.Intent{Action: state.Delete}, have: true, looked: true},
		"deleted, the read failed":          {intent: state.Intent{Action: state.Delete}, have: true, err: failed, want: &never},
		"updated, read anew, then failed":   {intent: state.Intent{Action: state.Update}, have: true, looked: true, err: failed},
		"updated, the read failed":          {intent: state.Intent{Action: state.Update}, have: true, err: failed, want: &never},
		"updated, not read anew, stopped":   {intent: state.Intent{Action: state.Update}, have: true, err: stopped, want: &never},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			u := a.start(t.TempDir(), 0, false).newRun(nil, nil, place{}, request())
			u.began = now
			a.later.Store(int64(time.Until(now)))
			c.intent.Resource = "web/a:a"
			result := &engine.Result{State: engineState("web/b:b")}
			if c.have {
				result.State = engineState("web/a:a")
			}
			if c.looked {
				result.Looked = map[string]bool{"web/a:a": true}
			}
			got := u.unresolved([]state.Intent{c.intent}, run, result, c.err)
			if c.want == nil {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			require.WithinDuration(t, *c.want, got[0].Suspect, time.Second)
			require.Equal(t, c.want.IsZero(), interrupted(got))
		})
	}
	intents := []state.Intent{{Resource: "web/a:a", Action: state.Create}}
	u := newAccount().start(t.TempDir(), 0, false).newRun(nil, nil, place{}, request())
	require.Equal(t, intents, u.unresolved(intents, run, &engine.Result{State: []byte("damaged")}, nil), "an intent is never lost")
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
