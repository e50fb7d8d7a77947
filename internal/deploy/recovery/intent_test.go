package recovery

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
		resources = append(resources, `{"urn":"urn:pulumi:dev::shop::deployer:fake:single::`+id+
			`","custom":true,"id":"aws-`+id+`","type":"deployer:fake:single"}`)
	}
	return []byte(`{"manifest":{},"resources":[` + strings.Join(resources, ",") + `]}`)
}

func TestUnresolved(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later, never, soon, past := now.Add(Suspicion), time.Time{}, now.Add(time.Minute), now.Add(-time.Second)
	failed, stopped := errors.New("failed"), &engine.StoppedError{Cause: errors.New("ctrl-c")}
	const run = "this run"
	for name, c := range map[string]struct {
		intent state.Intent
		have   bool
		looked bool
		err    error
		want   *time.Time // nil: it is resolved
	}{
		"of this run":               {intent: state.Intent{Action: state.Create, OpID: run}},
		"of this run, which failed": {intent: state.Intent{Action: state.Create, OpID: run}, err: failed},
		"made":                      {intent: state.Intent{Action: state.Create}, have: true},
		"made, before a failure":    {intent: state.Intent{Action: state.Create}, have: true, err: failed},
		"not found":                 {intent: state.Intent{Action: state.Create}, looked: true, want: &later},
		"not found again": {
			intent: state.Intent{Action: state.Create, Suspect: soon}, looked: true,
			want: &soon,
		},
		"not found after its time": {intent: state.Intent{Action: state.Create, Suspect: past}, looked: true},
		"not looked for after its time": {
			intent: state.Intent{Action: state.Create, Suspect: past}, err: failed,
			want: &past,
		},
		"not looked for, stopped":         {intent: state.Intent{Action: state.Create}, err: stopped, want: &never},
		"not looked for, the look failed": {intent: state.Intent{Action: state.Create}, err: failed, want: &never},
		"looked for, then stopped": {
			intent: state.Intent{Action: state.Create}, looked: true, err: stopped,
			want: &later,
		},
		"replaced": {intent: state.Intent{Action: state.Replace}, have: true, looked: true},
		"replaced or not, before a failure": {
			intent: state.Intent{Action: state.Replace}, have: true, looked: true,
			err: failed, want: &later,
		},
		"replacement not found": {intent: state.Intent{Action: state.Replace}, looked: true, want: &later},
		"deleted, read anew":    {intent: state.Intent{Action: state.Delete}, have: true, looked: true},
		"deleted, the read failed": {
			intent: state.Intent{Action: state.Delete}, have: true, err: failed,
			want: &never,
		},
		"updated, read anew, then failed": {
			intent: state.Intent{Action: state.Update}, have: true, looked: true,
			err: failed,
		},
		"updated, the read failed": {
			intent: state.Intent{Action: state.Update}, have: true, err: failed,
			want: &never,
		},
		"updated, not read anew, stopped": {
			intent: state.Intent{Action: state.Update}, have: true, err: stopped,
			want: &never,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.intent.Resource = "web/a:a"
			result := &engine.Result{State: engineState("web/b:b")}
			if c.have {
				result.State = engineState("web/a:a")
			}
			if c.looked {
				result.Looked = map[string]bool{"web/a:a": true}
			}
			got := (&Base{}).Unresolved([]state.Intent{c.intent},
				Ended{ID: run, Result: result, Failed: c.err != nil, Began: now, Now: now})
			if c.want == nil {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			require.Equal(t, *c.want, got[0].Suspect)
			require.Equal(t, c.want.IsZero(), Interrupted(got))
		})
	}
	intents := []state.Intent{{Resource: "web/a:a", Action: state.Create}}
	require.Equal(t, intents, (&Base{}).Unresolved(intents,
		Ended{ID: run, Result: &engine.Result{State: []byte("damaged")}}), "an intent is never lost")
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
