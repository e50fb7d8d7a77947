package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// File returns the layer of a file: a configuration file, or what a stack.yaml says of backend and locks. Its tree is a Map, as written;
// `${NAME}` in its strings is the environment variable NAME, which must be set. locate says where a path stands.
func File(name string, tree value.Value, locate func(path []string) (diag.Position, *diag.Excerpt), env map[string]string) (Layer, diag.List) {
	return Layer{Origin: name, Locate: locate}.expand(tree, env)
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
