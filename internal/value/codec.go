package value

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Of is a field of type T that may hold an expression instead of data. T is anything Decode can fill.
type Of[T any] struct{ v Value }

// Lit returns a field with known data.
func Lit[T any](data T) Of[T] { return Of[T]{v: Encode(data)} }

// Expr returns a field with the given value; a known one is checked against T by Decode.
func Expr[T any](v Value) Of[T] { return Of[T]{v: v} }

// Value returns what the field holds.
func (o Of[T]) Value() Value { return o.v }

// IsSet reports whether the field was given.
func (o Of[T]) IsSet() bool { return !o.v.IsNull() }

// Known reports whether the field is absent or data.
func (o Of[T]) Known() bool { return o.v.Known() }

// Get returns the data, the zero T when the field is absent or not known.
func (o Of[T]) Get() T {
	var out T
	if o.IsSet() && o.Known() {
		Decode(o.v, &out)
	}
	return out
}

// Or returns the field, or one with the given data when it is absent.
func (o Of[T]) Or(data T) Of[T] {
	if o.IsSet() {
		return o
	}
	return Lit(data)
}

func (o Of[T]) held() Value       { return o.v }
func (o *Of[T]) hold(v Value)     { o.v = v }
func (Of[T]) inner() reflect.Type { return reflect.TypeFor[T]() }

type holder interface {
	held() Value
	inner() reflect.Type
}

// Inner returns T when t is an Of[T]: for generators of schema and reference pages.
func Inner(t reflect.Type) (reflect.Type, bool) {
	if h, ok := reflect.Zero(t).Interface().(holder); ok {
		return h.inner(), true
	}
	return nil, false
}

// Duration is a span of time, written 30s, 15m, 12h or 7d.
type Duration time.Duration

// UnmarshalText parses 30s, 15m, 12h, 7d and sums of them such as 1h30m.
func (d *Duration) UnmarshalText(text []byte) error {
	s, days := string(text), 0
	if head, tail, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.Atoi(head)
		if err != nil || n < 0 || n > 36500 {
			return fmt.Errorf("%q is not a duration such as 30s, 15m or 7d", s)
		}
		days, s = n, tail
	}
	var rest time.Duration
	if s != "" || days == 0 {
		var err error
		if rest, err = time.ParseDuration(s); err != nil || rest < 0 {
			return fmt.Errorf("%q is not a duration such as 30s, 15m or 7d", text)
		}
	}
	*d = Duration(rest + time.Duration(days)*24*time.Hour)
	return nil
}

// MarshalText renders whole days as 7d, the rest the way Go does.
func (d Duration) MarshalText() ([]byte, error) {
	t := time.Duration(d)
	if t >= 24*time.Hour && t%(24*time.Hour) == 0 {
		return []byte(strconv.Itoa(int(t.Hours()/24)) + "d"), nil
	}
	return []byte(t.String()), nil
}

// Seconds returns the duration in whole seconds.
func (d Duration) Seconds() int { return int(time.Duration(d) / time.Second) }

// Encode converts a struct (or any data a field may have) to a Value. Absent pointers, zero fields tagged omitempty and
// unset Of fields are left out. It panics on types that no property may have: a programming error.
func Encode(data any) Value { return encode(reflect.ValueOf(data)) }

func encode(v reflect.Value) Value {
	if !v.IsValid() {
		return NullValue
	}
	switch x := v.Interface().(type) {
	case Value:
		return x
	case holder:
		return x.held()
	case encoding.TextMarshaler:
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return NullValue
		}
		text, err := x.MarshalText()
		if err != nil {
			panic(err)
		}
		return NewString(string(text))
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return NullValue
		}
		return encode(v.Elem())
	case reflect.Bool:
		return NewBool(v.Bool())
	case reflect.String:
		return NewString(v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return NewNumber(float64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return NewNumber(float64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		return NewNumber(v.Float())
	case reflect.Slice, reflect.Array:
		items := make([]Value, v.Len())
		for i := range items {
			items[i] = encode(v.Index(i))
		}
		return NewList(items...)
	case reflect.Map:
		m := make(map[string]Value, v.Len())
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = encode(it.Value())
		}
		return NewMap(m)
	case reflect.Struct:
		m := map[string]Value{}
		for _, f := range fieldsOf(v.Type()) {
			fv := v.FieldByIndex(f.index)
			if f.omitEmpty && isEmpty(fv) {
				continue
			}
			if item := encode(fv); !item.IsNull() {
				m[f.name] = item
			}
		}
		return NewMap(m)
	}
	panic("value: cannot encode " + v.Type().String())
}

func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return v.Len() == 0
	}
	return v.IsZero()
}

// ProblemKind classifies what Decode found.
type ProblemKind string

// The kinds of Problem.
const (
	UnknownKey ProblemKind = "unknown key"
	WrongType  ProblemKind = "wrong type"
	MissingKey ProblemKind = "missing key"
	BadValue   ProblemKind = "invalid value"
	NotKnown   ProblemKind = "not known at plan time"
)

// Problem is one thing wrong with a tree, at a path from its root.
type Problem struct {
	Kind    ProblemKind
	Path    []string // map keys and list indexes
	Message string   // what is wrong and what is wanted instead, one sentence
	Allowed []string // for UnknownKey and enums: what would be right, for suggestions
}

func (p Problem) Error() string { return strings.Join(p.Path, ".") + ": " + p.Message }

// Decode fills *out from v and returns everything that does not fit. Struct fields take the name of their json tag; the
// tag `required:"true"` wants a key, `enum:"a,b"` limits a string, `scalar:"text"` lets numbers and booleans stand as the text they
// were written as. Fields of type Of[T] and Value take expressions, all others must be known.
func Decode(v Value, out any) []Problem {
	d := decoder{}
	d.decode(v, reflect.ValueOf(out).Elem(), nil, field{})
	return d.problems
}

type decoder struct{ problems []Problem }

func (d *decoder) add(kind ProblemKind, path []string, allowed []string, format string, args ...any) {
	d.problems = append(d.problems, Problem{Kind: kind, Path: slices.Clone(path), Message: fmt.Sprintf(format, args...), Allowed: allowed})
}

func (d *decoder) decode(v Value, out reflect.Value, path []string, f field) {
	if out.Type() == reflect.TypeFor[Value]() {
		out.Set(reflect.ValueOf(v))
		return
	}
	if h, ok := out.Addr().Interface().(interface{ hold(Value) }); ok {
		inner := out.Interface().(holder).inner()
		if v.Known() && !v.IsNull() && inner.Kind() != reflect.Interface {
			checked := reflect.New(inner).Elem()
			before := len(d.problems)
			d.decode(v, checked, path, f)
			if v.loose && len(d.problems) == before {
				converted := encode(checked)
				converted.sensitive = v.sensitive
				v = converted
			}
		}
		h.hold(v)
		return
	}
	if v.kind == Unknown || v.kind == Deferred {
		d.add(NotKnown, path, nil, "must be known before anything is created; it may use variables, but no outputs of components")
		return
	}
	if v.IsNull() {
		return
	}
	if out.Kind() == reflect.Pointer {
		out.Set(reflect.New(out.Type().Elem()))
		d.decode(v, out.Elem(), path, f)
		return
	}
	if u, ok := out.Addr().Interface().(encoding.TextUnmarshaler); ok {
		text, scalar := v.text()
		if !scalar {
			d.add(WrongType, path, nil, "must be a string, but is a %s", v.kind)
		} else if err := u.UnmarshalText([]byte(text)); err != nil {
			d.add(BadValue, path, nil, "%s", err)
		}
		return
	}
	switch out.Kind() {
	case reflect.Bool:
		if v.kind == String && v.loose && (v.Str() == "true" || v.Str() == "false") {
			v = NewBool(v.Str() == "true")
		}
		if d.want(v, Bool, path) {
			out.SetBool(v.Bool())
		}
	case reflect.String:
		if text, ok := v.text(); ok && f.scalarText {
			v = NewString(text)
		}
		if !d.want(v, String, path) {
			return
		}
		out.SetString(v.Str())
		if len(f.enum) > 0 && !slices.Contains(f.enum, v.Str()) {
			d.add(BadValue, path, f.enum, "%q is not one of %s", v.Str(), strings.Join(f.enum, ", "))
		}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		d.number(v, out, path)
	case reflect.Slice:
		if !d.want(v, List, path) {
			return
		}
		out.Set(reflect.MakeSlice(out.Type(), len(v.Items()), len(v.Items())))
		for i, item := range v.Items() {
			d.decode(item, out.Index(i), append(path[:len(path):len(path)], strconv.Itoa(i)), f)
		}
	case reflect.Map:
		if !d.want(v, Map, path) {
			return
		}
		out.Set(reflect.MakeMapWithSize(out.Type(), len(v.Entries())))
		for _, key := range v.Keys() {
			item := reflect.New(out.Type().Elem()).Elem()
			d.decode(v.Entries()[key], item, append(path[:len(path):len(path)], key), f)
			out.SetMapIndex(reflect.ValueOf(key), item)
		}
	case reflect.Struct:
		if d.want(v, Map, path) {
			d.structure(v, out, path)
		}
	default:
		panic("value: cannot decode into " + out.Type().String())
	}
}

func (d *decoder) want(v Value, kind Kind, path []string) bool {
	if v.kind != kind {
		d.add(WrongType, path, nil, "must be a %s, but is a %s", kind, v.kind)
		return false
	}
	return true
}

func (d *decoder) number(v Value, out reflect.Value, path []string) {
	if v.kind == String && v.loose {
		n, err := strconv.ParseFloat(v.Str(), 64)
		if err != nil {
			d.add(WrongType, path, nil, "must be a number, but the variable's text %q is none", v.Str())
			return
		}
		v = NewNumber(n)
	}
	if !d.want(v, Number, path) {
		return
	}
	n := v.Number()
	if out.Kind() == reflect.Float64 {
		out.SetFloat(n)
		return
	}
	if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
		d.add(WrongType, path, nil, "must be a whole number, but is %s", v)
		return
	}
	out.SetInt(int64(n))
}

func (d *decoder) structure(v Value, out reflect.Value, path []string) {
	fields := fieldsOf(out.Type())
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	for _, key := range v.Keys() {
		if !slices.Contains(names, key) {
			d.add(UnknownKey, append(path[:len(path):len(path)], key), names, "unknown key %q", key)
		}
	}
	for _, f := range fields {
		item, given := v.Entries()[f.name]
		if f.required && (!given || item.IsNull()) {
			d.add(MissingKey, path, nil, "the key %q is required", f.name)
			continue
		}
		if given {
			d.decode(item, out.FieldByIndex(f.index), append(path[:len(path):len(path)], f.name), f)
		}
	}
}

type field struct {
	name                            string
	index                           []int
	omitEmpty, required, scalarText bool
	enum                            []string
}

// Fields returns the keys of the Map that Encode makes of a struct T, those of omitted fields included, in the order of the struct.
func Fields[T any]() []string {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[Value]() {
		return nil
	}
	fields := fieldsOf(t)
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

var fieldCache sync.Map // reflect.Type -> []field

func fieldsOf(t reflect.Type) []field {
	if cached, ok := fieldCache.Load(t); ok {
		return cached.([]field)
	}
	var fields []field
	for _, sf := range reflect.VisibleFields(t) {
		if !sf.IsExported() || sf.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = strings.ToLower(sf.Name[:1]) + sf.Name[1:]
		}
		f := field{
			name: name, index: sf.Index,
			omitEmpty: strings.Contains(options, "omitempty"), required: sf.Tag.Get("required") == "true",
			scalarText: sf.Tag.Get("scalar") == "text",
		}
		if e := sf.Tag.Get("enum"); e != "" {
			f.enum = strings.Split(e, ",")
		}
		fields = append(fields, f)
	}
	fieldCache.Store(t, fields)
	return fields
}
