package value

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzJSON: a value that can be read stays the same when it is stored and read again.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, "x", null, true, 1.10]}`, `{"$unknown": true}`, `{"$$unknown": true, "$": 1}`,
		`{"$expression": {"op": "reference", "ref": {"target": "a/b", "output": "c"}}}`,
		`{"$expression": {"op": "template", "source": "${a}", "names": ["a"], "args": [{"$expression": null}]}}`,
		`{"$expression": 1}`, `{"$expression": {"op": "select", "args": []}}`,
		`{"$expression": {"op": "after"}}`, strings.Repeat("[", 20000), strings.Repeat(`{"a":`, 20000), `1e999`,
		`{"a": 1, "a": 2}`, `"\ud800"`, `"\u0000\u202e\u001b[31m"`, "\xff", ` {"$unknown": 0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v Value
		if json.Unmarshal(data, &v) != nil {
			return
		}
		stored, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%s was read and cannot be stored: %v", data, err)
		}
		var back Value
		if err := json.Unmarshal(stored, &back); err != nil {
			t.Fatalf("%s: stored as %s: %v", v, stored, err)
		}
		if again, err := json.Marshal(back); err != nil || !bytes.Equal(again, stored) {
			t.Fatalf("%s: stored as %s, then as %s, %v", v, stored, again, err)
		}
		env := Env{
			Lookup:   func(Reference) (Value, error) { return NewUnknown(), nil },
			Template: func(string, map[string]Value) (Value, error) { return NewUnknown(), nil },
		}
		_, _ = Resolve(v, env) // may fail, may not panic
		_ = v.String()
		v.References()
	})
}
