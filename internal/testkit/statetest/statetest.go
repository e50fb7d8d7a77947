// Package statetest is the conformance suite that every state.Backend passes.
//
// In: a function that makes an empty backend. Out: test failures. It must not know which backend it tests.
package statetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

// Fixture is one backend under test.
type Fixture struct {
	Backend state.Backend // empty
	// Overwrite puts raw bytes where the state of key is, past all checks; nil bytes remove it.
	Overwrite func(t *testing.T, key state.Key, raw []byte)
}

var key = state.Key{Stack: "shop", Environment: "dev"}

// Envelope returns a valid one with that serial and operation id.
func Envelope(serial int64, opID string) *state.Envelope {
	return &state.Envelope{
		Lineage: "lineage-1", Serial: serial, Fence: 1,
		Writer: state.Writer{LockID: "lock-1", OpID: opID},
		Intents: []state.Intent{{
			Resource: "web/api:queue", Type: "sqs/queue", Action: state.Create, Name: "q",
			OpID: opID, At: time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC),
		}},
		Payload: json.RawMessage(fmt.Sprintf(`{"stack": "shop", "deployment": %d, "who": "<a&b>"}`, serial)),
	}
}

// Run runs the suite; every test gets a fixture of its own.
func Run(t *testing.T, start func(t *testing.T) Fixture) {
	for name, test := range map[string]func(*testing.T, Fixture){
		"an absent state is not found":                absent,
		"what was put is got":                         roundTrip,
		"put is conditional":                          conditional,
		"one of many writers wins":                    race,
		"a deleted state is gone":                     gone,
		"damage is detected":                          damage,
		"what is too large can be replaced":           tooLarge,
		"another format is refused":                   newerFormat,
		"history keeps all and takes the next second": history,
		"history is idempotent":                       historyAgain,
		"list names every state":                      list,
		"derived files come and go":                   derived,
		"records of commands are kept and replaced":   commands,
		"names that lead elsewhere are refused":       badKeys,
	} {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

func absent(t *testing.T, f Fixture) {
	_, err := f.Backend.Store(key).Get(t.Context())
	require.ErrorIs(t, err, state.ErrNotFound)
	_, err = f.Backend.Store(key).GetHistory(t.Context(), "2024-01-15-10-30-00")
	require.ErrorIs(t, err, state.ErrNotFound)
	entries, err := f.Backend.Store(key).ListHistory(t.Context())
	require.NoError(t, err)
	require.Empty(t, entries)
	states, err := f.Backend.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, states)
}

func roundTrip(t *testing.T, f Fixture) {
	s, want := f.Backend.Store(key), Envelope(1, "op-1")
	version, err := s.Put(t.Context(), want, "")
	require.NoError(t, err)
	require.NotEmpty(t, version)
	got, err := s.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, version, got.Version)
	require.Equal(t, want, got.Envelope)
	raw, err := want.Encode()
	require.NoError(t, err)
	require.Equal(t, string(raw), string(got.Raw))
}

func conditional(t *testing.T, f Fixture) {
	s := f.Backend.Store(key)
	first, err := s.Put(t.Context(), Envelope(1, "op-1"), "")
	require.NoError(t, err)
	_, err = s.Put(t.Context(), Envelope(1, "op-2"), "")
	requireConflict(t, err, 1)
	second, err := s.Put(t.Context(), Envelope(2, "op-3"), first)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	_, err = s.Put(t.Context(), Envelope(2, "op-4"), first)
	requireConflict(t, err, 2)
	got, err := s.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, "op-3", got.Envelope.Writer.OpID)
}

func requireConflict(t *testing.T, err error, serial int64) {
	t.Helper()
	var conflict *state.ConflictError
	require.ErrorAs(t, err, &conflict)
	require.NotNil(t, conflict.Current)
	require.Equal(t, serial, conflict.Current.Envelope.Serial)
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, diag.Conflict, d.Code)
}

func race(t *testing.T, f Fixture) {
	s := f.Backend.Store(key)
	version, err := s.Put(t.Context(), Envelope(1, "op-0"), "")
	require.NoError(t, err)
	var mu sync.Mutex
	var won []string
	var all sync.WaitGroup
	for i := range 8 {
		op := fmt.Sprintf("racer-%d", i)
		all.Go(func() {
			_, err := f.Backend.Store(key).Put(t.Context(), Envelope(2, op), version)
			var conflict *state.ConflictError
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, op)
			case !errors.As(err, &conflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Len(t, won, 1)
	got, err := s.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, won[0], got.Envelope.Writer.OpID)
}

func gone(t *testing.T, f Fixture) {
	s := f.Backend.Store(key)
	version, err := s.Put(t.Context(), Envelope(1, "op-1"), "")
	require.NoError(t, err)
	f.Overwrite(t, key, nil)
	_, err = s.Put(t.Context(), Envelope(2, "op-2"), version)
	require.ErrorIs(t, err, state.ErrGone)
	_, err = s.Get(t.Context())
	require.ErrorIs(t, err, state.ErrNotFound)
}

func damage(t *testing.T, f Fixture) {
	s := f.Backend.Store(key)
	_, err := s.Put(t.Context(), Envelope(1, "op-1"), "")
	require.NoError(t, err)
	good, err := Envelope(1, "op-1").Encode()
	require.NoError(t, err)
	for name, raw := range map[string][]byte{
		"empty":     {},
		"truncated": good[:len(good)/2],
		"payload":   []byte(strings.Replace(string(good), "shop", "shpo", 1)),
		"fence":     []byte(strings.Replace(string(good), `"fence":1`, `"fence":2`, 1)),
		"intents":   []byte(strings.Replace(string(good), `"action":"create"`, `"action":"delete"`, 1)),
		"foreign":   []byte(`{"version": 4, "terraform_version": "1.9.0"}`),
		"not JSON":  []byte("\x1f\x8b\x00"),
	} {
		f.Overwrite(t, key, raw)
		_, err := s.Get(t.Context())
		var broken *state.CorruptError
		require.ErrorAs(t, err, &broken, name)
		require.NotEmpty(t, broken.Version, "the damaged state cannot be replaced")
		require.Equal(t, string(raw), string(broken.Raw), name)
		if name == "not JSON" {
			_, err = s.Put(t.Context(), Envelope(2, "restored-"+name), broken.Version)
			require.NoError(t, err, "a damaged state can be replaced")
		}
	}
}

func tooLarge(t *testing.T, f Fixture) {
	s := f.Backend.Store(key)
	f.Overwrite(t, key, make([]byte, state.MaxSize+1))
	_, err := s.Get(t.Context())
	var broken *state.CorruptError
	require.ErrorAs(t, err, &broken)
	require.Equal(t, "it has more than 32 MiB", broken.Reason)
	_, err = s.Put(t.Context(), Envelope(2, "op-2"), "another")
	var conflict *state.ConflictError
	require.ErrorAs(t, err, &conflict)
	_, err = s.Put(t.Context(), Envelope(2, "op-2"), broken.Version)
	require.NoError(t, err, "it can be replaced")
	there, err := s.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(2), there.Envelope.Serial)
}

func newerFormat(t *testing.T, f Fixture) {
	f.Overwrite(t, key, []byte(`{"formatVersion": 9, "minReader": 7, "lineage": ["another", "shape"]}`))
	_, err := f.Backend.Store(key).Get(t.Context())
	var newer *state.FormatError
	require.ErrorAs(t, err, &newer)
	require.Equal(t, state.FormatError{Format: 9, MinReader: 7}, *newer)

	f.Overwrite(t, key, []byte(`{"formatVersion": 1, "minReader": 1, "lineage": "l"}`))
	_, err = f.Backend.Store(key).Get(t.Context())
	var older *state.FormatError
	require.ErrorAs(t, err, &older)
	require.Equal(t, state.FormatError{Format: 1, MinReader: 1}, *older)
	require.ErrorContains(t, err, "older format")
}

func history(t *testing.T, f Fixture) {
	s, at := f.Backend.Store(key), time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC)
	var names []string
	for i := range int64(3) {
		name, err := s.PutHistory(t.Context(), at.Add(time.Duration(i)*100*time.Millisecond),
			Envelope(i+1, fmt.Sprintf("op-%d", i)))
		require.NoError(t, err)
		names = append(names, name)
	}
	require.Equal(t, []string{"2024-01-15-10-30-00", "2024-01-15-10-30-01", "2024-01-15-10-30-02"}, names)
	entries, err := s.ListHistory(t.Context())
	require.NoError(t, err)
	require.Len(t, entries, 3)
	require.Equal(t, "2024-01-15-10-30-02", entries[0].Name, "newest first")
	require.Equal(t, at, entries[2].At)
	require.Positive(t, entries[0].Size)
	past, err := state.ReadHistory(t.Context(), s, 2)
	require.NoError(t, err)
	require.Len(t, past, 2)
	require.NoError(t, past[1].Err)
	require.Equal(t, int64(2), past[1].Snapshot.Envelope.Serial)
}

func historyAgain(t *testing.T, f Fixture) {
	s, at := f.Backend.Store(key), time.Date(2024, 1, 15, 10, 30, 0, 0, time.FixedZone("CET", 3600))
	for range 2 {
		name, err := s.PutHistory(t.Context(), at, Envelope(1, "op-1"))
		require.NoError(t, err)
		require.Equal(t, "2024-01-15-09-30-00", name)
	}
	entries, err := s.ListHistory(t.Context())
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func list(t *testing.T, f Fixture) {
	for _, k := range []state.Key{
		{Stack: "shop", Environment: "prod"},
		{Stack: "shop", Environment: "dev"},
		{Stack: "api", Environment: "dev"},
	} {
		s := f.Backend.Store(k)
		e := Envelope(1, "op-"+k.String())
		_, err := s.Put(t.Context(), e, "")
		require.NoError(t, err)
		_, err = s.PutHistory(t.Context(), time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC), e)
		require.NoError(t, err)
		require.NoError(t, s.PutDerived(t.Context(), ".pulumi/stacks/"+k.Stack+"/state.json", []byte("{}")))
	}
	entries, err := f.Backend.List(t.Context())
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Key.String())
		require.Positive(t, e.Size)
		require.False(t, e.Modified.IsZero())
	}
	require.Equal(t, []string{"api/dev", "shop/dev", "shop/prod"}, names)
}

func derived(t *testing.T, f Fixture) {
	s := f.Backend.Store(key)
	for _, body := range [][]byte{[]byte("one"), []byte("two"), {}, nil, nil} {
		require.NoError(t, s.PutDerived(t.Context(), ".pulumi/meta.yaml", body))
	}
	require.Error(t, s.PutDerived(t.Context(), "../state.json", []byte("x")))
}

func badKeys(t *testing.T, f Fixture) {
	for _, k := range []state.Key{
		{Stack: "..", Environment: "dev"},
		{Stack: "a/b", Environment: "dev"},
		{Stack: "shop", Environment: ""},
		{Stack: "Shop", Environment: "dev"},
	} {
		s := f.Backend.Store(k)
		_, err := s.Get(t.Context())
		require.Error(t, err)
		require.False(t, errors.Is(err, state.ErrNotFound))
		_, err = s.Put(t.Context(), Envelope(1, "op"), "")
		require.Error(t, err)
		_, err = s.PutHistory(t.Context(), time.Unix(0, 0), Envelope(1, "op"))
		require.Error(t, err)
		require.Error(t, s.PutDerived(t.Context(), "x", []byte("x")))
	}
}

func commands(t *testing.T, f Fixture) {
	store := f.Backend.Store(key)
	none, err := store.ListCommands(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
	at := time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC)
	first, second := state.CommandName(at, "1f3a-0000"), state.CommandName(at.Add(time.Minute), "00ff")
	one := state.Command{At: at, Who: "ann", What: "run", Component: "web/api", Words: []string{"rake", "a b"}}
	require.NoError(t, store.PutCommand(t.Context(), first, one))
	require.NoError(t, store.PutCommand(t.Context(), second, state.Command{At: at.Add(time.Minute), Who: "bob"}))
	code := 3
	one.ExitCode = &code
	require.NoError(t, store.PutCommand(t.Context(), first, one))
	all, err := store.ListCommands(t.Context())
	require.NoError(t, err)
	require.Equal(t, []state.CommandEntry{{Name: second, At: at.Add(time.Minute)}, {Name: first, At: at}}, all)
	got, err := store.GetCommand(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, one, got)
	for _, name := range []string{"2024-01-15-10-30-00-beef", "../state", "x"} {
		_, err = store.GetCommand(t.Context(), name)
		require.ErrorIs(t, err, state.ErrNotFound)
	}
	require.Error(t, store.PutCommand(t.Context(), "../../x", one))
	history, err := store.ListHistory(t.Context())
	require.NoError(t, err)
	require.Empty(t, history)
	listed, err := f.Backend.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, listed)
}
