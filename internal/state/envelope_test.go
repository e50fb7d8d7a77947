package state_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

func sample(t testing.TB) []byte {
	t.Helper()
	e := &state.Envelope{
		Lineage: "l", Serial: 7, Fence: 3, Writer: state.Writer{LockID: "k", OpID: "o"},
		Intents: []state.Intent{{
			Resource: "a:b", Type: "sqs/queue", Action: state.Create, OpID: "o",
			At: time.Date(2024, 1, 15, 10, 30, 0, 5, time.FixedZone("CET", 3600)),
		}},
	}
	require.NoError(t, e.SetPayload(&state.Payload{
		Stack: "shop", Environment: "dev", Account: "1", Deployment: 4, Status: state.Succeeded, Who: "a <b> & c",
		Engine: json.RawMessage(`{ "x" : [ 1.50, "\u003c<" ] }`),
		Components: []state.Component{{
			Address: "web/api", Kind: "SQS", Protect: true,
			Outputs: map[string]any{"url": "https://q", "n": 3.0},
		}},
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
		var newer *state.FormatError
		switch {
		case err == nil:
			// A change of white space or of a key's case does not change the content.
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
	for _, e := range []*state.Envelope{
		{Serial: 1, Writer: state.Writer{OpID: "o"}},
		{Lineage: "l", Writer: state.Writer{OpID: "o"}},
		{Lineage: "l", Serial: 1},
	} {
		_, err := e.Encode()
		require.Error(t, err)
	}
}

func TestWhatIsWrittenCanBeRead(t *testing.T) {
	e := &state.Envelope{Lineage: "l", Serial: 7, Writer: state.Writer{OpID: "o"}, Payload: json.RawMessage(`""`)}
	raw, err := e.Encode()
	require.NoError(t, err)
	text := func(n int) json.RawMessage { return append(append([]byte{'"'}, bytes.Repeat([]byte("a"), n)...), '"') }
	room := state.MaxSize - len(raw)

	e.Payload = text(room)
	raw, err = e.Encode()
	require.NoError(t, err)
	require.Len(t, raw, state.MaxSize)
	_, err = state.Decode(raw, "here")
	require.NoError(t, err)

	e.Payload = text(room + 1)
	_, err = e.Encode()
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, diag.Invalid, d.Code)
	require.Equal(t, "State would be too large", d.Summary)
}

func TestWhatIsSmallInAFileIsCountedBeforeItIsRead(t *testing.T) {
	const most = 100_000
	e := &state.Envelope{
		Lineage: "l", Serial: 7, Writer: state.Writer{OpID: "o"}, Payload: json.RawMessage(`{}`),
		Intents: make([]state.Intent, most),
	}
	e.Intents[0].Engine = json.RawMessage(`[{"a":[1,2],"b":"\\\",[{"},3]`)
	raw, err := e.Encode()
	require.NoError(t, err)
	_, err = state.Decode(raw, "here")
	require.NoError(t, err)

	e.Intents = make([]state.Intent, most+1)
	_, err = e.Encode()
	require.Error(t, err)

	e.Intents = nil
	for name, payload := range map[string]string{
		"components": `{"Components":[{}` + strings.Repeat(",{}", most) + `]}`,
		"values":     `{"x":{"y":[1` + strings.Repeat(",1", 2<<20) + `]}}`,
	} {
		e.Payload = json.RawMessage(payload)
		_, err := e.Encode()
		require.ErrorContains(t, err, "It would have more than", name)
	}
	e.Payload, e.Lineage = json.RawMessage(`{}`), strings.Repeat("l", 1<<20)
	_, err = e.Encode()
	require.ErrorContains(t, err, "It would have more than 1024 KiB besides intents and payload")

	const head = `{"formatVersion":2,"minReader":2,`
	for doc, want := range map[string]string{
		head + `"intents":[{}` + strings.Repeat(",{}", most) +
			`]}`: "more than 100000 intents",
		head + `"intents":[{}],"Intents":[ {}` + strings.Repeat(",{}", most) +
			` ]}`: "more than 100000 intents",
		head + `"payload":{"components":[{}` + strings.Repeat(",{}", most) +
			`]}}`: "more than 100000 components",
		head + `"payload":{"components":[],"comp\u006fnents":[{}` + strings.Repeat(",{}", most) +
			`]}}`: "more than 100000 components",
		head + `"payload":[1` + strings.Repeat(",1", 2<<20) +
			`]}`: "more than 2097152 values",
		head + `"writer":{"lockId":"` + strings.Repeat("l", 1<<20) +
			`"}}`: "more than 1024 KiB besides intents and payload",
		head +
			`"intent\u0073":[{},{}]}`: "a key is written with escapes",
		head +
			`"lineage":"l","serial":1,"sha256":""}`: "it has no payload",
		head +
			`"payload":{},"intents":{}}`: "intents: json: cannot unmarshal object",
		head +
			`"payload":{},"serial":"1"}`: "cannot unmarshal string into Go struct field Envelope.serial",
		`[]`: "it is no JSON object",
		``:   "it is empty",
		` `:  "it ends early, after 1 bytes",
		`{"formatVersion":99,"minReader":99,"x":"` + strings.Repeat("l", 1<<20) + `","intents":{},"payload":[1` +
			strings.Repeat(",1", 2<<20) + `]}`: "has format 99",
	} {
		_, err := state.Decode([]byte(doc), "here")
		require.ErrorContains(t, err, want, "%.60s", doc)
	}
}

func TestRoom(t *testing.T) {
	half := json.RawMessage(bytes.Repeat([]byte("1"), state.MaxSize/2))
	create := []state.Intent{{Action: state.Create, Engine: json.RawMessage("1")}}
	require.NoError(t, state.Room(&state.Payload{Engine: half[1:]}, create))
	require.Error(t, state.Room(&state.Payload{Engine: half}, create), "what is made comes back with outputs")
	require.Error(t, state.Room(&state.Payload{Config: half},
		[]state.Intent{{Action: state.Replace, Engine: json.RawMessage("1")}}))
	require.NoError(t, state.Room(&state.Payload{Engine: half, Config: half},
		[]state.Intent{{Action: state.Delete}, {Action: state.Update}}),
		"a large stack can be made smaller")
}

func TestPlace(t *testing.T) {
	for text, want := range map[string]state.Place{
		`{"engine":{"stack":"inner"},"stack":"shop","environment":"dev","account":"1","region":"r","components":[]}`: {
			"shop", "dev", "1", "r",
		},
		`{"Stack":"shop","ACCOUNT":"1"}`: {Stack: "shop", Account: "1"},
		`{}`:                             {},
	} {
		e := &state.Envelope{Payload: []byte(text)}
		got, err := e.Place()
		require.NoError(t, err)
		require.Equal(t, want, got)
		p, err := e.Decode()
		require.NoError(t, err)
		require.Equal(t, state.Place{p.Stack, p.Environment, p.Account, p.Region}, got, "as the payload is read")
	}
	for _, text := range []string{`[]`, `{"account":1}`, `{"\u0061ccount":"1"}`, `null`} {
		_, err := (&state.Envelope{Payload: []byte(text)}).Place()
		require.Error(t, err, text)
	}
}
