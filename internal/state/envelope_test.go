package state_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/state"
)

func sample(t testing.TB) []byte {
	t.Helper()
	e := &state.Envelope{
		Lineage: "l", Serial: 7, Fence: 3, Writer: state.Writer{LockID: "k", OpID: "o"},
		Intents: []state.Intent{{Resource: "a:b", Type: "sqs/queue", Action: state.Create, OpID: "o", At: time.Date(2024, 1, 15, 10, 30, 0, 5, time.FixedZone("CET", 3600))}},
	}
	require.NoError(t, e.SetPayload(&state.Payload{
		Stack: "shop", Environment: "dev", Account: "1", Deployment: 4, Status: state.Succeeded, Who: "a <b> & c", Engine: json.RawMessage(`{ "x" : [ 1.50, "\u003c<" ] }`),
		Components: []state.Component{{Address: "web/api", Kind: "SQS", Protect: true, Outputs: map[string]any{"url": "https://q", "n": 3.0}}},
	}))
	raw, err := e.Encode()
	require.NoError(t, err)
	return raw
}

func TestEnvelopeRoundTrip(t *testing.T) {
	raw := sample(t)
	require.True(t, json.Valid(raw))
	e, err := state.Decode(raw, "here")
	require.NoError(t, err)
	again, err := e.Encode()
	require.NoError(t, err)
	require.Equal(t, string(raw), string(again))
	p, err := e.Decode()
	require.NoError(t, err)
	require.Equal(t, "a <b> & c", p.Who)
	require.True(t, p.Components[0].Protect)
	require.Contains(t, string(p.Engine), "1.50", "numbers stay as they were written")
}

func TestFormattingAStateDoesNotDamageIt(t *testing.T) {
	var pretty map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(sample(t), &pretty))
	raw, err := json.MarshalIndent(pretty, "", "    ")
	require.NoError(t, err)
	_, err = state.Decode(raw, "here")
	require.NoError(t, err, "as `state pull`, an editor and `state push` leave it")
}

func TestEveryByteCounts(t *testing.T) {
	raw := sample(t)
	for i := range raw {
		if raw[i] == '\n' {
			continue
		}
		damaged := append([]byte(nil), raw...)
		damaged[i] ^= 1
		e, err := state.Decode(damaged, "here")
		var broken *state.CorruptError
		var newer *state.NewerError
		switch {
		case err == nil:
			// A change of white space or of a key's case is none of the content.
			again, encodeErr := e.Encode()
			require.NoError(t, encodeErr)
			require.Equal(t, string(raw), string(again), "byte %d", i)
		case !errors.As(err, &broken) && !errors.As(err, &newer):
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for i := range raw[:len(raw)-2] {
		_, err := state.Decode(raw[:i], "here")
		var broken *state.CorruptError
		require.ErrorAs(t, err, &broken, "cut after %d bytes", i)
	}
}

func TestIncompleteEnvelopesAreNotWritten(t *testing.T) {
	for _, e := range []*state.Envelope{{Serial: 1, Writer: state.Writer{OpID: "o"}}, {Lineage: "l", Writer: state.Writer{OpID: "o"}}, {Lineage: "l", Serial: 1}} {
		_, err := e.Encode()
		require.Error(t, err)
	}
}
