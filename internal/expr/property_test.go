package expr

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/company/deployer/internal/value"
)

// TestLiteralTextIsKept: text around an expression stays as it was written.
func TestLiteralTextIsKept(t *testing.T) {
	literal := rapid.StringMatching(`([a-z ${}%"\\~\n]|%\{|\$\$)*`)
	rapid.Check(t, func(t *rapid.T) {
		before, after := literal.Draw(t, "before"), literal.Draw(t, "after")
		if strings.Contains(before+after, "${") || strings.HasSuffix(before, "$") ||
			strings.Contains(before+after, "~") {
			t.Skip("holds a marker of its own")
		}
		v, problems := NewCompiler().Compile(before+"${VERSION}"+after, scope)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if want := before + "1.10" + after; v.Str() != want {
			t.Fatalf("got %q, want %q", v.Str(), want)
		}
	})
}

// TestDollarEscape: a text with $${ in place of every ${ is its own value.
func TestDollarEscape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([a-z{}% ]|\$\{)*`).Draw(t, "text")
		v, problems := NewCompiler().Compile(strings.ReplaceAll(s, "${", "$${"), scope)
		if len(problems) > 0 || v.Str() != s {
			t.Fatalf("%q became %s, %v", s, v, problems)
		}
	})
}

// TestDeferredEqualsDirect: late evaluation, with the outputs, gives the same as direct evaluation with known names.
func TestDeferredEqualsDirect(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"x", "%{", "$${", " ", "${database.endpoint}", "${VERSION}", "${upper(user-service.db.host)}",
		"${database.endpoint == \"a\" ? VERSION : database.endpoint}", "${join(\"-\", [VERSION, database.endpoint])}",
	})
	output := rapid.StringMatching(`[a-z%${}]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(t, "text"), "")
		outputs := map[value.Reference]value.Value{
			{Target: "web/database", Output: "endpoint"}: value.NewString(output.Draw(t, "endpoint")),
			{Target: "user-service/db", Output: "host"}:  value.NewString(output.Draw(t, "host")),
		}
		env := value.Env{Template: Evaluate, Lookup: func(r value.Reference) (value.Value, error) {
			return outputs[r], nil
		}}
		later, problems := NewCompiler().Compile(text, scope)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		got, err := value.Resolve(later, env)
		if err != nil {
			t.Fatal(err)
		}
		want, problems := NewCompiler().Compile(text, func(path []string) (value.Value, int, error) {
			v, used, err := scope(path)
			if refs := v.References(); len(refs) > 0 {
				v = outputs[refs[0]]
			}
			return v, used, err
		})
		if len(problems) > 0 || !value.Equal(got, want) {
			t.Fatalf("%s: later %s, at once %s %v", text, got, want, problems)
		}
	})
}

// TestSingleNameShortcut: the shortcut returns the same as the parser.
func TestSingleNameShortcut(t *testing.T) {
	text := rapid.StringMatching(
		`\$\{ {0,2}(true|null|VERSION|MISSING|nope|database|database\.[a-z-]{1,3}|user-service\.db\.[a-z]{1,2}(\.x)?|environment\.production) {0,2}\}`,
	)
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		short, problems := NewCompiler().Compile(s, scope)
		// the shortcut does not accept a line end
		long, more := NewCompiler().Compile(strings.Replace(s, "}", "\n}", 1), scope)
		if len(problems) != len(more) || len(problems) == 0 && short.Kind() != value.Unknown &&
			(!value.Equal(short, long) || short.IsLoose() != long.IsLoose()) {
			t.Fatalf("%s: %s %v, the parser says %s %v", s, short, problems, long, more)
		}
	})
}
