package state

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzSplit: it ends for every input, and in valid JSON it finds what encoding/json finds.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `[]`, `null`, `"{"`, `{"a":1,"b":[1,[2,3],{"c":"]}"}],"a":{"x":{}}}`,
		"{\n \"a\" : [ ] ,\t\"b\" : \"\\\\\" , \"c\":\"\\\\\\\"\" }\n", `{"\u0061":[],"":true,"é":-1e9}`,
		`{"a"}`, `{"a":`, `{"a":[`, `{"a":"`, `{"`, `{"a":1 2}`, `{"a":}`, `{,}`, `{"a":1,}`, `{"a":]}`, `{"a":"\`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := map[string]part{}
		object := split(doc, func(key []byte, v part) bool {
			if !json.Valid(doc) {
				return true
			}
			var name string
			if err := json.Unmarshal(append(append([]byte{'"'}, key...), '"'), &name); err != nil {
				t.Fatalf("key %q: %v", key, err)
			}
			got[name] = v
			return true
		})
		if !json.Valid(doc) {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(doc, &want); object != (err == nil && want != nil) {
			t.Fatalf("object: %v, encoding/json: %v", object, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d members, want %d", len(got), len(want))
		}
		for name, value := range want {
			p := got[name]
			if !bytes.Equal(p.text, value) {
				t.Fatalf("%q: %s, want %s", name, p.text, value)
			}
			items, values := counted(json.NewDecoder(bytes.NewReader(value)))
			if p.items != items || p.values < values || p.values > 2*values {
				t.Fatalf("%s: %d items, %d values, want %d, %d", value, p.items, p.values, items, values)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, value); err != nil || p.spaced != (compact.Len() < len(value)) {
				t.Fatalf("%s: spaced is %v", value, p.spaced)
			}
		}
	})
}

// counted counts the items of a list or object, and the values in it and itself; of keys that come twice both.
func counted(d *json.Decoder) (items, values int) {
	word, _ := d.Token()
	if word != json.Delim('{') && word != json.Delim('[') {
		return 0, 1
	}
	for ; d.More(); items++ {
		if word == json.Delim('{') {
			_, _ = d.Token() // the key
		}
		_, more := counted(d)
		values += more
	}
	_, _ = d.Token()
	return items, values + 1
}
