package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/company/deployer/internal/value"
)

func FuzzCompile(f *testing.F) {
	nested := func(open, inner, end string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	for _, seed := range []string{
		"${VERSION}", "a$${b}%{c}", "${database.endpoint[0].x}", `${format("%s-%05d", VERSION, 1)}`,
		"${jsonencode({a = [TOKEN]})}",
		"${\"${\"${VERSION}\"}\"}", "${a ? b : c}", "${~ VERSION ~}", "${<<EOT\nx\nEOT\n}", "${{for k in []: k => k}}",
		"%{ if x }${1e99}", "${database.*.x}", "${-(!true)}",
		// attacks
		nested("${", "x", "}", 5000), nested(`${"`, "x", `"}`, 3000), "${" + nested("(", "1", ")", 5000) + "}",
		"${" + nested("[", "", "]", 5000) + "}", "${" + strings.Repeat("!", 5000) + "true}",
		"${" + strings.Repeat("-", 5000) + "1}", "${" + strings.Repeat("true ? 1 : ", 500) + "2}",
		"${" + strings.Repeat("x.", 5000) + "y}", "${" + strings.Repeat("1+", 2000) + "1}",
		strings.Repeat("${VERSION}", 1000),
		"${1e999999999}", "${1e9999 * 1e9999}", "${1/0}", "${x[1e999999]}", `${format("%999999999d", 1)}`,
		`${format("%[999999]s", "x")}`, `${join("", [for x in y: x])}`,
		`${replace("` + strings.Repeat("a", 5000) + `", "a", "` + strings.Repeat("b", 5000) + `")}`,
		`${jsonencode(jsonencode(jsonencode(jsonencode("\"\"\"\""))))}`,
		`${jsondecode("` + strings.Repeat("[", 500) + `")}`,
		`${base64decode("/////w==")}`, `${split("", "` + strings.Repeat("a", 1000) + `")}`, "${\"\\u202e\x1b[31m\"}",
		"${\x00}", "\xff${\xfe}", "${TOKEN}${TOKEN}", `${upper(TOKEN)}`, `${length(TOKEN)}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		v, problems := NewCompiler().Compile(text, scope)
		if took := time.Since(began); took > 20*time.Second {
			t.Fatalf("took %s", took)
		}
		for _, problem := range problems {
			var e *Error
			if !errors.As(problem, &e) || e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > len(text) {
				t.Fatalf("%q: %#v has no place in the text", text, problem)
			}
		}
		if len(problems) == 0 && !strings.Contains(text, "${") && v.Str() != text {
			t.Fatalf("%q changed to %s", text, v)
		}
		if strings.Contains(v.String(), "hunter2") {
			t.Fatalf("%q shows the secret", text)
		}
		if given, _ := v.Text(); len(given) > maxResult+len(text) {
			t.Fatalf("%q gives %d bytes", text, len(given))
		}
		if e := v.Expression(); e != nil {
			resolved, err := value.Resolve(v, value.Env{
				Template: Evaluate,
				Lookup:   func(value.Reference) (value.Value, error) { return value.NewUnknown(), nil },
			})
			if err == nil && utf8.ValidString(text) && resolved.Kind() == value.Deferred {
				t.Fatalf("%q stays deferred", norm.NFC.String(text))
			}
		}
		if stored, err := json.Marshal(v); err == nil && utf8.ValidString(text) { // it is stored as compiled
			var back value.Value
			if err := json.Unmarshal(stored, &back); err != nil {
				t.Fatalf("%.100q: stored as %s: %v", text, stored, err)
			}
			if again, err := json.Marshal(back); err != nil || !bytes.Equal(again, stored) {
				t.Fatalf("%.100q: stored as %s, then as %s, %v", text, stored, again, err)
			}
		}
	})
}
