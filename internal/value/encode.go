package value

import (
	"encoding"
	"reflect"
)

// Encode converts a struct (or any data that a field may have) to a Value. It leaves out absent pointers, zero fields
// tagged omitempty and unset Of fields. It panics on types that no property may have: a programming error.
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
		for _, f := range structOf(v.Type()).fields {
			fv := v.FieldByIndex(f.index)
			if f.omitEmpty && isEmpty(fv) {
				continue
			}
			if item := encode(fv); !item.IsNull() {
				m[f.Name] = item
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
