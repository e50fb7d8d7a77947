package value

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Reference names data of a component or a resource. "user-service/database" + "endpoint" is an output of a component.
// "user-service/database:instance" + "address" is an output of one AWS resource (its Target has a colon).
type Reference struct {
	Target string `json:"target"`
	Output string `json:"output"`
}

// IsResource reports whether the reference names a resource, not a component.
func (r Reference) IsResource() bool { return strings.Contains(r.Target, ":") }

// The places of a template in which package expr gives references names of its own.
var (
	interpolation = regexp.MustCompile(`\$\{[^}]*\}`)
	boundName     = regexp.MustCompile(`\bref-[0-9]+\b`)
)

// template is the source with the references in place of the names that are bound to them.
func (e *Expression) template() string {
	return interpolation.ReplaceAllStringFunc(e.Source, func(expression string) string {
		return boundName.ReplaceAllStringFunc(expression, func(name string) string {
			i := slices.Index(e.Names, name)
			if i < 0 || e.Args[i].kind != Deferred || e.Args[i].Expression().Op != OpReference {
				return name
			}
			return e.Args[i].Expression().Ref.String()
		})
	})
}

func (r Reference) String() string { return r.Target + "." + r.Output }

// Op is what an Expression does with its arguments.
type Op string

// The operations. They are few on purpose: a saved plan holds them, so each is a contract.
const (
	OpReference Op = "reference" // the value that Ref names
	// the HCL template Source, with Args bound to the variables in Names; package expr evaluates it
	OpTemplate Op = "template"
	OpConcat   Op = "concat"  // Args as strings, one after the other
	OpJSON     Op = "json"    // Args[0] as a JSON document with sorted keys
	OpSelect   Op = "select"  // Args[0] at the path Names
	OpFlatten  Op = "flatten" // Args, lists spliced into one list
	OpAfter    Op = "after"   // Args[0], once the others are known too
	OpFirst    Op = "first"   // the first of Args that is neither null nor ""
	OpWhen     Op = "when"    // Args[1] if Args[0] is true, else null
)

// Expression is a deferred computation as data.
type Expression struct {
	Op     Op        `json:"op"`
	Ref    Reference `json:"ref,omitzero"`
	Source string    `json:"source,omitempty"`
	Names  []string  `json:"names,omitempty"`
	Args   []Value   `json:"args,omitempty"`
}

func (e *Expression) equal(o *Expression) bool {
	return e.Op == o.Op && e.Ref == o.Ref && e.Source == o.Source && slices.Equal(e.Names, o.Names) &&
		slices.EqualFunc(e.Args, o.Args, Equal)
}

// Output returns a reference to an output of a component ("infra/network", "vpcId") or a resource ("web/api:role",
// "arn").
func Output(target, output string) Value {
	return NewDeferred(Expression{Op: OpReference, Ref: Reference{Target: target, Output: output}})
}

// Concat joins parts as text: at once if all are known, otherwise later. Parts are strings or Values.
func Concat(parts ...any) Value {
	args := make([]Value, len(parts))
	for i, part := range parts {
		v, err := From(part)
		if err != nil {
			panic(err) // a programming error: parts are strings and Values
		}
		args[i] = v
	}
	return compute(Expression{Op: OpConcat, Args: args})
}

// JSON renders v as a JSON document with sorted keys: at once if v is known, otherwise later.
func JSON(v Value) Value { return compute(Expression{Op: OpJSON, Args: []Value{v}}) }

// Select returns the value at one path of v, later if v is not known yet.
func Select(v Value, path ...string) Value {
	return compute(Expression{Op: OpSelect, Names: path, Args: []Value{v}})
}

// Flatten splices lists into one list. Items that are not lists stay.
func Flatten(lists ...Value) Value { return compute(Expression{Op: OpFlatten, Args: lists}) }

// First returns the first value that is neither null nor an empty text.
func First(values ...Value) Value { return compute(Expression{Op: OpFirst, Args: values}) }

// When returns v if the condition is true, else null.
func When(condition, v Value) Value {
	return compute(Expression{Op: OpWhen, Args: []Value{condition, v}})
}

func compute(e Expression) Value {
	for _, arg := range e.Args {
		if !arg.Known() {
			return NewDeferred(e)
		}
	}
	v, err := e.apply(e.Args, nil)
	if err != nil {
		return NewDeferred(e) // Resolve reports it, with the property that holds it
	}
	return v
}

// References returns every reference below v, expressions' arguments included, sorted and without repeats.
func (v Value) References() []Reference {
	set := map[Reference]bool{}
	v.collect(set)
	return slices.SortedFunc(maps.Keys(set), func(a, b Reference) int {
		return strings.Compare(a.String(), b.String())
	})
}

func (v Value) collect(set map[Reference]bool) {
	switch v.kind {
	case List:
		for _, item := range v.Items() {
			item.collect(set)
		}
	case Map:
		for _, item := range v.Entries() {
			item.collect(set)
		}
	case Deferred:
		e := v.Expression()
		if e.Op == OpReference {
			set[e.Ref] = true
		}
		for _, arg := range e.Args {
			arg.collect(set)
		}
	}
}

// Env is what Resolve needs from outside.
type Env struct {
	// Lookup returns the value of a reference: data, Unknown when only the apply will know, or another Deferred, which
	// is resolved in turn (an output of a component may be made of outputs of its resources).
	Lookup func(Reference) (Value, error)
	// Template evaluates an HCL template with its variables (package expr). Variables may be Unknown.
	Template func(source string, vars map[string]Value) (Value, error)
}

// Resolve replaces every Deferred in v by its result. The result is Unknown if an argument is Unknown, and sensitive if
// an argument is sensitive.
func Resolve(v Value, env Env) (Value, error) {
	switch v.kind {
	case List:
		items := make([]Value, len(v.Items()))
		for i, item := range v.Items() {
			r, err := Resolve(item, env)
			if err != nil {
				return NullValue, err
			}
			items[i] = r
		}
		return Value{kind: List, data: items, sensitive: v.sensitive}, nil
	case Map:
		m := make(map[string]Value, len(v.Entries()))
		for key, item := range v.Entries() {
			r, err := Resolve(item, env)
			if err != nil {
				return NullValue, err
			}
			m[key] = r
		}
		return Value{kind: Map, data: m, sensitive: v.sensitive}, nil
	case Deferred:
		return v.Expression().resolve(v.sensitive, env)
	}
	return v, nil
}

func (e *Expression) resolve(sensitive bool, env Env) (Value, error) {
	if e.Op == OpReference {
		found, err := env.Lookup(e.Ref)
		if err != nil {
			return NullValue, err
		}
		found, err = Resolve(found, env)
		found.sensitive = found.sensitive || sensitive
		return found, err
	}
	args := make([]Value, len(e.Args))
	known := true
	for i, arg := range e.Args {
		r, err := Resolve(arg, env)
		if err != nil {
			return NullValue, err
		}
		args[i] = r
		known = known && r.Known()
		sensitive = sensitive || r.HasSensitive()
	}
	out := NewUnknown()
	if known || e.partly() {
		var err error
		if out, err = e.apply(args, env.Template); err != nil {
			return NullValue, err
		}
	}
	out.sensitive = out.sensitive || sensitive
	return out, nil
}

// partly reports whether the result may be known although an argument is unknown.
func (e *Expression) partly() bool {
	switch e.Op {
	case OpTemplate, OpSelect, OpFirst, OpWhen:
		return true
	}
	return false
}

func (e *Expression) apply(args []Value, template func(string, map[string]Value) (Value, error)) (Value, error) {
	switch e.Op {
	case OpTemplate:
		vars := make(map[string]Value, len(args))
		for i, name := range e.Names {
			vars[name] = args[i]
		}
		return template(e.Source, vars)
	case OpConcat:
		var b strings.Builder
		for _, arg := range args {
			text, ok := arg.text()
			if !ok {
				return NullValue, fmt.Errorf("cannot put a %s into a string", arg.Kind())
			}
			b.WriteString(text)
		}
		return NewString(b.String()), nil
	case OpJSON:
		doc, err := json.Marshal(args[0].Interface()) // map keys come out sorted
		return NewString(string(doc)), err
	case OpSelect:
		return args[0].Get(e.Names...), nil
	case OpFlatten:
		items := []Value{}
		for _, arg := range args {
			if arg.Kind() == List {
				items = append(items, arg.Items()...)
			} else if !arg.IsNull() {
				items = append(items, arg)
			}
		}
		return NewList(items...), nil
	case OpAfter:
		return args[0], nil
	case OpFirst:
		for _, arg := range args {
			if !arg.IsNull() && !Equal(arg, NewString("")) {
				return arg, nil
			}
		}
		return NullValue, nil
	case OpWhen:
		switch {
		case !args[0].Known():
			return NewUnknown(), nil
		case Equal(args[0], NewBool(true)):
			return args[1], nil
		}
		return NullValue, nil
	}
	return NullValue, fmt.Errorf("unknown operation %q: this plan was made by a newer version of deployer", e.Op)
}

// Text returns a scalar as a template shows it; false for lists, maps and values that are not known.
func (v Value) Text() (string, bool) { return v.text() }

func (v Value) text() (string, bool) {
	switch v.kind {
	case String:
		return v.Str(), true
	case Number, Bool:
		if v.source != "" {
			return v.source, true
		}
		return Value{kind: v.kind, data: v.data}.String(), true
	}
	return "", false
}

// Text is the expression for people: as it is written in a manifest, where that is possible.
func (e *Expression) Text() string {
	switch e.Op {
	case OpReference:
		return "${" + e.Ref.String() + "}"
	case OpTemplate:
		return e.template()
	}
	args := make([]string, 0, len(e.Args)+len(e.Names))
	for _, arg := range e.Args {
		if arg.kind == Deferred {
			args = append(args, arg.Expression().Text())
		} else {
			args = append(args, arg.String())
		}
	}
	return string(e.Op) + "(" + strings.Join(append(args, e.Names...), ", ") + ")"
}
