package expr

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/company/deployer/internal/value"
)

// Lookup returns the value of a name. path is the name and the attributes after it, as written (["VERSION"],
// ["database", "endpoint"], ["user-service", "database", "endpoint"]). It returns the value (known, Unknown, or a
// Deferred reference) and how many elements of path name it. The rest selects inside the value.
type Lookup = func(path []string) (v value.Value, used int, err error)

// Compiler compiles the texts of one stack. They share a budget, so that many small texts cannot exceed it together.
// Not safe for use by several goroutines.
type Compiler struct{ left int }

// NewCompiler returns a compiler with a fresh budget.
func NewCompiler() *Compiler { return &Compiler{left: maxTotal} }

// Compile turns text into a value. It returns all problems. Each is an *Error; when Lookup failed, it wraps Lookup's
// error.
func (c *Compiler) Compile(text string, lookup Lookup) (value.Value, []error) {
	if !HasExpression(text) {
		return value.NewString(text), nil
	}
	if path, ok := single(text); ok {
		if v, used, err := lookup(path); err == nil && used == len(path) {
			return v, nil
		}
	}
	p, problems := parse(text)
	if len(problems) > 0 {
		return value.NewUnknown(), problems
	}
	names, problems := p.bind(lookup)
	if len(problems) > 0 {
		return value.NewUnknown(), problems
	}
	if v, ok := p.alone(names); ok {
		return v, nil
	}
	b := &budget{call: maxResult, total: &c.left}
	// deferred values count as unknown: so wrong calls are found now, not at apply
	v, problems := p.evaluate(names.bound, b)
	if len(problems) > 0 {
		return value.NewUnknown(), problems
	}
	if !names.deferred() {
		return v, nil
	}
	return value.NewDeferred(value.Expression{
		Op: value.OpTemplate, Source: p.rewritten(names), Names: names.order,
		Args: names.args(),
	}), nil
}

var onlyName = regexp.MustCompile(`^\$\{ *([A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*) *\}$`)

// single recognises the most frequent text, one name and nothing else, without the parser.
func single(text string) ([]string, bool) {
	m := onlyName.FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	switch m[1] {
	case "true", "false", "null":
		return nil, false // literals
	}
	return strings.Split(m[1], "."), len(text) <= MaxLength
}

// Evaluate finishes a deferred template: it is the Template of value.Env. Variables may be Unknown and sensitive.
func Evaluate(source string, vars map[string]value.Value) (value.Value, error) {
	p, problems := parse(source)
	if len(problems) > 0 {
		return value.NullValue, errors.Join(problems...)
	}
	for _, node := range p.names() {
		if name := node.Traversal.RootName(); !has(vars, name) {
			return value.NullValue, errorf(0, 0, "the template uses %q, which it was not given", name)
		}
	}
	left := maxTotal
	v, problems := p.evaluate(vars, &budget{call: maxResult, total: &left})
	return v, errors.Join(problems...)
}

func has(vars map[string]value.Value, name string) bool { _, ok := vars[name]; return ok }

// bindings are the names of a template: the value and the identifier of each mention.
type bindings struct {
	order    []string // identifiers, in order of first mention
	bound    map[string]value.Value
	mentions []mention
}

// mention is one place of a name in the escaped text.
type mention struct {
	name       string
	start, end int
}

func (b *bindings) args() []value.Value {
	out := make([]value.Value, len(b.order))
	for i, name := range b.order {
		out[i] = b.bound[name]
	}
	return out
}

func (b *bindings) deferred() bool {
	for _, v := range b.bound {
		if len(v.References()) > 0 {
			return true
		}
	}
	return false
}

// bind looks every name up and replaces it by an identifier. A variable keeps its name. A dotted name becomes ref-0,
// ref-1, ...: no variable can have such a name, so a variable and a component of the same name stay separate.
func (p *parsed) bind(lookup Lookup) (*bindings, []error) {
	b := &bindings{bound: map[string]value.Value{}}
	known := map[string]string{} // dotted name -> identifier
	var problems []error
	for _, node := range p.names() {
		traversal := node.Traversal
		path := pathOf(traversal)
		if err := saneIndexes(traversal); err != nil {
			offset, length := p.span(traversal.SourceRange())
			problems = append(problems, errorf(offset, length, "%s", err))
			continue
		}
		v, used, err := lookup(path)
		if err != nil {
			offset, length := p.span(hcl.RangeBetween(traversal[0].SourceRange(), traversal[len(path)-1].SourceRange()))
			problems = append(problems, &Error{Offset: offset, Length: length, Message: err.Error(), Cause: err})
			continue
		}
		used = min(max(used, 1), len(path))
		name := path[0]
		if used > 1 {
			dotted := strings.Join(path[:used], ".")
			if known[dotted] == "" {
				known[dotted] = "ref-" + strconv.Itoa(len(known))
			}
			name = known[dotted]
		}
		if _, again := b.bound[name]; !again {
			b.order = append(b.order, name)
			b.bound[name] = v
		}
		covered := hcl.RangeBetween(traversal[0].SourceRange(), traversal[used-1].SourceRange())
		b.mentions = append(b.mentions, mention{name: name, start: covered.Start.Byte, end: covered.End.Byte})
		node.Traversal = append(hcl.Traversal{hcl.TraverseRoot{Name: name, SrcRange: covered}}, traversal[used:]...)
	}
	return b, problems
}

// names returns the places of all names, in the order of the text.
func (p *parsed) names() []*hclsyntax.ScopeTraversalExpr {
	var out []*hclsyntax.ScopeTraversalExpr
	_ = hclsyntax.VisitAll(p.root, func(node hclsyntax.Node) hcl.Diagnostics {
		if n, ok := node.(*hclsyntax.ScopeTraversalExpr); ok {
			out = append(out, n)
		}
		return nil
	})
	slices.SortStableFunc(out, func(x, y *hclsyntax.ScopeTraversalExpr) int {
		return x.SrcRange.Start.Byte - y.SrcRange.Start.Byte
	})
	return out
}

func pathOf(traversal hcl.Traversal) []string {
	path := []string{traversal.RootName()}
	for _, step := range traversal[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		path = append(path, attr.Name)
	}
	return path
}

// alone returns the value of a text that is one name and nothing else. The value keeps its type and its source text,
// and a reference stays a reference.
func (p *parsed) alone(b *bindings) (value.Value, bool) {
	wrap, ok := p.root.(*hclsyntax.TemplateWrapExpr)
	if !ok {
		return value.NullValue, false
	}
	name, ok := wrap.Wrapped.(*hclsyntax.ScopeTraversalExpr)
	if !ok {
		return value.NullValue, false
	}
	v, rest := b.bound[name.Traversal.RootName()], name.Traversal[1:]
	if len(rest) == 0 {
		return v, true
	}
	if v.Kind() != value.Deferred {
		return value.NullValue, false // known: HCL explains a step that leads nowhere
	}
	path := make([]string, len(rest))
	for i, step := range rest {
		switch s := step.(type) {
		case hcl.TraverseAttr:
			path[i] = s.Name
		case hcl.TraverseIndex:
			key := s.Key
			if key.Type() == cty.String {
				path[i] = key.AsString()
			} else {
				path[i] = key.AsBigFloat().Text('f', -1)
			}
		default:
			return value.NullValue, false
		}
	}
	return value.Select(v, path...), true
}

// rewritten is the text with identifiers in place of dotted names. Evaluate gets this text.
func (p *parsed) rewritten(b *bindings) string {
	var out strings.Builder
	at := 0
	for _, m := range b.mentions {
		start, end := p.offset(m.start), p.offset(m.end)
		out.WriteString(p.text[at:start])
		out.WriteString(m.name)
		at = end
	}
	out.WriteString(p.text[at:])
	return out.String()
}
