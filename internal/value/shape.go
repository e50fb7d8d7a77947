package value

import (
	"encoding"
	"reflect"
)

// Shape is what Decode accepts for a Go type, for the generators of schema and reference.
type Shape struct {
	Kind     Kind    // Null: anything
	Whole    bool    // of a Number: without a fraction
	Duration bool    // of a String: 30s, 15m, 7d
	Late     bool    // may be an output of a component, not known before the apply
	Items    *Shape  // of a List, and of a Map with free keys
	Fields   []Field // of a Map with fixed keys
	AnyOf    []AnyOf
}

// ShapeOf describes a type. It panics on types that Decode cannot fill.
func ShapeOf(t reflect.Type) Shape {
	if inner, holds := Inner(t); holds {
		s := ShapeOf(inner)
		s.Late = true
		return s
	}
	switch {
	case t == reflect.TypeFor[Value]():
		return Shape{Late: true}
	case t.Kind() == reflect.Pointer:
		return ShapeOf(t.Elem())
	case t == reflect.TypeFor[Duration]():
		return Shape{Kind: String, Duration: true}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return Shape{Kind: String}
	}
	switch t.Kind() {
	case reflect.Bool:
		return Shape{Kind: Bool}
	case reflect.String:
		return Shape{Kind: String}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return Shape{Kind: Number, Whole: true}
	case reflect.Float64:
		return Shape{Kind: Number}
	case reflect.Slice, reflect.Map:
		items := ShapeOf(t.Elem())
		kind := List
		if t.Kind() == reflect.Map {
			kind = Map
		}
		return Shape{Kind: kind, Items: &items}
	case reflect.Struct:
		s := structOf(t)
		return Shape{Kind: Map, Fields: s.fields, AnyOf: s.anyOf}
	case reflect.Interface:
		return Shape{}
	}
	panic("value: no shape for " + t.String())
}

// Shape is what the field accepts.
func (f *Field) Shape() Shape { return ShapeOf(f.typ) }

// IsFlag reports whether the field is false when it is not given and has no default.
func (f *Field) IsFlag() bool { return f.typ.Kind() == reflect.Bool }

// Item is the field with the rules for each item of a list and each value of a map.
func (f *Field) Item() *Field { return f.item() }
