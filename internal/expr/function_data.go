package expr

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/company/deployer/internal/value"
)

var anything = function.Parameter{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true}

func jsonencode(b *budget) function.Function {
	return textual(func(args []cty.Value) (string, error) {
		size := maxResult
		v, err := fromCty(args[0], &size)
		if err != nil {
			return "", err
		}
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false) // URLs in environment variables stay readable
		if err := encoder.Encode(v.Interface()); err != nil {
			return "", err
		}
		return strings.TrimSuffix(out.String(), "\n"), b.take(out.Len())
	}, anything)
}

// maxJSONDepth limits what jsondecode reads, because types of that depth are compared later.
const maxJSONDepth = 64

func jsondecode(b *budget) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{text},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s := args[0].AsString()
			if err := b.take(len(s)); err != nil {
				return cty.NilVal, err
			}
			depth := 0
			for _, c := range s { // brackets inside strings count too: slightly too strict, but cheap
				switch c {
				case '[', '{':
					if depth++; depth > maxJSONDepth {
						return cty.NilVal, function.NewArgErrorf(0, "JSON nested more than %d deep", maxJSONDepth)
					}
				case ']', '}':
					depth--
				}
			}
			var data any
			if err := json.Unmarshal([]byte(s), &data); err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "the text is not JSON")
			}
			v, err := value.From(data)
			if err != nil {
				return cty.NilVal, err
			}
			return toCty(v), nil
		},
	})
}

func coalesce(*budget) function.Function {
	values := function.Parameter{
		Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true,
		AllowDynamicType: true,
	}
	return function.New(&function.Spec{
		VarParam: &values,
		Type:     function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, arg := range args {
				switch {
				case !arg.IsKnown():
					return cty.DynamicVal, nil // an unknown one may become empty
				case arg.IsNull(), arg.Type() == cty.String && arg.AsString() == "":
					continue
				}
				return arg, nil
			}
			return cty.NilVal, function.NewArgErrorf(0, "all the values are null or empty")
		},
	})
}

func contains(*budget) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list or text", Type: cty.DynamicPseudoType}, anything},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			all, part := args[0], args[1]
			if all.Type() == cty.String {
				s, err := convert.Convert(part, cty.String)
				if err != nil || s.IsNull() {
					return cty.NilVal, function.NewArgErrorf(1, "a part of a text is a text")
				}
				if !s.IsKnown() {
					return cty.UnknownVal(cty.Bool), nil
				}
				return cty.BoolVal(strings.Contains(all.AsString(), s.AsString())), nil
			}
			if t := all.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
				return cty.NilVal, function.NewArgErrorf(0, "a list or a text is wanted")
			}
			unknown := false
			for it := all.ElementIterator(); it.Next(); {
				_, item := it.Element()
				equal := item.Equals(part)
				if !equal.IsKnown() {
					unknown = true
				} else if equal.True() {
					return cty.True, nil
				}
			}
			if unknown {
				return cty.UnknownVal(cty.Bool), nil
			}
			return cty.False, nil
		},
	})
}

func length(*budget) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v := args[0]
			switch {
			case v.Type() == cty.String:
				return cty.NumberIntVal(int64(utf8.RuneCountInString(v.AsString()))), nil
			case v.CanIterateElements():
				return cty.NumberIntVal(int64(v.LengthInt())), nil
			}
			return cty.NilVal, function.NewArgErrorf(0, "a list, a map or a text has a length")
		},
	})
}

func tostring(b *budget) function.Function {
	return textual(func(args []cty.Value) (string, error) {
		s, err := convert.Convert(args[0], cty.String)
		if err != nil || s.IsNull() {
			return "", function.NewArgErrorf(0, "only texts, numbers and booleans have a text")
		}
		return s.AsString(), b.take(len(s.AsString()))
	}, anything)
}

func tonumber(*budget) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anything},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			n, err := convert.Convert(args[0], cty.Number)
			if err != nil || n.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "the value is not written as a number")
			}
			return n, sane(n)
		},
	})
}
