package value

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type inner struct {
	Port int    `json:"port" required:"true"`
	Kind string `json:"kind,omitempty" enum:"tcp,udp"`
}

type sample struct {
	Name    string            `json:"name" required:"true"`
	CPU     int               `json:"cpu,omitempty"`
	Ratio   float64           `json:"ratio,omitempty"`
	On      *bool             `json:"on,omitempty"`
	Timeout Duration          `json:"timeout,omitempty"`
	Env     map[string]string `json:"env,omitempty" scalar:"text"`
	ARN     Of[string]        `json:"arn,omitempty"`
	Count   Of[int]           `json:"count,omitempty"`
	Ports   []inner           `json:"ports,omitempty"`
	Any     Value             `json:"any,omitempty"`
}

func plain(t *testing.T, data any) Value {
	t.Helper()
	v, err := From(data)
	require.NoError(t, err)
	return v
}

func TestDecodeFillsEveryShape(t *testing.T) {
	var s sample
	problems := Decode(plain(t, map[string]any{
		"name": "x", "cpu": 256, "ratio": 0.5, "on": false, "timeout": "7d", "env": map[string]any{"A": 1.5, "B": true},
		"arn": Output("a/b", "arn"), "count": NewLoose("3"), "ports": []any{map[string]any{"port": NewLoose("80")}},
		"any": []any{1},
	}), &s)
	require.Empty(t, problems)
	require.Equal(t, 256, s.CPU)
	require.Equal(t, 7*24*time.Hour, time.Duration(s.Timeout))
	require.False(t, *s.On)
	require.Equal(t, map[string]string{"A": "1.5", "B": "true"}, s.Env)
	require.False(t, s.ARN.Known())
	require.Equal(t, 3, s.Count.Get())
	require.Equal(t, Number, s.Count.Value().Kind(), "a loose text takes the field's type")
	require.Equal(t, 80, s.Ports[0].Port)
}

func TestDecodeReportsEverythingAtOnce(t *testing.T) {
	var s sample
	problems := Decode(plain(t, map[string]any{
		"nome": "x", "cpu": "256", "ratio": NewLoose("much"), "on": 1, "timeout": "soon", "env": []any{},
		"count": "three", "ports": []any{map[string]any{"kind": "icmp"}, "x"},
	}), &s)
	got := map[string]ProblemKind{}
	for _, p := range problems {
		got[p.Error()] = p.Kind
	}
	require.Equal(t, map[string]ProblemKind{
		`nome: unknown key "nome"`:                                      UnknownKey,
		`the key "name" is required`:                                    MissingKey,
		`cpu: must be a number, but is a string`:                        WrongType,
		`ratio: must be a number, but the variable has the text "much"`: WrongType,
		`on: must be true or false, but is a number`:                    WrongType,
		`timeout: "soon" is not a duration such as 30s, 15m or 7d`:      BadValue,
		`env: must be a map, but is a list`:                             WrongType,
		`count: must be a number, but is a string`:                      WrongType,
		`ports.0.kind: "icmp" is not one of tcp, udp`:                   BadValue,
		`ports.0: the key "port" is required`:                           MissingKey,
		`ports.1: must be a map, but is a string`:                       WrongType,
	}, got)
}

func TestPlainFieldsMustBeKnown(t *testing.T) {
	var s sample
	problems := Decode(plain(t, map[string]any{"name": Output("a/b", "c"), "cpu": NewUnknown()}), &s)
	require.Len(t, problems, 2)
	for _, p := range problems {
		require.Equal(t, NotKnown, p.Kind)
	}
}

func TestEncodeIsTheInverseOfDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		on := rapid.Bool().Draw(t, "on")
		s := sample{
			Name: rapid.String().Draw(t, "name"), CPU: rapid.IntRange(0, 1<<30).Draw(t, "cpu"), On: &on,
			Timeout: Duration(time.Duration(rapid.IntRange(0, 1<<20).Draw(t, "s")) * time.Second),
			Env:     rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "env"),
			ARN:     Lit(rapid.String().Draw(t, "arn")), Count: Lit(rapid.IntRange(-9, 9).Draw(t, "n")),
		}
		encoded := Encode(s)
		var back sample
		require.Empty(t, Decode(encoded, &back))
		require.True(t, Equal(encoded, Encode(back)), "%s", encoded)
	})
}

func TestResolve(t *testing.T) {
	answers := map[string]Value{
		"w/db.endpoint": NewString("db.local"), "w/db.port": NewInt(5432), "w/db.secret": NewString("hush").Sensitive(),
		"w/db.alias": Output("w/db", "endpoint"), "w/db.arns": Strings("a", "b"),
	}
	env := Env{Lookup: func(r Reference) (Value, error) {
		if v, ok := answers[r.String()]; ok {
			return v, nil
		}
		if r.Output == "later" {
			return NewUnknown(), nil
		}
		return NullValue, errors.New("no " + r.String())
	}, Template: func(source string, vars map[string]Value) (Value, error) {
		return NewString(source + vars["x"].Str()), nil
	}}

	tree := NewMap(map[string]Value{
		"url":    Concat("tcp://", Output("w/db", "endpoint"), ":", Output("w/db", "port")),
		"alias":  Output("w/db", "alias"),
		"json":   JSON(NewMap(map[string]Value{"b": Output("w/db", "port"), "a": NewBool(true)})),
		"later":  Concat("x", Output("w/db", "later")),
		"secret": Concat("pw=", Output("w/db", "secret")),
		"second": Select(Output("w/db", "arns"), "1"),
		"all":    Flatten(Output("w/db", "arns"), Strings("c")),
		"tmpl": NewDeferred(Expression{
			Op: OpTemplate, Source: "s:", Names: []string{"x"},
			Args: []Value{Output("w/db", "endpoint")},
		}),
	})
	require.False(t, tree.Known())
	got, err := Resolve(tree, env)
	require.NoError(t, err)
	require.Equal(t, "tcp://db.local:5432", got.Get("url").Str())
	require.Equal(t, "db.local", got.Get("alias").Str())
	require.Equal(t, `{"a":true,"b":5432}`, got.Get("json").Str())
	require.Equal(t, Unknown, got.Get("later").Kind())
	require.Equal(t, Redacted, got.Get("secret").String())
	require.Equal(t, "b", got.Get("second").Str())
	require.Equal(t, []any{"a", "b", "c"}, got.Get("all").Interface())
	require.Equal(t, "s:db.local", got.Get("tmpl").Str())

	_, err = Resolve(Output("w/db", "nope"), env)
	require.ErrorContains(t, err, "w/db.nope")
	require.Len(t, tree.References(), 6)
}

func TestSecretsNeverRender(t *testing.T) {
	const canary = "correct-horse-battery"
	v := NewMap(map[string]Value{
		"password": NewString(canary).Sensitive(),
		"list":     NewList(NewString(canary).Sensitive()),
	})
	for _, text := range []string{v.String(), v.GoString()} {
		require.NotContains(t, text, canary)
		require.Contains(t, text, Redacted)
	}
	require.True(t, v.HasSensitive())
}

func TestTextKeepsHowANumberWasWritten(t *testing.T) {
	text, ok := NewNumber(1.1).WithSource("1.10").Text()
	require.True(t, ok)
	require.Equal(t, "1.10", text)
	require.Equal(t, "v1.10", Concat("v", NewNumber(1.1).WithSource("1.10")).Str())
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "15m": 15 * time.Minute,
		"7d": 168 * time.Hour, "1d12h": 36 * time.Hour,
	} {
		var d Duration
		require.NoError(t, d.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, time.Duration(d))
	}
	for _, text := range []string{"", "7", "d", "-1d", "-5m", "1dd", "99999999999d"} {
		var d Duration
		require.Error(t, d.UnmarshalText([]byte(text)), text)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	v := NewMap(map[string]Value{
		"plain": NewInt(1), "$odd": NewString("x"), "list": NewList(NewBool(true), NullValue, NewUnknown()),
		"url": Concat("http://", Output("a/b", "host")), "empty": NewMap(map[string]Value{}),
		"written": NewNumber(1.1).WithSource("1.10"), "as it is": NewNumber(1.1).WithSource("1.1"),
		"loose": NewLoose("1.10"), "yes": NewBool(true).WithSource("True"),
	})
	doc, err := json.Marshal(v)
	require.NoError(t, err)
	var back Value
	require.NoError(t, json.Unmarshal(doc, &back))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	require.Equal(t, string(doc), string(again))
	require.Equal(t, []Reference{{"a/b", "host"}}, back.References())
	for name, text := range map[string]string{"written": "1.10", "as it is": "1.1", "yes": "True"} {
		got, _ := back.Get(name).Text()
		require.Equal(t, text, got)
	}
	require.True(t, back.Get("loose").IsLoose())
	require.True(t, back.Get("yes").Bool())
	require.Equal(t, "1.10", back.Get("loose").Str())

	_, err = json.Marshal(NewMap(map[string]Value{"p": NewString("hush").Sensitive()}))
	require.ErrorIs(t, err, ErrSensitive)
}

func TestTextOfATemplateNamesItsReferences(t *testing.T) {
	secret := Output("web/database", "secretArn")
	e := Expression{
		Op: OpTemplate, Source: "ref-0 is ${ref-0}#${upper(ref-1)}${VERSION}",
		Names: []string{"ref-0", "ref-1", "VERSION"},
		Args:  []Value{secret, Output("web/queue", "name"), NewString("1")},
	}
	want := "ref-0 is ${web/database.secretArn}#${upper(web/queue.name)}${VERSION}"
	if got := e.Text(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
