package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// maxFile is the most bytes a configuration file may have.
const maxFile = 1 << 20

// File returns the layer of a configuration file. `${NAME}` in its strings is the environment variable NAME, which must be set.
func File(name string, data []byte, env map[string]string) (Layer, diag.List) {
	layer := Layer{Origin: name, Tree: value.NewMap(nil)}
	if len(data) > maxFile {
		return layer, diag.List{diag.New(diag.Invalid, "Configuration file too large", name+" is larger than 1 MiB.", "")}
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return layer, diag.List{syntaxError(name, data, err)}
	}
	var plain map[string]any
	if err := yaml.Unmarshal(data, &plain); err != nil {
		return layer, diag.List{syntaxError(name, data, err)}
	}
	layer.Locate = func(path []string) (diag.Position, *diag.Excerpt) { return locate(name, data, file, path) }
	tree, err := value.From(normalise(plain))
	if err != nil {
		return layer, diag.List{diag.New(diag.Invalid, "Invalid configuration", name+": "+err.Error(), "")}
	}
	return layer.expand(tree, env)
}

// expand replaces `${NAME}` by environment variables. A text with one that is not set is left out, once that is reported.
func (l Layer) expand(tree value.Value, env map[string]string) (Layer, diag.List) {
	var problems diag.List
	l.Tree = expand(tree, nil, func(path []string, variable string) string {
		text, given := env[variable]
		if !given {
			p := value.Problem{Path: path, Message: fmt.Sprintf("the environment variable %s is not set", variable)}
			problems.Add(problem(l, p))
			l.wrong = append(l.wrong, strings.Join(path, "."))
		}
		return text
	})
	for _, path := range l.wrong {
		l.Tree = without(l.Tree, strings.Split(path, "."))
	}
	return l, problems
}

// Stack returns the layer of a stack.yaml: its spec.backend and spec.locks. A file that cannot be read gives an empty layer; loading the
// manifests reports what is wrong with it, and destroy works without.
func Stack(name string, data []byte, env map[string]string) (Layer, diag.List) {
	layer := Layer{Origin: name, Tree: value.NewMap(nil)}
	file, err := parser.ParseBytes(data, 0)
	if err != nil || len(data) > maxFile {
		return layer, nil
	}
	var plain struct {
		Spec struct{ Backend, Locks map[string]any }
	}
	if err := yaml.Unmarshal(data, &plain); err != nil {
		return layer, nil
	}
	for key, section := range map[string]map[string]any{"backend": plain.Spec.Backend, "locks": plain.Spec.Locks} {
		if tree, err := value.From(normalise(section)); err == nil && section != nil {
			layer.Tree = layer.Tree.With(key, tree)
		}
	}
	layer.Locate = func(path []string) (diag.Position, *diag.Excerpt) {
		return locate(name, data, file, append([]string{"spec"}, path...))
	}
	return layer.expand(layer.Tree, env)
}

var variablePattern = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

func expand(v value.Value, path []string, lookup func([]string, string) string) value.Value {
	switch v.Kind() {
	case value.Map:
		for _, key := range v.Keys() {
			v = v.With(key, expand(v.Get(key), append(path[:len(path):len(path)], key), lookup))
		}
	case value.String:
		if !strings.Contains(v.Str(), "${") {
			return v
		}
		return value.NewLoose(variablePattern.ReplaceAllStringFunc(v.Str(), func(m string) string {
			return lookup(path, m[2:len(m)-1])
		}))
	}
	return v
}

func normalise(plain any) any {
	switch p := plain.(type) {
	case map[string]any:
		for key, item := range p {
			p[key] = normalise(item)
		}
		if p == nil {
			return map[string]any{}
		}
	case []any:
		for i, item := range p {
			p[i] = normalise(item)
		}
	}
	return plain
}

func syntaxError(name string, data []byte, err error) *diag.Diagnostic {
	d := diag.New(diag.Invalid, "Invalid YAML", err.Error(), "")
	d.Position = &diag.Position{File: name}
	var y yaml.Error
	if errors.As(err, &y) {
		d.Detail = y.GetMessage()
		if token := y.GetToken(); token != nil {
			d.Position = &diag.Position{File: name, Line: token.Position.Line, Column: token.Position.Column, Length: len(token.Value)}
			d.Excerpt = excerpt(data, token.Position.Line)
		}
	}
	return d
}

// locate finds the key at path, or the nearest one above it that is there.
func locate(name string, data []byte, file *ast.File, path []string) (diag.Position, *diag.Excerpt) {
	position := diag.Position{File: name}
	if len(file.Docs) == 0 {
		return position, nil
	}
	node := file.Docs[0].Body
	for _, key := range path {
		m, ok := node.(*ast.MappingNode)
		if !ok {
			break
		}
		var next ast.Node
		for _, entry := range m.Values {
			if token := entry.Key.GetToken(); token.Value == key {
				position.Line, position.Column, position.Length = token.Position.Line, token.Position.Column, len(key)
				next = entry.Value
			}
		}
		if next == nil {
			break
		}
		node = next
	}
	if position.Line == 0 {
		return position, nil
	}
	return position, excerpt(data, position.Line)
}

func excerpt(data []byte, line int) *diag.Excerpt {
	lines := bytes.Split(data, []byte("\n"))
	first := max(line-1, 1)
	e := &diag.Excerpt{FirstLine: first}
	for n := first; n <= line && n <= len(lines); n++ {
		e.Lines = append(e.Lines, strings.TrimRight(string(lines[n-1]), "\r"))
	}
	return e
}
