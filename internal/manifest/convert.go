package manifest

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/company/deployer/internal/value"
)

// converter turns the parser's tree of one document into nodes.
type converter struct {
	file     *file
	problems *problems
	anchors  map[string]*node
	aliased  int // nodes that aliases add
	failed   bool
}

// root converts a document. It returns nil when the document is empty or not usable.
func (r *reader) root(f *file, body ast.Node) *node {
	c := &converter{file: f, problems: r.problems, anchors: map[string]*node{}}
	n := c.convert(body, 0)
	switch {
	case n == nil || n.kind == value.Null && !c.failed:
		return nil
	case n.kind != value.Map:
		r.refuse(n.at, "Wrong type", fmt.Sprintf("%s, but this is %s.",
			cmp.Or(r.shape, "A document is a map with apiVersion, kind, metadata and spec"), n.kind.Article()), "")
		return nil
	case n.size > maxNodes:
		r.problems.limit(n.at, fmt.Sprintf("The document holds more than %d values.", maxNodes))
		return nil
	}
	r.broken = r.broken || c.failed
	return n
}

func (c *converter) fail(where span, summary, detail, next string) *node {
	c.failed = true
	c.problems.invalid(where, summary, detail, next)
	return &node{kind: value.Null, at: where, size: 1, height: 1}
}

func (c *converter) convert(n ast.Node, depth int) *node {
	if depth > maxDepth {
		where := c.span(n.GetToken())
		c.problems.limit(where, fmt.Sprintf("Lists and maps are nested more than %d deep.", maxDepth))
		return c.null(where)
	}
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		return c.mapping(n.GetToken(), n.Values, depth)
	case *ast.MappingValueNode:
		return c.mapping(n.GetToken(), []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		items := make([]*node, 0, len(n.Values))
		for _, item := range n.Values {
			if converted := c.convert(item, depth+1); converted != nil {
				items = append(items, converted)
			}
		}
		where := c.span(n.GetToken())
		where.length = 0
		return newList(where, items)
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		delete(c.anchors, name) // an alias inside its own anchor finds nothing
		v := c.convert(n.Value, depth)
		if v == nil {
			v = c.null(c.span(n.GetToken()))
		}
		c.anchors[name] = v
		return v
	case *ast.AliasNode:
		return c.alias(n, depth)
	case *ast.TagNode:
		return c.tag(n, depth)
	case *ast.CommentGroupNode:
		return nil
	case *ast.LiteralNode:
		where := c.span(n.GetToken())
		return c.str(where, n.Value.Value)
	case ast.ScalarNode:
		return c.scalar(n)
	}
	return c.fail(c.span(n.GetToken()), "Invalid YAML", "This kind of YAML is not supported.", "")
}

func (c *converter) alias(n *ast.AliasNode, depth int) *node {
	where := c.span(n.GetToken())
	name := n.Value.GetToken().Value
	v := c.anchors[name]
	if v == nil {
		return c.fail(where, "Unknown anchor",
			fmt.Sprintf("*%s refers to an anchor that is not defined before it, or that contains this alias.", name),
			fmt.Sprintf("Define &%s further up in the same document.", name))
	}
	c.aliased += v.size
	if c.aliased > maxNodes || depth+v.height > maxDepth {
		c.problems.limit(where, "The document is too large after its aliases are replaced.")
		return c.null(where)
	}
	return v
}

// mapping converts a map. Keys written here override the keys of maps that the merge key << brings in.
func (c *converter) mapping(t *token.Token, values []*ast.MappingValueNode, depth int) *node {
	where := c.span(t)
	where.length = 0
	entries := make([]entry, 0, len(values))
	index := make(map[string]int, len(values))
	var merged []*node
	for _, pair := range values {
		keyToken := pair.Key.GetToken()
		at := c.span(keyToken)
		v := c.convert(pair.Value, depth+1)
		if v == nil {
			v = c.null(at)
		}
		if _, ok := pair.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, c.merged(at, v)...)
			continue
		}
		key, ok := c.key(pair.Key)
		if !ok {
			c.fail(at, "Invalid key", "A key must be a plain text.", "")
			continue
		}
		if first, again := index[key]; again {
			c.fail(at, "Duplicate key", fmt.Sprintf("%q is given twice; the first time in line %d.", key,
				entries[first].at.line),
				"Keep one of them.")
			continue
		}
		index[key] = len(entries)
		entries = append(entries, entry{key: key, at: at, value: v})
	}
	for _, m := range merged {
		for _, e := range m.entries {
			if _, given := index[e.key]; !given {
				index[e.key] = len(entries)
				entries = append(entries, e)
			}
		}
	}
	if len(entries) > 0 && entries[0].at.line > 0 &&
		(where.line > entries[0].at.line || where.column > entries[0].at.column) {
		where.line, where.column = entries[0].at.line, entries[0].at.column
	}
	return newMap(where, entries)
}

func (c *converter) key(n ast.MapKeyNode) (string, bool) {
	switch k := n.(type) {
	case *ast.StringNode:
		return k.Value, len(k.Value) <= maxKey
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.MappingKeyNode:
		if inner, ok := k.Value.(ast.MapKeyNode); ok && inner != n {
			return c.key(inner)
		}
	}
	return "", false
}

func (c *converter) merged(where span, v *node) []*node {
	switch v.kind {
	case value.Map:
		return []*node{v}
	case value.List:
		for _, item := range v.items {
			if item.kind != value.Map {
				c.fail(where, "Invalid YAML", "The merge key << needs a map or a list of maps.", "")
				return nil
			}
		}
		return v.items
	}
	if !c.failed {
		c.fail(where, "Invalid YAML", "The merge key << needs a map or a list of maps.", "")
	}
	return nil
}

// span is the place of a token and its length on its first line.
func (c *converter) span(t *token.Token) span {
	if t == nil || t.Position == nil {
		return span{file: c.file}
	}
	s := span{file: c.file, line: min(max(t.Position.Line, 1), len(c.file.lines)), column: max(t.Position.Column, 1)}
	content := c.file.lines[s.line-1]
	offset := byteOffset(content, s.column)
	rest := content[offset:]
	switch {
	case strings.HasPrefix(rest, `"`), strings.HasPrefix(rest, `'`):
		s.length = utf8.RuneCountInString(quoted(rest))
	case t.Value != "" && strings.HasPrefix(rest, t.Value):
		s.length = utf8.RuneCountInString(t.Value)
	default:
		first, _, _ := strings.Cut(t.Value, "\n")
		if i := strings.Index(content, first); first != "" && i >= 0 && len(first) < 200 {
			s.column, s.length = utf8.RuneCountInString(content[:i])+1, utf8.RuneCountInString(first)
		} else {
			s.length = utf8.RuneCountInString(strings.TrimRight(rest, " "))
		}
	}
	return s
}

// quoted is the quoted text at the start of rest, up to its closing quote or the end of the line.
func quoted(rest string) string {
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[0] == '"' && rest[i] == '\\':
			i++
		case rest[i] == rest[0]:
			if rest[0] == '\'' && i+1 < len(rest) && rest[i+1] == '\'' {
				i++
				continue
			}
			return rest[:i+1]
		}
	}
	return rest
}
