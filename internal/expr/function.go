package expr

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Function is one entry of the reference page.
type Function struct {
	Name      string
	Signature string
	Doc       string
}

// Functions lists the functions that expressions may call, sorted by name. All are pure.
func Functions() []Function {
	out := make([]Function, len(table))
	for i, e := range table {
		out[i] = e.Function
	}
	return out
}

type entry struct {
	Function
	make func(*budget) function.Function
}

// implementations creates the functions with the budget of one evaluation.
func implementations(b *budget) map[string]function.Function {
	out := make(map[string]function.Function, len(table))
	for _, e := range table {
		out[e.Name] = e.make(b)
	}
	return out
}

// table is sorted by name.
var table = []entry{
	{Function{
		"base64decode", "base64decode(text) string",
		"The text that base64encode was given; an error when it is not UTF-8.",
	}, base64decode},
	{
		Function{"base64encode", "base64encode(text) string", "Base64 with padding of the text's UTF-8 bytes."},
		base64encode,
	},
	{
		Function{"coalesce", "coalesce(value, ...) any", "The first value that is neither null nor an empty text."},
		coalesce,
	},
	{Function{"concat", "concat(list, ...) list", "The lists, one after the other."}, unbounded(stdlib.ConcatFunc)},
	{Function{
		"contains", "contains(list or text, value) bool",
		"Whether the list has the value, or the text has it as a part.",
	}, contains},
	{Function{
		"format", "format(pattern, value, ...) string",
		"The pattern with its verbs (%s, %d, %05.2f, %q, %v, ...) replaced by the values.",
	}, format},
	{
		Function{
			"join", "join(separator, list, ...) string",
			"The texts of the lists with the separator between them.",
		},
		join,
	},
	{Function{"jsondecode", "jsondecode(text) any", "The value that a JSON text stands for."}, jsondecode},
	{Function{"jsonencode", "jsonencode(value) string", "The value as JSON, keys sorted, without spaces."}, jsonencode},
	{Function{"keys", "keys(map) list", "The map's keys, sorted."}, unbounded(stdlib.KeysFunc)},
	{Function{"length", "length(list, map or text) number", "The number of elements, entries or characters."}, length},
	{Function{"lower", "lower(text) string", "The text in lower case."}, lower},
	{Function{"max", "max(number, ...) number", "The greatest number."}, numeric(stdlib.MaxFunc)},
	{
		Function{"merge", "merge(map, ...) map", "One map with all entries; later maps win."},
		unbounded(stdlib.MergeFunc),
	},
	{Function{"min", "min(number, ...) number", "The smallest number."}, numeric(stdlib.MinFunc)},
	{Function{
		"replace", "replace(text, part, with) string",
		"The text with every occurrence of part replaced. No regular expressions.",
	}, replace},
	{Function{"split", "split(separator, text) list", "The pieces of the text between the separators."}, split},
	{Function{"tonumber", "tonumber(value) number", "The number that a text is written as."}, tonumber},
	{Function{"tostring", "tostring(value) string", "The text of a number or a boolean."}, tostring},
	{Function{
		"trim", "trim(text, characters?) string",
		"The text without these characters at both ends; without white space when none are given.",
	}, trim},
	{Function{"upper", "upper(text) string", "The text in upper case."}, upper},
	{
		Function{"values", "values(map) list", "The map's values, in the order of their keys."},
		unbounded(stdlib.ValuesFunc),
	},
}

// unbounded wraps a function whose result is no larger than its arguments.
func unbounded(f function.Function) func(*budget) function.Function {
	return func(*budget) function.Function { return f }
}

// param describes one parameter. Error messages show its name.
func param(name string, t cty.Type) function.Parameter {
	return function.Parameter{Name: name, Type: t}
}

// textual defines a function with fixed parameters that returns a text. compute gets only wholly known arguments.
func textual(compute func(args []cty.Value) (string, error), params ...function.Parameter) function.Function {
	return variadic(compute, nil, params...)
}

func variadic(
	compute func(args []cty.Value) (string, error), rest *function.Parameter, params ...function.Parameter,
) function.Function {
	return function.New(&function.Spec{
		Params:   params,
		VarParam: rest,
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, arg := range args {
				if !arg.IsWhollyKnown() {
					return cty.UnknownVal(cty.String), nil
				}
			}
			s, err := compute(args)
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(s), nil
		},
	})
}
