package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// scope is the context of a text: it decides what names mean.
type scope struct {
	*resolver
	service  string // of the component; "" in settings
	address  string // of the component
	settings bool   // in the Stack, an Environment or a Service: no references
}

// evaluate turns a tree into a value and evaluates its expressions.
func (r *resolver) evaluate(n *node, path []string, s scope) value.Value {
	return n.convert(path, func(leaf *node, at []string) value.Value {
		if !strings.Contains(leaf.text, "${") {
			return value.NewString(leaf.text)
		}
		return s.text(leaf, at)
	})
}

// text evaluates one string.
func (s scope) text(leaf *node, path []string) value.Value {
	var variables []string
	v, failed := s.compiler.Compile(leaf.text, func(name []string) (value.Value, int, error) {
		if len(name) == 1 {
			v, err := s.variable(name[0])
			if err == nil {
				variables = append(variables, name[0])
			}
			return v, 1, err
		}
		return s.dotted(name)
	})
	for _, err := range failed {
		s.failed(leaf, err)
	}
	for _, name := range variables {
		if v := s.known[name]; v == nil || v.Origin == "" {
			s.missing(name, mention(leaf, name), s.service)
			if v == nil && !s.declared[name] {
				s.known[name] = &Variable{Name: name, Value: value.NewUnknown()}
			}
		}
	}
	if len(failed) > 0 {
		return value.NewUnknown()
	}
	for _, name := range variables {
		if variable := s.known[name]; variable != nil && variable.Sensitive && holdsSecret(v) {
			s.stored(leaf, name, path)
			return value.NewUnknown()
		}
	}
	text, _ := v.Text()
	if s.left -= len(text); s.left < 0 {
		s.problems.invalid(leaf.at, "Too large",
			fmt.Sprintf("The expressions of the stack result in more than %d MiB of text.", maxResolved>>20),
			"Use shorter variables.")
		return value.NewUnknown()
	}
	return v
}

// holdsSecret looks into expressions, too: their arguments are written to plan and state.
func holdsSecret(v value.Value) bool {
	found := false
	v.Walk(func(_ []string, n value.Value) {
		found = found || n.IsSensitive()
		if e := n.Expression(); e != nil {
			found = found || slices.ContainsFunc(e.Args, holdsSecret)
		}
	})
	return found
}

// stored reports the use of a sensitive variable. State and plan hold every field, so no field accepts it.
func (s scope) stored(leaf *node, name string, path []string) {
	field := dotted("spec", path)
	s.problems.invalid(mention(leaf, name), "Sensitive value would be stored",
		fmt.Sprintf("The variable %q is sensitive, and %s is written to the state, to plans and to AWS in the clear, "+
			"as every field is. No field accepts a sensitive variable.", name, field),
		"Do not put a secret into a variable. Store it in the SSM parameter store or Secrets Manager, "+
			"and name it in the component: secrets: {NAME: ssm:/path}, or give the ARN of the secret. "+
			fmt.Sprintf("If the value is no secret, remove sensitive: true from %s.", name))
}

// failed reports what is wrong with an expression.
func (s scope) failed(leaf *node, err error) {
	where := leaf.at
	var spanned interface{ Span() (offset, length int) }
	if errors.As(err, &spanned) {
		offset, length := spanned.Span()
		where = within(leaf, offset, length)
	}
	var found *diag.Diagnostic
	if errors.As(err, &found) {
		if found == ignored {
			return
		}
		d := *found
		s.problems.add(at(&d, where).For(s.address))
		return
	}
	s.problems.add(at(diag.New(diag.Invalid, "Invalid expression", sentence(err.Error()),
		"Write $${ for a literal ${."), where).For(s.address))
}

// sentence makes a message a sentence: upper case first, a full stop or question mark last.
func sentence(message string) string {
	message = upperFirst(message)
	if strings.HasSuffix(message, "?") || strings.HasSuffix(message, ".") {
		return message
	}
	return message + "."
}

// mention is the place where a text uses a variable.
func mention(leaf *node, name string) span {
	if at := mentionedAt(leaf.text, name); at >= 0 {
		return within(leaf, at, len(name))
	}
	return leaf.at
}

// mentionedAt is the offset, in bytes, at which the expressions of a text use a variable; -1 when they do not.
func mentionedAt(text, name string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return -1
		}
		at := from + i
		if whole(text, at, len(name)) && strings.LastIndex(text[:at], "${") > strings.LastIndex(text[:at], "}") {
			return at
		}
		from += i + 1
	}
}

// whole reports whether a word is separate: not part of another word and not after a dot.
func whole(text string, at, length int) bool {
	part := func(c byte) bool {
		return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	return (at == 0 || !part(text[at-1]) && text[at-1] != '.') && (at+length == len(text) || !part(text[at+length]))
}

// within finds a part of a text in the file. If quoting or folding hides the part, it returns the whole text.
func within(leaf *node, offset, length int) span {
	if offset < 0 || length <= 0 || offset+length > len(leaf.text) {
		return leaf.at
	}
	from := max(strings.LastIndex(leaf.text[:offset], "${"), 0)
	part := leaf.text[from : offset+length]
	found := leaf.at.find(part, leaf.at.reach(), strings.Count(leaf.text[:from], part))
	if found == leaf.at {
		return found
	}
	found.column += utf8.RuneCountInString(leaf.text[from:offset])
	found.length = utf8.RuneCountInString(leaf.text[offset : offset+length])
	return found
}

// ignored is returned in place of a problem that was reported elsewhere.
var ignored = diag.New(diag.Invalid, "Reported elsewhere", "", "")
