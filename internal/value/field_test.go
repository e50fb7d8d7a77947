package value

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type limits struct {
	CPU   int      `json:"cpu,omitempty" enum:"256,512" why:"there are no others"`
	Share float64  `json:"share,omitempty" min:"0.5" max:"2"`
	Count *int     `json:"count,omitempty" min:"1"`
	Wait  Duration `json:"wait,omitempty" min:"1m" max:"3h" step:"1m" default:"15m"`
}

type ruled struct {
	_ struct{} `anyOf:"host,hosts,tags" why:"it leads nowhere"`

	Host   string            `json:"host,omitempty" pattern:"^[a-z.]+$" form:"a host name" max:"10"`
	Hosts  []string          `json:"hosts,omitempty" min:"2" unique:"true" pattern:"^[a-z.]+$" form:"a host name"`
	Cert   Of[string]        `json:"cert,omitempty" pattern:"^arn:" form:"an ARN" needs:"host|hosts"`
	Tags   map[string]string `json:"tags,omitempty" scalar:"text" keys:"^[a-z]+$" keyForm:"a key" pattern:"^.{0,3}$" max:"2" why:"AWS has two" without:"hosts"`
	Open   bool              `json:"open,omitempty" default:"true"`
	Shut   bool              `json:"shut,omitempty" without:"open"`
	Wide   bool              `json:"wide,omitempty" needs:"open"`
	Key    Of[string]        `json:"key,omitempty" default:"auto"`
	Ports  []inner           `json:"ports,omitempty" unique:"port"`
	Nested limits            `json:"nested,omitempty"`
	Ptr    *limits           `json:"ptr,omitempty"`
}

func TestRulesOfTags(t *testing.T) {
	type m = map[string]any
	late := func(key string) string {
		return key + ": must be known before the first object is created. It can use variables, but not outputs of " +
			"components"
	}
	for name, c := range map[string]struct {
		in   m
		want []string
	}{
		"all well": {m{
			"host": "a.b", "cert": "arn:x", "tags": m{"a": 1}, "ports": []any{m{"port": 1}, m{"port": 2}},
			"nested": m{"cpu": 256, "share": 0.5, "count": 1, "wait": "2m"},
		}, nil},
		"nothing":  {m{}, []string{"needs host, hosts or tags: it leads nowhere"}},
		"pattern":  {m{"host": "A"}, []string{`host: "A" is not a host name`}},
		"long":     {m{"host": "abcdefghijk"}, []string{"host: must have at most 10 characters, but has 11"}},
		"of items": {m{"hosts": []any{"a", "B"}}, []string{`hosts.1: "B" is not a host name`}},
		"few":      {m{"hosts": []any{"a"}}, []string{"hosts: must have at least 2 items, but has 1"}},
		"none":     {m{"hosts": []any{}}, []string{"hosts: must not be empty"}},
		"twice":    {m{"hosts": []any{"a", "b", "a"}}, []string{`hosts.2: "a" is given twice`}},
		"late":     {m{"host": "a", "cert": Output("a/b", "arn")}, nil},
		"needs":    {m{"tags": m{"a": "b"}, "cert": "arn:x"}, []string{"cert: needs host or hosts"}},
		"without": {
			m{"hosts": []any{"a", "b"}, "tags": m{"a": "b"}},
			[]string{"tags: cannot be given together with hosts"},
		},
		"without a flag": {m{"host": "a", "open": false, "shut": true}, nil},
		"with a flag": {
			m{"host": "a", "open": true, "shut": true},
			[]string{"shut: cannot be given together with open"},
		},
		"without a flag of a variable": {m{"host": "a", "open": NewLoose("false"), "shut": true}, nil},
		"with a flag of a variable": {
			m{"host": "a", "open": NewLoose("true"), "shut": true},
			[]string{"shut: cannot be given together with open"},
		},
		"with a flag that is not known yet": {
			m{"host": "a", "open": NewUnknown(), "shut": true},
			[]string{late("open")},
		},
		"a flag that is not known yet, with": {
			m{"host": "a", "open": true, "shut": NewUnknown()},
			[]string{late("shut")},
		},
		"needs a flag that is not known yet": {
			m{"host": "a", "wide": true, "open": NewUnknown()},
			[]string{late("open")},
		},
		"needs a flag that is not set": {
			m{"host": "a", "wide": true, "open": NewLoose("false")},
			[]string{"wide: needs open"},
		},
		"key":       {m{"tags": m{"A": "b"}}, []string{`tags.A: "A" is not a key`}},
		"of values": {m{"tags": m{"a": "long"}}, []string{`tags.a: "long" is not of the form ^.{0,3}$: AWS has two`}},
		"many": {
			m{"tags": m{"a": "", "b": "", "c": ""}},
			[]string{"tags: must have at most 2 entries, but has 3: AWS has two"},
		},
		"port twice": {
			m{"host": "a", "ports": []any{m{"port": 1}, m{"port": 1}}},
			[]string{"ports.1.port: 1 is given twice"},
		},
		"number": {
			m{"host": "a", "nested": m{"cpu": 300}},
			[]string{"nested.cpu: must be one of 256, 512, but is 300: there are no others"},
		},
		"of a variable": {
			m{"host": "a", "nested": m{"cpu": NewLoose("300")}},
			[]string{"nested.cpu: must be one of 256, 512, but is 300: there are no others"},
		},
		"fraction": {
			m{"host": "a", "ptr": m{"share": 2.5}},
			[]string{"ptr.share: must be from 0.5 to 2, but is 2.5"},
		},
		"zero": {
			m{"host": "a", "nested": m{"count": 0}},
			[]string{"nested.count: must be at least 1, but is 0"},
		},
		"span": {
			m{"host": "a", "nested": m{"wait": "4h"}},
			[]string{"nested.wait: must be from 1m to 3h, but is 4h"},
		},
		"step": {
			m{"host": "a", "nested": m{"wait": "90s"}},
			[]string{"nested.wait: must be a multiple of 1m, but is 90s"},
		},
		"secret": {m{"host": NewLoose("HUSH").Sensitive()}, []string{"host: (sensitive) is not a host name"}},
		"secret number": {m{"host": "a", "nested": m{"cpu": NewLoose("300").Sensitive()}}, []string{
			"nested.cpu: must be one of 256, 512, but is (sensitive): there are no others",
		}},
		"secret word": {m{"host": "a", "nested": m{"cpu": NewLoose("HUSH").Sensitive()}}, []string{
			"nested.cpu: must be a number, but the variable has the text (sensitive)",
		}},
		"secret span": {
			m{"host": "a", "nested": m{"wait": NewLoose("HUSH").Sensitive()}},
			[]string{"nested.wait: (sensitive) cannot be used here"},
		},
	} {
		var out ruled
		var got []string
		for _, p := range Decode(plain(t, c.in), &out) {
			got = append(got, p.Error())
		}
		require.Equal(t, c.want, got, name)
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	var out ruled
	require.Empty(t, Decode(plain(t, map[string]any{"host": "a", "open": nil}), &out))
	require.True(t, out.Open)
	require.Equal(t, "auto", out.Key.Get())
	require.Equal(t, 15*time.Minute, time.Duration(out.Nested.Wait), "below a map that is not given")
	require.Nil(t, out.Ptr, "what is not there has no defaults")

	out = ruled{}
	require.Empty(t,
		Decode(plain(t, map[string]any{
			"host": "a", "open": false, "key": "k", "nested": map[string]any{},
			"ptr": map[string]any{"wait": "1h"},
		}), &out))
	require.False(t, out.Open, "what is given stays")
	require.Equal(t, "k", out.Key.Get())
	require.Equal(t, 15*time.Minute, time.Duration(out.Nested.Wait))
	require.Equal(t, time.Hour, time.Duration(out.Ptr.Wait))
}

// A problem with a number that no field can hold says which numbers this field takes.
func TestNumbersBeyondWhatAFieldCanHold(t *testing.T) {
	var out struct {
		Size int `json:"size" enum:"256,512"`
		Port int `json:"port" min:"1" max:"65535"`
		Any  int `json:"any"`
	}
	const text = "99999999999999999999"
	for name, want := range map[string]string{
		"size": "must be one of 256, 512, but is " + text,
		"port": "must be from 1 to 65535, but is " + text,
		"any":  "must be a whole number between -9007199254740992 and 9007199254740992, but is " + text,
	} {
		// a reader of YAML takes such a number for a text
		for _, written := range []Value{NewNumber(1e20), NewString(text)} {
			problems := Decode(NewMap(map[string]Value{name: written}), &out)
			require.Len(t, problems, 1)
			require.Equal(t, want, OutOfRange(text, problems[0].Accepts))
		}
	}
}
