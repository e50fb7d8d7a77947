package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/company/deployer/internal/value"
)

// scope is the lookup of the tests: one word is a variable, two a component of this service, three of another service.
func scope(path []string) (value.Value, int, error) {
	switch path[0] {
	case "VERSION":
		return value.NewLoose("1.10"), 1, nil
	case "PORT":
		return value.NewLoose("8080"), 1, nil
	case "TOKEN":
		return value.NewLoose("hunter2").Sensitive(), 1, nil
	case "MISSING":
		return value.NewUnknown(), 1, nil
	case "database":
		if len(path) == 1 {
			return value.NewLoose("a variable"), 1, nil
		}
		return value.Output("web/database", path[1]), 2, nil
	case "user-service":
		return value.Output("user-service/"+path[1], path[2]), 3, nil
	case "environment":
		return value.NewBool(true), 2, nil
	}
	return value.NullValue, 0, fmt.Errorf("no %s", strings.Join(path, "."))
}

func compile(t *testing.T, text string) value.Value {
	t.Helper()
	v, problems := NewCompiler().Compile(text, scope)
	if err := errors.Join(problems...); err != nil {
		t.Fatalf("%s: %s", text, err)
	}
	return v
}

func TestCompileKnown(t *testing.T) {
	for _, c := range []struct {
		text string
		want value.Value
	}{
		{"plain", value.NewString("plain")},
		{"%{ if true }", value.NewString("%{ if true }")},
		{"$${VERSION}", value.NewString("${VERSION}")},
		{"a$${b}%{c}%%{d}${VERSION}", value.NewString("a${b}%{c}%%{d}1.10")},
		{`${"%{x}"}`, value.NewString("%{x}")},
		{"v${VERSION}", value.NewString("v1.10")},
		{"${VERSION}", value.NewString("1.10")},
		{`back\slash ${VERSION} "quoted"`, value.NewString(`back\slash 1.10 "quoted"`)},
		{"line\n${VERSION}\n", value.NewString("line\n1.10\n")},
		{"${PORT + 1}", value.NewInt(8081)},
		{"${environment.production ? 4 : 1}", value.NewInt(4)},
		{"${upper(VERSION)}-${lower(\"AB\")}", value.NewString("1.10-ab")},
		{`${trim("  a ")}${trim("xax", "x")}`, value.NewString("aa")},
		{`${replace("a-b-c", "-", "")}`, value.NewString("abc")},
		{`${join(",", ["a", 1, true])}`, value.NewString("a,1,true")},
		{`${split(",", "a,b")}`, value.Strings("a", "b")},
		{`${format("%s:%03d", "x", 7)}`, value.NewString("x:007")},
		{`${coalesce("", null, VERSION)}`, value.NewString("1.10")},
		{`${base64encode("hi")}${base64decode("aGk=")}`, value.NewString("aGk=hi")},
		{`${jsonencode({b = [1, "x&y"], a = null})}`, value.NewString(`{"a":null,"b":[1,"x&y"]}`)},
		{`${jsondecode("{\"a\": [1]}").a[0]}`, value.NewInt(1)},
		{`${length([1, 2]) + length("äb") + length({a = 1})}`, value.NewInt(5)},
		{`${contains(["1.10"], VERSION) && contains("abc", "b")}`, value.NewBool(true)},
		{`${concat([1], ["a"])}`, value.NewList(value.NewInt(1), value.NewString("a"))},
		{`${join("", keys(merge({a = 1}, {b = 2})))}`, value.NewString("ab")},
		{`${values({a = 1, b = "x"})}`, value.NewList(value.NewInt(1), value.NewString("x"))},
		{`${min(3, 2) + max(1, 5)}`, value.NewInt(7)},
		{`${tonumber(PORT)}`, value.NewInt(8080)},
		{`${tostring(8080)}`, value.NewString("8080")},
	} {
		if got := compile(t, c.text); !value.Equal(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
	if v := compile(t, "${VERSION}"); !v.IsLoose() {
		t.Error("a variable that is the whole text must stay loose")
	}
	if v := compile(t, "v${VERSION}"); v.IsLoose() {
		t.Error("a text with more than a variable is an ordinary string")
	}
}

func TestCompileReferences(t *testing.T) {
	endpoint := value.Output("web/database", "endpoint")
	if got := compile(t, "${database.endpoint}"); !value.Equal(got, endpoint) {
		t.Errorf("one reference must stay a reference, got %#v", got.Expression())
	}
	if got := compile(t, "${ user-service.db.endpoint }"); !value.Equal(got,
		value.Output("user-service/db", "endpoint")) {
		t.Errorf("got %#v", got.Expression())
	}
	got := compile(t, `${user-service.net.subnets[1].id["x"]}`)
	if want := value.Select(value.Output("user-service/net", "subnets"), "1", "id", "x"); !value.Equal(got, want) {
		t.Errorf("got %+v", got.Expression())
	}

	got = compile(t,
		"%{a}${database}:${database.endpoint}/${upper(VERSION)}?${database.endpoint}&${user-service.db.port[0]}")
	e := got.Expression()
	if e == nil || e.Op != value.OpTemplate {
		t.Fatalf("want a template, got %s", got)
	}
	if want := "%{a}${database}:${ref-0}/${upper(VERSION)}?${ref-0}&${ref-1[0]}"; e.Source != want {
		t.Errorf("source %q, want %q", e.Source, want)
	}
	if want := "database ref-0 VERSION ref-1"; strings.Join(e.Names, " ") != want {
		t.Errorf("names %q, want %q", e.Names, want)
	}
	if refs := got.References(); len(refs) != 2 {
		t.Errorf("references %v", refs)
	}

	env := value.Env{Template: Evaluate, Lookup: func(r value.Reference) (value.Value, error) {
		if r.Output == "port" {
			return value.NewList(value.NewInt(5432)), nil
		}
		return value.NewString("db.example"), nil
	}}
	resolved, err := value.Resolve(got, env)
	if err != nil {
		t.Fatal(err)
	}
	if want := "%{a}a variable:db.example/1.10?db.example&5432"; resolved.Str() != want {
		t.Errorf("resolved %s, want %q", resolved, want)
	}
}

func TestUnknownAndSensitive(t *testing.T) {
	for _, text := range []string{"${MISSING}", "a${MISSING}", "${upper(MISSING)}", "${MISSING == 1 ? 2 : 3}"} {
		if v := compile(t, text); v.Kind() != value.Unknown {
			t.Errorf("%s: got %s, want unknown", text, v)
		}
	}
	for _, text := range []string{
		"${TOKEN}", "a${TOKEN}", "${upper(TOKEN)}", `${TOKEN == "" ? 1 : 2}`,
		`${jsonencode({a = TOKEN})}`, "${length(TOKEN)}",
	} {
		if v := compile(t, text); !v.IsSensitive() {
			t.Errorf("%s: the mark is lost", text)
		} else if strings.Contains(fmt.Sprintf("%v %#v", v, v), "hunter2") {
			t.Errorf("%s: %v shows the secret", text, v)
		}
	}
	if v := compile(t, "${[TOKEN, VERSION]}"); v.IsSensitive() || !v.Items()[0].IsSensitive() ||
		v.Items()[1].IsSensitive() {
		t.Error("only the item is sensitive")
	}
	deferred := compile(t, "${TOKEN}@${database.endpoint}")
	v, err := value.Resolve(deferred, value.Env{
		Template: Evaluate,
		Lookup:   func(value.Reference) (value.Value, error) { return value.NewUnknown(), nil },
	})
	if err != nil || v.Kind() != value.Unknown || !v.IsSensitive() {
		t.Errorf("got %s, sensitive %t, %v", v.Kind(), v.IsSensitive(), err)
	}
	if v, err := Evaluate("${a ? b : c}", map[string]value.Value{
		"a": value.NewBool(true), "b": value.NewInt(1),
		"c": value.NewUnknown(),
	}); err != nil || v.Number() != 1 {
		t.Errorf("a template may know its answer although a part is unknown: %s %v", v, err)
	}
	if _, err := Evaluate("${a}", nil); err == nil {
		t.Error("a template without its variables must fail")
	}
}

func TestProblemsHavePlaces(t *testing.T) {
	for _, c := range []struct{ text, at, says string }{
		{"a ${nope} b ${database.x} ${also.nope}", "nope", "no nope"},
		{"%{x} ${no.thing.here[0]}", "no.thing.here", "no no.thing.here"},
		{"${uper(VERSION)}", "uper", "no function named"},
		{"x ${upper(1, 2)}", "2", "only 1 argument"},
		{"${[for x in [1]: x]}", "[for x in [1]: x]", "loops are not supported"},
		{"${1e999999999}", "1e999999999", "outside of the range"},
	} {
		_, problems := NewCompiler().Compile(c.text, scope)
		if len(problems) == 0 {
			t.Errorf("%s: no problem found", c.text)
			continue
		}
		var e *Error
		if !errors.As(problems[0], &e) || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: got %q", c.text, problems[0])
			continue
		}
		if got := c.text[e.Offset : e.Offset+e.Length]; !strings.HasPrefix(got, c.at) {
			t.Errorf("%s: marked %q, want %q", c.text, got, c.at)
		}
	}
	if _, problems := NewCompiler().Compile("${nope} ${nothing.at.all}", scope); len(problems) != 2 {
		t.Errorf("all problems at once, got %v", problems)
	}
}

func TestHostile(t *testing.T) {
	long := strings.Repeat("a", 20000)
	lookup := func([]string) (value.Value, int, error) { return value.NewLoose(long), 1, nil }
	for name, text := range map[string]string{
		"length":           "${" + strings.Repeat("a", MaxLength) + "}",
		"brackets":         "${" + strings.Repeat("[", 16000),
		"parentheses":      "${" + strings.Repeat("(", 16000),
		"nested quotes":    strings.Repeat(`${"`, 10000),
		"nested templates": strings.Repeat("${", 16000),
		"not":              "${" + strings.Repeat("!", 32000) + "true}",
		"minus":            "${" + strings.Repeat("- ", 16000) + "1}",
		"conditionals":     "${" + strings.Repeat("true?1:", 4000) + "1}",
		"sum":              "${1" + strings.Repeat("+1", 16000) + "}",
		"loops":            "${[for a in [1,2]: [for b in [1,2]: b]]}",
		"width":            `${format("%999999999s", "x")}`,
		"precision":        `${format("%.999999999f", 1)}`,
		"repeat":           `${format("` + strings.Repeat("%[1]s", 4000) + `", X)}`,
		"square":           `${replace(X, "a", X)}`,
		"cube":             `${length(replace(replace(X, "a", "aaaaaaaaaa"), "a", "aaaaaaaaaa"))}`,
		"json doubling":    "${" + strings.Repeat("jsonencode(", 28) + `"\""` + strings.Repeat(")", 28) + "}",
		"mentions":         strings.Repeat("${X}", 900),
		"number":           `${"1e999999999" + 0}`,
		"negative":         `${-"1e999999999"}`,
		"power":            "${" + strings.Repeat("1e300*", 1000) + "1}",
		"tonumber":         `${tonumber("1e999999999")}`,
		"max":              `${max("1e999999999")}`,
		"formatted":        `${format("%d", "1e999999999")}`,
		"index":            `${X[1e999999999]}`,
		"key":              `${{1e999999999 = 1}}`,
		"json depth": `${jsondecode(join("", split("a", replace("` + strings.Repeat("b", 10000) +
			`", "b", "["))))}`,
		"join": `${join(X, split("a", X))}`,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, problems := NewCompiler().Compile(text, lookup)
			if len(problems) == 0 {
				t.Error("accepted")
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestBudgetIsShared(t *testing.T) {
	c := NewCompiler()
	refused := false
	for range 1000 {
		if _, problems := c.Compile(`${length(replace(join("", ["`+strings.Repeat("a", 1000)+`"]), "a", "`+
			strings.Repeat("b", 500)+`"))}`, scope); len(problems) > 0 {
			refused = true
		}
	}
	if !refused {
		t.Error("a thousand texts may not produce half a gigabyte")
	}
}

func TestFunctionsAreDocumentedAndSorted(t *testing.T) {
	last := ""
	for _, f := range Functions() {
		if f.Name <= last {
			t.Errorf("%s comes after %s", f.Name, last)
		}
		if !strings.HasPrefix(f.Signature, f.Name+"(") || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: signature %q, doc %q", f.Name, f.Signature, f.Doc)
		}
		last = f.Name
	}
}
