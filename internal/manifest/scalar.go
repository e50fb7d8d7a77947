package manifest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/company/deployer/internal/value"
)

func (c *converter) null(where span) *node {
	return &node{kind: value.Null, at: where, size: 1, height: 1}
}

func (c *converter) str(where span, s string) *node {
	return &node{kind: value.String, text: s, at: where, size: 1, height: 1}
}

var (
	decimal = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*|0[0-9]+)$`)
	float   = regexp.MustCompile(`^[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?$`)
)

func (c *converter) scalar(n ast.ScalarNode) *node {
	t := n.GetToken()
	where := c.span(t)
	switch n := n.(type) {
	case *ast.NullNode:
		return c.null(where)
	case *ast.BoolNode:
		return &node{kind: value.Bool, boolean: n.Value, text: t.Value, at: where, size: 1, height: 1}
	case *ast.StringNode:
		return c.str(where, n.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		return c.number(where, t.Value, n)
	case *ast.InfinityNode, *ast.NanNode:
		return c.fail(where, "Invalid value", fmt.Sprintf("%s is not a number that is supported.", t.Value),
			"If you mean a text, quote it.")
	case *ast.MergeKeyNode:
		return c.str(where, t.Value)
	}
	return c.fail(where, "Invalid YAML", "This kind of YAML is not supported.", "")
}

// number reads decimal numbers itself: the parser reads 010 as octal, but YAML 1.2 and account numbers do not.
func (c *converter) number(where span, text string, n ast.ScalarNode) *node {
	out := &node{kind: value.Number, text: text, at: where, size: 1, height: 1}
	if decimal.MatchString(text) || float.MatchString(text) {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(f, 0) {
			return c.fail(where, "Invalid value", fmt.Sprintf("%s is not a number that is supported.", text),
				"If you mean a text, quote it.")
		}
		out.number = f
		return out
	}
	switch v := n.GetValue().(type) { // hexadecimal, octal, binary and digits grouped by _
	case uint64:
		out.number = float64(v)
	case int64:
		out.number = float64(v)
	case float64:
		out.number = v
	default:
		return c.str(where, text)
	}
	return out
}

// tag accepts the core schema's tags on scalars. Only !!str changes the value.
func (c *converter) tag(n *ast.TagNode, depth int) *node {
	where := c.span(n.GetToken())
	name := n.GetToken().Value
	v := c.convert(n.Value, depth)
	if v == nil {
		v = c.null(where)
	}
	switch name {
	case "!!str":
		switch v.kind {
		case value.Null:
			return c.str(where, "")
		case value.Bool, value.Number, value.String:
			return c.str(v.at, v.text)
		}
	case "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq":
		want := map[string]value.Kind{
			"!!int": value.Number, "!!float": value.Number, "!!bool": value.Bool,
			"!!null": value.Null, "!!map": value.Map, "!!seq": value.List,
		}[name]
		if v.kind == want {
			return v
		}
	}
	return c.fail(where, "Invalid YAML", fmt.Sprintf("The tag %s is not supported here.", strconv.Quote(name)),
		"Remove the tag. The field decides the type of its value.")
}
