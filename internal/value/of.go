package value

import (
	"reflect"
	"slices"
)

// Of is a field of type T that may hold an expression instead of data. T is anything Decode can fill.
type Of[T any] struct{ v Value }

// Lit returns a field with known data.
func Lit[T any](data T) Of[T] { return Of[T]{v: Encode(data)} }

// Expr returns a field with the given value. Decode checks a known value against T.
func Expr[T any](v Value) Of[T] { return Of[T]{v: v} }

// Value returns what the field holds.
func (o Of[T]) Value() Value { return o.v }

// IsSet reports whether the field was given.
func (o Of[T]) IsSet() bool { return !o.v.IsNull() }

// Known reports whether the field is absent or data.
func (o Of[T]) Known() bool { return o.v.Known() }

// Get returns the data, or the zero T when the field is absent or not known.
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

// AsSet is a list whose order means nothing to AWS, in one order and without repetitions, so that order is no
// difference. A list that is not known stays; items that are not known come last.
func AsSet(list Of[[]string]) Of[[]string] {
	if !list.IsSet() {
		return list
	}
	if !list.Known() {
		list.v = knownFirst(list.v)
		return list
	}
	return Lit(slices.Compact(slices.Sorted(slices.Values(list.Get()))))
}

// knownFirst sorts the texts of a list before what is unknown in it.
func knownFirst(list Value) Value {
	var known []string
	var rest []Value
	for _, item := range list.Items() {
		switch item.kind {
		case String:
			known = append(known, item.Str())
		case Unknown:
			rest = append(rest, item)
		default:
			return list
		}
	}
	if list.kind != List {
		return list
	}
	slices.Sort(known)
	items := make([]Value, 0, len(known)+len(rest))
	for _, text := range slices.Compact(known) {
		items = append(items, NewString(text))
	}
	list.data = append(items, rest...)
	return list
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
