package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// File returns the layer of a file: a configuration file, or the backend and locks of a stack.yaml. Its tree is a Map,
// as written. `${NAME}` in its strings is the environment variable NAME, which must be set. locate returns the place of
// a path.
func File(
	name string, tree value.Value, locate func(path []string) (diag.Position, *diag.Excerpt), env map[string]string,
) (Layer, diag.List) {
	return Layer{Origin: name, Locate: locate}.expand(tree, env)
}

// expand replaces `${NAME}` by environment variables. A text with an unset variable is reported and left out.
func (l Layer) expand(tree value.Value, env map[string]string) (Layer, diag.List) {
	var problems diag.List
	wrong := func(path []string, message string) {
		problems.Add(problem(l, value.Problem{Path: path, Message: message}))
		l.wrong = append(l.wrong, strings.Join(path, "."))
	}
	l.Tree = expand(tree, nil, func(path []string, text string) string {
		if strings.Contains(variablePattern.ReplaceAllString(text, ""), "${") {
			wrong(path, "${ begins the name of an environment variable, which must end with }: ${NAME}")
			return ""
		}
		return variablePattern.ReplaceAllStringFunc(text, func(m string) string {
			name := m[2 : len(m)-1]
			content, given := env[name]
			if !given && strings.Join(path, ".") != tokenPath { // no copy is worth a failed deployment
				wrong(path, fmt.Sprintf("the environment variable %s is not set", name))
			}
			return content
		})
	})
	if text := tree.Get(strings.Split(tokenPath, ".")...).Str(); text != "" && !variablePattern.MatchString(text) {
		problems.Add(inClear(l))
		l.wrong = append(l.wrong, tokenPath)
	}
	for _, path := range l.wrong {
		l.Tree = without(l.Tree, strings.Split(path, "."))
	}
	return l, problems
}

var variablePattern = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand calls fill for every string that holds ${, with its path, and replaces the string by the result.
func expand(v value.Value, path []string, fill func(path []string, text string) string) value.Value {
	switch v.Kind() {
	case value.Map:
		for _, key := range v.Keys() {
			v = v.With(key, expand(v.Get(key), append(path[:len(path):len(path)], key), fill))
		}
	case value.String:
		if strings.Contains(v.Str(), "${") {
			return value.NewLoose(fill(path, v.Str()))
		}
	}
	return v
}

// tokenPath is the only setting that is a secret.
const tokenPath = "pulumi.accessToken"

// inClear is the problem of a token that is written in a file. It shows no excerpt, which would show the token.
func inClear(l Layer) *diag.Diagnostic {
	d := problem(l, value.Problem{Path: strings.Split(tokenPath, "."), Message: "a token must not be in a file"})
	d.Excerpt = nil
	d.Next = "Write accessToken: ${PULUMI_ACCESS_TOKEN}, set this variable, and revoke the token if others can read " +
		"the file."
	return d
}
