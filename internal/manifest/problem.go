package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// problems collects diagnostics, each once, and stops at a limit: nobody reads ten thousand lines.
type problems struct {
	list    diag.List
	seen    map[string]bool
	limited bool // a limit was hit: nothing more is read
}

func (p *problems) add(d *diag.Diagnostic) {
	key := d.Summary + "\x00" + d.Detail
	if d.Position != nil {
		key += "\x00" + d.Position.String()
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	if p.seen[key] || p.full() {
		return
	}
	p.seen[key] = true
	if len(p.list) == maxProblems {
		d = diag.New(diag.Invalid, "Too many problems",
			fmt.Sprintf("There are more than %d problems; the rest is not shown.", maxProblems),
			"Correct these first.")
	}
	p.list.Add(d)
}

// full reports whether further problems would not be shown. Suggestions for them would be wasted work.
func (p *problems) full() bool { return len(p.list) > maxProblems }

// invalid adds an error at a place.
func (p *problems) invalid(where span, summary, detail, next string) {
	p.add(at(diag.New(diag.Invalid, summary, detail, next), where))
}

// warn adds a warning at a place.
func (p *problems) warn(where span, summary, detail, next string) {
	d := diag.New(diag.Invalid, summary, detail, next)
	d.Severity = diag.Warning
	p.add(at(d, where))
}

// limit adds an error that ends the reading.
func (p *problems) limit(where span, detail string) {
	p.limited = true
	p.invalid(where, "Too large", detail, "Split it into smaller documents or files.")
}

var summaries = map[value.ProblemKind]string{
	value.UnknownKey: "Unknown key",
	value.WrongType:  "Wrong type",
	value.MissingKey: "Missing key",
	value.BadValue:   "Invalid value",
	value.NotKnown:   "Not known at plan time",

	component.Quota: "More than AWS allows by default",
}

// summaryOf is the summary of problems of a kind.
func summaryOf(kind value.ProblemKind) string {
	if known := summaries[kind]; known != "" {
		return known
	}
	return upperFirst(string(kind))
}

// graded makes a warning of a problem that may be no error.
func graded(d *diag.Diagnostic, problem value.Problem) *diag.Diagnostic {
	if component.Warning(problem.Kind) {
		d.Severity = diag.Warning
	}
	if problem.Over != nil {
		d.Cause = problem.Over
	}
	return d
}

// describe turns a problem of a tree into a diagnostic at its place. name is the name of the tree ("spec", "metadata").
func describe(n *node, name string, p value.Problem) *diag.Diagnostic {
	summary := summaryOf(p.Kind)
	key, val := n.locate(p.Path)
	path := dotted(name, p.Path)
	d := diag.New(diag.Invalid, summary, "", "")
	where := val
	if val.length == 0 {
		where = key // the mark of a list or map is its key
	}
	if p.OfKey {
		where = key
	}
	message := strings.TrimSuffix(p.Message, ".")
	switch p.Kind {
	case value.UnknownKey:
		where = key
		written := p.Path[len(p.Path)-1]
		d.Detail = fmt.Sprintf("%q is not a key of %s. %s", written, dotted(name, p.Path[:len(p.Path)-1]),
			suggest(written, p.Allowed))
	case value.MissingKey:
		where = key
		d.Detail = fmt.Sprintf("In %s, %s.", path, message)
		if deleted := n.find(p.Path).deletion(p.Missing); deleted != nil {
			where = deleted.at
			d.Detail = fmt.Sprintf("In %s, %s, but it is null here, which removes it.", path, message)
			d.Next = "Give it a value, or remove this line."
		}
	case value.WrongType, value.NotKnown:
		d.Detail = fmt.Sprintf("%s %s.", path, message)
		written := n.find(p.Path)
		d.Next = quoting(written, p)
		if p.Want == value.Number && written.scalar() && decimal.MatchString(written.text) &&
			!value.InRange(written.text) {
			// The YAML parser reads it as a string.
			d.Detail = fmt.Sprintf("%s %s.", path, value.OutOfRange(written.text, p.Accepts))
		}
	default:
		d.Detail = fmt.Sprintf("%s: %s.", path, message)
		if len(p.Path) == 0 {
			d.Detail = upperFirst(message) + "."
		}
		written := n.find(p.Path)
		if written.scalar() && len(p.Allowed) > 0 {
			d.Detail = strings.TrimSpace(d.Detail + " " + diag.DidYouMean(written.text, p.Allowed))
		}
	}
	return at(d, where)
}

// shell are the characters with a meaning in a shell or a list. A text with one of them has no single right spelling as
// a list.
const shell = "[]{}()\"'`\\$,;&|<>*?~"

// quoting gives the right spelling of a value whose type is wrong, if there is just one: a pair of quotes too many or
// too few, a word of an older YAML version, a list of strings written as one string.
func quoting(written *node, p value.Problem) string {
	switch {
	case !written.scalar() || strings.Contains(written.text, "\n"):
	case p.Want == value.String && written.kind != value.String:
		return fmt.Sprintf("Quote it: %q.", written.text)
	case p.Want == value.List && p.Strings && written.kind == value.String:
		words, ok := split(written.text)
		if !ok {
			return ""
		}
		for i, word := range words {
			words[i] = strconv.Quote(word)
		}
		list := "[" + strings.Join(words, ", ") + "]"
		if len(p.Path) > 0 && strings.Trim(p.Path[len(p.Path)-1], "0123456789") != "" { // users do not write an index
			list = p.Path[len(p.Path)-1] + ": " + list
		}
		return "Write `" + list + "`."
	case p.Want == value.Bool && slices.Contains([]string{"yes", "on", "y"}, strings.ToLower(written.text)):
		return "Write `true`."
	case p.Want == value.Bool && slices.Contains([]string{"no", "off", "n"}, strings.ToLower(written.text)):
		return "Write `false`."
	case p.Want == value.Bool && slices.Contains([]string{"true", "false"}, strings.ToLower(written.text)):
		return "Write `" + strings.ToLower(written.text) + "`, without quotes."
	case p.Want == value.Number && written.kind == value.String && decimal.MatchString(written.text) &&
		value.InRange(written.text):
		return "Write `" + written.text + "`, without quotes."
	}
	return ""
}

// split divides a text as a shell does: at spaces outside of quotes. ok is false if a shell would do more than that.
func split(text string) (words []string, ok bool) {
	var word strings.Builder
	begun, quote := false, rune(0)
	for _, c := range text {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '"' && strings.ContainsRune("$`\\", c), quote == 0 && c != '\'' && c != '"' &&
			strings.ContainsRune(shell, c):
			return nil, false
		case quote == 0 && (c == '\'' || c == '"'):
			begun, quote = true, c
		case quote == 0 && unicode.IsSpace(c):
			if begun {
				words = append(words, word.String())
			}
			begun = false
			word.Reset()
		default:
			begun = true
			word.WriteRune(c)
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, quote == 0
}

// dotted is the name of a place in sentences.
func dotted(name string, path []string) string {
	var parts []string
	if name != "" {
		parts = append(parts, name)
	}
	for _, step := range path {
		if strings.ContainsFunc(step, func(c rune) bool { return !unicode.IsPrint(c) }) {
			step = strconv.Quote(step) // keys can hold escapes that a terminal would execute
		}
		parts = append(parts, step)
	}
	if len(parts) == 0 {
		return "a document"
	}
	return strings.Join(parts, ".")
}

// suggest names the nearest candidate, or all of them when none is near and there are few.
func suggest(written string, candidates []string) string {
	if near := diag.DidYouMean(written, candidates); near != "" {
		return near
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(candidates)))
	switch {
	case len(sorted) == 0:
		return ""
	case len(sorted) > 30:
		sorted = append(sorted[:30:30], "…")
	}
	return "Possible are: " + strings.Join(sorted, ", ") + "."
}
