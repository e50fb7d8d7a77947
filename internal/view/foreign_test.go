package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// evil is text that an attacker wants a terminal to execute, and a line that a CI system would execute.
const evil = "x\x1b]0;owned\x07\x9b31m\u009b31m\u202eabc\u2066\u200b\u2028" +
	"\U000e0041\ufeff\ufdd0\ufdd2\r\n::add-path::/tmp\x00\x7f\u0085"

var own = regexp.MustCompile("\r?\x1b\\[([0-9]+m|[0-9]+A|2K|J)")

// obeyed finds control sequences in output, other than our own colours and cursor movements.
func obeyed(t *testing.T, output string) {
	t.Helper()
	for i, r := range own.ReplaceAllString(output, "") {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) ||
			r >= 0xfdd0 && r <= 0xfdef) {
			t.Fatalf("%U at %d of %q", r, i, output)
		}
	}
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "::") {
			t.Fatalf("a line that data began: %q", output)
		}
	}
}

// poison returns a T with evil in every text field, nested ones included.
func poison[T any]() T {
	var out T
	fill(reflect.ValueOf(&out).Elem(), 0)
	return out
}

func fill(v reflect.Value, depth int) {
	if depth > 8 {
		return
	}
	if v.Type() == reflect.TypeFor[value.Value]() {
		v.Set(reflect.ValueOf(value.NewMap(map[string]value.Value{evil: value.NewString(evil)})))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(evil)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Interface:
		switch {
		case v.Type() == reflect.TypeFor[error]():
			v.Set(reflect.ValueOf(errors.New(evil)))
		case v.NumMethod() == 0:
			v.Set(reflect.ValueOf(map[string]any{evil: evil}))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), depth+1)
		fill(v.Index(1), depth+1)
	case reflect.Map:
		key, item := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth+1)
		fill(item, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, item)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), depth+1)
			}
		}
	}
}

// TestNothingForeignIsObeyed puts an attack into every text that is shown.
func TestNothingForeignIsObeyed(t *testing.T) {
	now := func() time.Time { return noon }
	p := poison[plan.Plan]()
	for i := range p.Components {
		for j := range p.Components[i].Changes {
			p.Components[i].Changes[j].Resource = "a/b:" + evil
			p.Components[i].Changes[j].Action = plan.Update
		}
	}
	outputs := map[string]map[string]any{evil: {evil: evil, "list": []any{evil}}}
	progress := func(to Progress) {
		to.Planned(&p)
		for _, kind := range []plan.EventKind{
			plan.Phase, plan.Started, plan.Progress, plan.Done, plan.Started,
			plan.Progress, plan.FailedAt, plan.Skipped, plan.Started, plan.Progress,
		} {
			to.Event(plan.Event{Kind: kind, Resource: evil + ":" + evil, Action: plan.Create, Text: evil})
		}
		to.Close()
	}
	o := poison[plan.Outcome]()
	views := map[string]func(w *Writer){
		"diagnostics": func(w *Writer) { Diagnostics(w, poison[diag.List]()) },
		"plan":        func(w *Writer) { Plan(w, &p) },
		"no changes":  func(w *Writer) { Plan(w, &plan.Plan{Stack: evil, Environment: evil}) },
		"plain":       func(w *Writer) { progress(NewPlain(w, now)) },
		"live":        func(w *Writer) { progress(NewLive(w, now, sized(60, 24))) },
		"applied":     func(w *Writer) { Applied(w, &p, 1, &o, outputs) },
		"unfinished": func(w *Writer) {
			Unfinished(w, &p, 1, &o, evil)
		},
		"destroyed": func(w *Writer) {
			Destroyed(w, &p, 1, &o, true, nil)
			Destroyed(w, &p, 1, &o, false, nil)
			Destroyed(w, &p, 1, &o, true, []string{evil})
		},
		"valid":  func(w *Writer) { Valid(w, []string{evil}, 1) },
		"graph":  func(w *Writer) { g := poison[Graph](); GraphText(w, &g) },
		"config": func(w *Writer) { e := poison[config.Effective](); Config(w, &e, true) },
		"status": func(w *Writer) { s := poison[report.Status](); Status(w, &s, noon) },
		"status lines": func(w *Writer) {
			s := poison[report.Status]()
			NewStatusLines(w, func() time.Time { return noon }).Show(&s)
		},
		"details":    func(w *Writer) { d := poison[report.Details](); Details(w, &d) },
		"outputs":    func(w *Writer) { Outputs(w, outputs) },
		"history":    func(w *Writer) { History(w, poison[state.Key](), poison[[]report.Deployment]()) },
		"no history": func(w *Writer) { History(w, poison[state.Key](), nil) },
		"states":     func(w *Writer) { States(w, evil, poison[[]report.State]()); States(w, evil, nil) },
		"locks":      func(w *Writer) { Locks(w, poison[[]report.Lock](), noon) },
		"lock":       func(w *Writer) { l := poison[report.Lock](); Lock(w, &l, noon) },
		"findings":   func(w *Writer) { f := poison[report.Finding](); f.OK = false; Findings(w, []report.Finding{f}) },
		"stacks":     func(w *Writer) { Stacks(w, poison[[]report.StackEntry](), noon) },
		"state":      func(w *Writer) { State(w, poison[report.StateSummary]()) },
		"printf": func(w *Writer) {
			w.Printf("%s %v %s %s %s\n", evil, errors.New(evil), plan.Action(evil), state.Key{Stack: evil},
				[]byte(evil))
		},
		"styled":       func(w *Writer) { w.Printf("%s\n", styled(red, evil)) },
		"table header": func(w *Writer) { Table(w, []string{evil}, nil) },
	}
	for name, show := range views {
		for _, color := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", color), func(t *testing.T) {
				out := render(color, 60, show)
				require.Contains(t, strings.ReplaceAll(out, "\n", ""), `\u001b`, "the attack is to be shown, not lost")
				obeyed(t, out)
			})
		}
	}
	t.Run("raw", func(t *testing.T) { // scripts need the line ends of a value
		out := render(false, 60, func(w *Writer) { Raw(w, evil); OutputsEnv(w, outputs) })
		obeyed(t, strings.ReplaceAll(out, "\n::", "\n"))
	})
	t.Run("json", func(t *testing.T) {
		for _, data := range []any{outputs, poison[report.Status](), poison[diag.List]()} {
			var b, plain bytes.Buffer
			require.NoError(t, JSON(&b, data))
			obeyed(t, b.String())
			require.NoError(t, json.NewEncoder(&plain).Encode(data))
			require.JSONEq(t, plain.String(), b.String())
		}
	})
}

// TestDataCannotForgeAStyle: a style mark in data is never a colour.
func TestDataCannotForgeAStyle(t *testing.T) {
	var all strings.Builder
	for r := rune(0xfdd0); r <= 0xfdef; r++ {
		all.WriteRune(r)
	}
	out := render(true, 80, func(w *Writer) {
		w.Printf("%s%s%s\n", all.String(), styled(bold, all.String()), secret[:len(secret)-3])
	})
	require.Equal(t, 1, strings.Count(out, "\x1b[1m"))
	require.Equal(t, 2, strings.Count(out, "\x1b"))
}

func TestCaretsStandBelowWideCharacters(t *testing.T) {
	mark := func(line string, column, length, width int) string {
		d := diag.New(diag.Invalid, "X", "", "").At(diag.Position{File: "f", Line: 1, Column: column, Length: length})
		d.Excerpt = &diag.Excerpt{FirstLine: 1, Lines: []string{line}}
		out := strings.Split(render(false, width, func(w *Writer) { Diagnostics(w, diag.List{d}) }), "\n")
		return out[2] + "\n" + out[3]
	}
	require.Equal(t, "    1 | a: 日本 bad\n      |         ^^^", mark("a: 日本 bad", 7, 3, 80))
	require.Equal(t, "    1 | a: é日 b\n      |     ^^", mark("a: é日 b", 5, 1, 80))
	require.Equal(t, "    1 | e\u0301 x\n      |   ^", mark("e\u0301 x", 4, 1, 80))
	require.Equal(t, "    1 | \\u202ex y\n      |         ^", mark("\u202ex y", 4, 1, 80))
	require.Equal(t, "    1 | \ta\tb\n      | \t \t^", mark("\ta\tb", 4, 1, 80))
	require.Equal(t, "    1 | 本本本本本本本本本本本x本\n      |                       ^",
		mark(strings.Repeat("本", 40)+"x本", 41, 1, 34))
}

// FuzzPrintf: a terminal executes nothing that is printed.
func FuzzPrintf(f *testing.F) {
	for _, seed := range []string{
		evil, secret, secret[:30], bold, "\xff\xc2", "\u009b31m", "\x1bPq\x1b\\", "a\rb",
		"\x08\x08", "\u061c\u200f\u2067", "\U000e0001", "日本\u0301",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, secret) {
			return // cannot be guessed; the seeds above show that a part of a mark is no mark
		}
		for _, width := range []int{20, 80} {
			obeyed(t, render(true, width, func(w *Writer) {
				w.Printf("> %s|%s\n%s\n", text, styled(red, text), fold("  "+text, 4, width))
				w.Printf("%s\n%s\n", wrap("x "+text, "  ", width), truncate("  "+text, width))
			}))
		}
		var b bytes.Buffer
		require.NoError(t, JSON(&b, map[string]string{"a": text}))
		obeyed(t, b.String())
		var back map[string]string
		require.NoError(t, json.Unmarshal(b.Bytes(), &back))
		if utf8.ValidString(text) {
			require.Equal(t, text, back["a"])
		}
	})
}
