package state_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

// FuzzDecode: an envelope is refused as a Conflict, or is the same after it is written and read again.
func FuzzDecode(f *testing.F) {
	raw := sample(f)
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add(bytes.ReplaceAll(raw, []byte(`"serial":`), []byte(`"serial":9`)))
	for _, seed := range []string{
		`{"formatVersion": 2, "minReader": 2, "lineage": null, "intents": {}, "payload": null}`,
		`{"formatVersion": 99, "minReader": 99}`, `{"formatVersion": 1e30}`, `{"formatVersion": -1, "minReader": -1}`,
		strings.Repeat("[", 20000), strings.Repeat(`{"payload":`, 20000),
		`{"formatVersion":2,"minReader":2,"FORMATVERSION":2}`, "\xef\xbb\xbf{}", "\x00", "null", `"\u001b[31m"`,
		`{"formatVersion":2,"minReader":2,"lineage":"\u001b[31m\u202e","serial":1,"sha256":"\u001b[31m"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := state.Decode(raw, "here")
		if err != nil {
			var d *diag.Diagnostic
			if !errors.As(err, &d) || d.Code != diag.Conflict || d.Detail == "" || d.Next == "" {
				t.Fatalf("%v does not say what to do", err)
			}
			return
		}
		if _, err := e.Decode(); err != nil && len(e.Payload) == 0 {
			t.Fatal(err)
		}
		written, err := e.Encode()
		if err != nil {
			if e.Writer.OpID != "" {
				t.Fatal(err)
			}
			return
		}
		again, err := state.Decode(written, "here")
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if d := cmp.Diff(e, again); d != "" {
			t.Fatal(d)
		}
	})
}
