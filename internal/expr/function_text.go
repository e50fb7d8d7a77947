package expr

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var text = param("text", cty.String)

func upper(b *budget) function.Function {
	return textual(func(args []cty.Value) (string, error) {
		s := args[0].AsString()
		return strings.ToUpper(s), b.take(len(s))
	}, text)
}

func lower(b *budget) function.Function {
	return textual(func(args []cty.Value) (string, error) {
		s := args[0].AsString()
		return strings.ToLower(s), b.take(len(s))
	}, text)
}

func trim(b *budget) function.Function {
	rest := param("characters", cty.String)
	return variadic(func(args []cty.Value) (string, error) {
		s := args[0].AsString()
		switch len(args) {
		case 1:
			return strings.TrimSpace(s), b.take(len(s))
		case 2:
			return strings.Trim(s, args[1].AsString()), b.take(len(s))
		}
		return "", function.NewArgErrorf(2, "trim takes a text and the characters to take off, nothing else")
	}, &rest, text)
}

func replace(b *budget) function.Function {
	return textual(func(args []cty.Value) (string, error) {
		s, part, with := args[0].AsString(), args[1].AsString(), args[2].AsString()
		if part == "" {
			return "", function.NewArgErrorf(1, "the part to replace must not be empty")
		}
		if err := b.take(len(s) + strings.Count(s, part)*max(len(with)-len(part), 0)); err != nil {
			return "", err
		}
		return strings.ReplaceAll(s, part, with), nil
	}, text, param("part", cty.String), param("with", cty.String))
}

func join(b *budget) function.Function {
	lists := param("list", cty.List(cty.String))
	return variadic(func(args []cty.Value) (string, error) {
		separator, size := args[0].AsString(), 0
		var items []string
		for i, list := range args[1:] {
			for it := list.ElementIterator(); it.Next(); {
				_, item := it.Element()
				if item.IsNull() {
					return "", function.NewArgErrorf(i+1, "a list with a null in it cannot be joined")
				}
				items = append(items, item.AsString())
				size += len(separator) + len(item.AsString())
			}
		}
		if err := b.take(size); err != nil {
			return "", err
		}
		return strings.Join(items, separator), nil
	}, &lists, param("separator", cty.String))
}

func split(b *budget) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("separator", cty.String), text},
		Type:   function.StaticReturnType(cty.List(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			separator, s := args[0].AsString(), args[1].AsString()
			if separator == "" {
				return cty.NilVal, function.NewArgErrorf(0, "the separator must not be empty")
			}
			if err := b.take(len(s)); err != nil {
				return cty.NilVal, err
			}
			pieces := strings.Split(s, separator)
			out := make([]cty.Value, len(pieces))
			for i, piece := range pieces {
				out[i] = cty.StringVal(piece)
			}
			return cty.ListVal(out), nil
		},
	})
}

func base64encode(b *budget) function.Function {
	return textual(func(args []cty.Value) (string, error) {
		s := args[0].AsString()
		if err := b.take(base64.StdEncoding.EncodedLen(len(s))); err != nil {
			return "", err
		}
		return base64.StdEncoding.EncodeToString([]byte(s)), nil
	}, text)
}

func base64decode(b *budget) function.Function {
	return textual(func(args []cty.Value) (string, error) {
		s := args[0].AsString()
		if err := b.take(len(s)); err != nil {
			return "", err
		}
		data, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return "", function.NewArgErrorf(0, "the text is not base64")
		}
		if !utf8.Valid(data) {
			return "", function.NewArgErrorf(0, "what the base64 stands for is not UTF-8 text")
		}
		return string(data), nil
	}, text)
}

var (
	verb      = regexp.MustCompile(`%[^a-zA-Z%]*[a-zA-Z%]`)
	numerical = regexp.MustCompile(`%[^a-zA-Z%]*[bdoxXeEfgG]`)
	digits    = regexp.MustCompile(`[0-9]+`)
	exponent  = regexp.MustCompile(`^[-+0-9.]*[eEpP][-+]?[0-9]{3,}$`)
)

// maxWidth limits the padding that one verb of format may ask for.
const maxWidth = 1000

// format is cty's function with a check of its cost first: a width is an allocation, and each verb can repeat the
// longest argument.
func format(b *budget) function.Function {
	values := function.Parameter{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true}
	return variadic(func(args []cty.Value) (string, error) {
		pattern, longest := args[0].AsString(), 0
		for i, arg := range args[1:] {
			size := maxResult
			v, err := fromCty(arg, &size)
			if err != nil {
				return "", err
			}
			longest = max(longest, 6*sizeOf(v)+330) // quoting makes up to six bytes of one; a number has up to 330
			if exponent.MatchString(v.Str()) && numerical.MatchString(pattern) {
				return "", function.NewArgErrorf(i+1, "the number is too large")
			}
		}
		verbs := verb.FindAllString(pattern, -1)
		for _, v := range verbs {
			for _, n := range digits.FindAllString(v, -1) {
				if width, err := strconv.Atoi(n); err != nil || width > maxWidth {
					return "", function.NewArgErrorf(0, "a width, precision or position of more than %d", maxWidth)
				}
			}
		}
		if len(pattern)+len(verbs)*max(longest, maxWidth) > 8*maxResult {
			return "", errTooMuch
		}
		out, err := stdlib.Format(args[0], args[1:]...)
		if err != nil {
			return "", err
		}
		return out.AsString(), b.take(len(out.AsString()))
	}, &values, param("pattern", cty.String))
}
