package expr

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/company/deployer/internal/value"
)

// secret is the mark that carries sensitivity through cty.
type secret struct{}

// toCty converts a value. Deferred and Unknown become unknown, of any type.
func toCty(v value.Value) cty.Value {
	var out cty.Value
	switch v.Kind() {
	case value.Null:
		out = cty.NullVal(cty.DynamicPseudoType)
	case value.Bool:
		out = cty.BoolVal(v.Bool())
	case value.Number:
		out = cty.NumberFloatVal(v.Number())
	case value.String:
		out = cty.StringVal(v.Str())
	case value.List:
		items := make([]cty.Value, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = toCty(item)
		}
		out = cty.TupleVal(items)
	case value.Map:
		entries := make(map[string]cty.Value, len(v.Entries()))
		for key, item := range v.Entries() {
			entries[key] = toCty(item)
		}
		out = cty.ObjectVal(entries)
	default:
		out = cty.DynamicVal
	}
	if v.IsSensitive() {
		out = out.Mark(secret{})
	}
	return out
}

// fromCty converts a result back. size is the number of bytes that are left for it.
func fromCty(v cty.Value, size *int) (value.Value, error) {
	v, marks := v.Unmark()
	var out value.Value
	var err error
	switch {
	case !v.IsKnown():
		out = value.NewUnknown()
	case v.IsNull():
		out = value.NullValue
	default:
		out, err = fromKnown(v, size)
	}
	if err == nil && len(marks) > 0 {
		out = out.Sensitive()
	}
	return out, err
}

func fromKnown(v cty.Value, size *int) (value.Value, error) {
	if *size--; *size < 0 {
		return value.NullValue, errTooMuch
	}
	switch t := v.Type(); {
	case t == cty.String:
		s := v.AsString()
		if *size -= len(s); *size < 0 {
			return value.NullValue, errTooMuch
		}
		return value.NewString(s), nil
	case t == cty.Number:
		f, _ := v.AsBigFloat().Float64()
		return value.NewNumber(f), nil
	case t == cty.Bool:
		return value.NewBool(v.True()), nil
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		items := make([]value.Value, 0, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			_, element := it.Element()
			item, err := fromCty(element, size)
			if err != nil {
				return value.NullValue, err
			}
			items = append(items, item)
		}
		return value.NewList(items...), nil
	case t.IsObjectType() || t.IsMapType():
		entries := make(map[string]value.Value, v.LengthInt())
		for it := v.ElementIterator(); it.Next(); {
			key, element := it.Element()
			if *size -= len(key.AsString()); *size < 0 {
				return value.NullValue, errTooMuch
			}
			item, err := fromCty(element, size)
			if err != nil {
				return value.NullValue, err
			}
			entries[key.AsString()] = item
		}
		return value.NewMap(entries), nil
	default:
		return value.NullValue, fmt.Errorf("an expression resulted in a %s, which no field accepts", t.FriendlyName())
	}
}

// sizeOf is the size of a tree as text, in bytes: the most that one mention of it can add to a result.
func sizeOf(v value.Value) int {
	n := 1
	switch v.Kind() {
	case value.String:
		n += len(v.Str())
	case value.List:
		for _, item := range v.Items() {
			n += sizeOf(item)
		}
	case value.Map:
		for key, item := range v.Entries() {
			n += len(key) + sizeOf(item)
		}
	}
	return n
}
