// Package value is the neutral data model of all stages. It is a tree whose leaves are known data, expressions that
// wait for outputs (Deferred), or data that is not known yet (Unknown). Each has a sensitivity mark.
//
// In: plain Go data, typed structs (Encode), expressions. Out: the same tree, resolved step by step (Resolve), and
// typed structs again (Decode). It is data only: it knows neither HCL nor Pulumi nor AWS and must not do I/O.
package value

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
)

// Kind says what a Value holds.
type Kind uint8

// The kinds of a Value. The zero Value is Null.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
	Deferred // an Expression that waits for outputs of resources
	Unknown  // known only after apply
)

// String names the kind as users read it in an error.
func (k Kind) String() string {
	return [...]string{"null", "true or false", "number", "string", "list", "map", "expression", "unknown"}[k]
}

// Article is String with its article: "a number", "true or false".
func (k Kind) Article() string {
	switch k {
	case Null, Bool, Unknown:
		return k.String()
	case Deferred:
		return "an " + k.String()
	}
	return "a " + k.String()
}

// Value is one immutable node of a tree. Never change a slice or map after handing it to a constructor.
type Value struct {
	kind      Kind
	data      any // bool, float64, string, []Value, map[string]Value or *Expression
	sensitive bool
	loose     bool   // text of a variable: converts to the type of its field
	source    string // how a number was written: 1.10 stays 1.10 as text
}

// NullValue is the absent value; the zero Value equals it.
var NullValue = Value{}

// NewBool returns a known boolean.
func NewBool(b bool) Value { return Value{kind: Bool, data: b} }

// NewNumber returns a known number.
func NewNumber(n float64) Value { return Value{kind: Number, data: n} }

// NewInt returns a known whole number.
func NewInt(n int) Value { return NewNumber(float64(n)) }

// NewString returns a known string.
func NewString(s string) Value { return Value{kind: String, data: s} }

// NewList returns a list of the given items.
func NewList(items ...Value) Value { return Value{kind: List, data: items} }

// NewMap returns a map; m must not be changed afterwards.
func NewMap(m map[string]Value) Value { return Value{kind: Map, data: m} }

// NewUnknown returns a value that only the apply will know.
func NewUnknown() Value { return Value{kind: Unknown} }

// NewDeferred returns an expression that Resolve turns into data once its references are known.
func NewDeferred(e Expression) Value { return Value{kind: Deferred, data: &e} }

// NewLoose returns the text of a variable: a string that Decode converts to the type of its field.
func NewLoose(text string) Value { return Value{kind: String, data: text, loose: true} }

// WithSource returns v with the original text of a number or boolean, for uses as text.
func (v Value) WithSource(text string) Value { v.source = text; return v }

// IsLoose reports whether v is the text of a variable (NewLoose).
func (v Value) IsLoose() bool { return v.loose }

// Sensitive returns v marked as secret: rendering redacts it, and storing it is an error.
func (v Value) Sensitive() Value { v.sensitive = true; return v }

// IsSensitive reports whether v itself has the mark. Use HasSensitive for a whole tree.
func (v Value) IsSensitive() bool { return v.sensitive }

// Kind returns what v holds.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is absent.
func (v Value) IsNull() bool { return v.kind == Null }

// Bool returns the boolean, false when v is something else.
func (v Value) Bool() bool { b, _ := v.data.(bool); return b }

// Number returns the number, 0 when v is something else.
func (v Value) Number() float64 { n, _ := v.data.(float64); return n }

// Str returns the string, "" when v is something else. (String is the Stringer, which redacts.)
func (v Value) Str() string { s, _ := v.data.(string); return s }

// Items returns the list's items, nil when v is something else. Read only.
func (v Value) Items() []Value { l, _ := v.data.([]Value); return l }

// Entries returns the map's entries, nil when v is something else. Read only.
func (v Value) Entries() map[string]Value { m, _ := v.data.(map[string]Value); return m }

// Keys returns the map's keys, sorted.
func (v Value) Keys() []string { return slices.Sorted(maps.Keys(v.Entries())) }

// Expression returns the deferred expression, nil when v is something else.
func (v Value) Expression() *Expression { e, _ := v.data.(*Expression); return e }

// Get follows map keys and list indexes; Null when there is no such place. It returns Unknown when an Unknown or
// Deferred is on the way.
func (v Value) Get(path ...string) Value {
	for _, key := range path {
		switch v.kind {
		case Map:
			v = v.Entries()[key]
		case List:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v.Items()) {
				return NullValue
			}
			v = v.Items()[i]
		case Unknown, Deferred:
			return NewUnknown()
		default:
			return NullValue
		}
	}
	return v
}

// With returns a copy of the map v with one entry set; a Null value removes it.
func (v Value) With(key string, entry Value) Value {
	m := maps.Clone(v.Entries())
	if m == nil {
		m = map[string]Value{}
	}
	if entry.IsNull() {
		delete(m, key)
	} else {
		m[key] = entry
	}
	out := NewMap(m)
	out.sensitive = v.sensitive
	return out
}

// Known reports whether the whole tree is data: nothing Unknown, nothing Deferred.
func (v Value) Known() bool {
	known := true
	v.Walk(func(_ []string, leaf Value) {
		if leaf.kind == Unknown || leaf.kind == Deferred {
			known = false
		}
	})
	return known
}

// HasSensitive reports whether any place of the tree is marked.
func (v Value) HasSensitive() bool {
	found := v.sensitive
	v.Walk(func(_ []string, node Value) { found = found || node.sensitive })
	return found
}

// Walk visits v and everything below it, maps in key order, with the path from v. It does not visit arguments of
// expressions; see References.
func (v Value) Walk(visit func(path []string, node Value)) { v.walk(nil, visit) }

func (v Value) walk(path []string, visit func([]string, Value)) {
	visit(path, v)
	switch v.kind {
	case List:
		for i, item := range v.Items() {
			item.walk(append(path[:len(path):len(path)], strconv.Itoa(i)), visit)
		}
	case Map:
		for _, key := range v.Keys() {
			v.Entries()[key].walk(append(path[:len(path):len(path)], key), visit)
		}
	}
}

// Equal reports whether two trees hold the same data. Unknown equals nothing, not even itself; Deferred are equal when
// their expressions are.
func Equal(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case Unknown:
		return false
	case List:
		return slices.EqualFunc(a.Items(), b.Items(), Equal)
	case Map:
		return maps.EqualFunc(a.Entries(), b.Entries(), Equal)
	case Deferred:
		return a.Expression().equal(b.Expression())
	default:
		return a.data == b.data
	}
}

// From converts plain data (nil, bool, ints, floats, string, slices and maps of such, json.Number, Value) to a Value.
func From(data any) (Value, error) {
	switch d := data.(type) {
	case nil:
		return NullValue, nil
	case Value:
		return d, nil
	case bool:
		return NewBool(d), nil
	case string:
		return NewString(d), nil
	case int:
		return NewInt(d), nil
	case int64:
		return NewNumber(float64(d)), nil
	case uint64:
		return NewNumber(float64(d)), nil
	case float64:
		return NewNumber(d), nil
	case json.Number:
		f, err := d.Float64()
		return NewNumber(f), err
	case []any:
		items := make([]Value, len(d))
		for i, item := range d {
			v, err := From(item)
			if err != nil {
				return NullValue, err
			}
			items[i] = v
		}
		return NewList(items...), nil
	case []string:
		return Strings(d...), nil
	case map[string]any:
		m := make(map[string]Value, len(d))
		for key, item := range d {
			v, err := From(item)
			if err != nil {
				return NullValue, err
			}
			m[key] = v
		}
		return NewMap(m), nil
	case map[string]string:
		m := make(map[string]Value, len(d))
		for key, item := range d {
			m[key] = NewString(item)
		}
		return NewMap(m), nil
	}
	return NullValue, fmt.Errorf("value: cannot hold a %T", data)
}

// Strings returns a list of known strings.
func Strings(items ...string) Value {
	out := make([]Value, len(items))
	for i, s := range items {
		out[i] = NewString(s)
	}
	return NewList(out...)
}

// Interface converts a known tree to plain data: nil, bool, float64, string, []any, map[string]any. Unknown and
// Deferred become nil: ask Known first.
func (v Value) Interface() any {
	switch v.kind {
	case List:
		out := make([]any, len(v.Items()))
		for i, item := range v.Items() {
			out[i] = item.Interface()
		}
		return out
	case Map:
		out := make(map[string]any, len(v.Entries()))
		for key, item := range v.Entries() {
			out[key] = item.Interface()
		}
		return out
	case Unknown, Deferred, Null:
		return nil
	}
	return v.data
}

// String renders v for people: compact JSON, sensitive places as (sensitive), unknown ones as (known after apply).
func (v Value) String() string {
	switch {
	case v.sensitive:
		return Redacted
	case v.kind == Unknown, v.kind == Deferred:
		return KnownAfterApply
	}
	switch v.kind {
	case Null:
		return "null"
	case Number:
		return strconv.FormatFloat(v.Number(), 'f', -1, 64)
	case String:
		return strconv.Quote(v.Str())
	case Bool:
		return strconv.FormatBool(v.Bool())
	case List:
		s := "["
		for i, item := range v.Items() {
			if i > 0 {
				s += ", "
			}
			s += item.String()
		}
		return s + "]"
	default:
		keys := v.Keys()
		sort.Strings(keys)
		s := "{"
		for i, key := range keys {
			if i > 0 {
				s += ", "
			}
			s += key + ": " + v.Entries()[key].String()
		}
		return s + "}"
	}
}

// GoString keeps secrets out of %#v.
func (v Value) GoString() string { return v.String() }

// What people see in place of a value that must not or cannot be shown.
const (
	Redacted        = "(sensitive)"
	KnownAfterApply = "(known after apply)"
)
