package engine

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzReplay: a journal is refused, or gives a readable state. A replay of nothing more leaves that state as it is.
func FuzzReplay(f *testing.F) {
	c := newCloud()
	o := c.options()
	var lines []byte
	o.Journal = func(line []byte, _ bool) error { lines = append(append(lines, line...), '\n'); return nil }
	first := apply(f, chain(f, "a", "v1"), nil, o)
	f.Add([]byte(nil), lines)
	f.Add(first.State, lines)
	lines = nil
	apply(f, chain(f, "a", "v2"), first.State, o)
	f.Add(first.State, lines)
	f.Add(first.State, lines[:len(lines)/2])
	f.Add(first.State, bytes.ReplaceAll(lines, []byte(`"slot":`), []byte(`"slot":9`)))
	for _, seed := range []string{
		`{"step":1,"op":"creating","resource":null}`, `{"step":1,"set":[{"slot":-1,"resource":{}}]}`,
		`{"step":1,"set":[{"slot":999999999,"resource":{}}]}`, `{"step":1,"drop":[-1]}`, `{"step":-9,"drop":[0,0,0]}`,
		`{"state":[]}`, `{"state":{"resources":[null]}}`, strings.Repeat("[", 20000),
		strings.Repeat(`{"state":`, 20000), "null", "\x00", `{"step":1e30}`,
		"{\"step\":1,\"op\":\"creating\",\"resource\":{\"urn\":\"\"}}\n{\"step\":1}\n{\"step\":1}",
	} {
		f.Add([]byte(nil), []byte(seed))
		f.Add(first.State, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, base, journal []byte) {
		result, err := Replay(base, bytes.Split(journal, []byte("\n")))
		if err != nil {
			return
		}
		if _, err := Resources(result); err != nil {
			t.Fatalf("%s: %v", result, err)
		}
		again, err := Replay(result, nil)
		if err != nil || !bytes.Equal(again, result) {
			t.Fatalf("%s\n%s\n%v", result, again, err)
		}
	})
}
