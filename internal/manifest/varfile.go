package manifest

import (
	"fmt"
	"path"
	"strings"

	"github.com/company/deployer/internal/value"
)

// VarFile is the content of one --var-file: a YAML or JSON map, or lines KEY=VALUE.
type VarFile struct {
	Name string // as given on the command line
	Data []byte
}

type assignment struct{ name, text string }

// parseVarFile reads a variable file. Its lines are never in excerpts: they may be secrets.
func parseVarFile(f VarFile, p *problems) []assignment {
	r := &reader{problems: p, cost: &cost{}}
	shell := &file{name: f.Name, hidden: true}
	text, ok := r.decode(shell, string(f.Data))
	if !ok {
		return nil
	}
	if withoutEnding(f.Name) != f.Name || strings.EqualFold(path.Ext(f.Name), ".json") || !hasAssignments(text) {
		return parseVarMap(f.Name, text, p)
	}
	var out []assignment
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, content, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name, content = strings.TrimSpace(name), strings.TrimSpace(content)
		if !found || !variablePattern.MatchString(name) {
			p.invalid(span{file: shell, line: i + 1, column: 1}, "Invalid variable file",
				"A line must read KEY=VALUE, with letters, digits and _ in KEY.", "Start comments with #.")
			continue
		}
		if len(content) >= 2 && (content[0] == '"' || content[0] == '\'') && content[len(content)-1] == content[0] {
			content = content[1 : len(content)-1]
		}
		out = append(out, assignment{name, content})
	}
	return out
}

// hasAssignments tells KEY=VALUE lines from YAML by the first line that is not empty or a comment.
func hasAssignments(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, _, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		return found && variablePattern.MatchString(strings.TrimSpace(name))
	}
	return false
}

func parseVarMap(name, text string, p *problems) []assignment {
	inner := problems{}
	r := &reader{
		problems: &inner, cost: &cost{},
		shape: "A variable file is a map of names and values, or lines KEY=VALUE",
	}
	f, roots := r.read(name, text)
	f.hidden = true
	for _, d := range inner.list {
		d.Excerpt = nil
		p.add(d)
	}
	var out []assignment
	for _, root := range roots {
		for _, e := range root.entries {
			switch {
			case !variablePattern.MatchString(e.key):
				p.invalid(e.at, "Invalid variable name", fmt.Sprintf("%q does not match %s.", e.key, variablePattern),
					"Use letters, digits and _, not a digit first.")
			case e.value.kind == value.Null:
			case !e.value.scalar():
				p.invalid(e.at, "Wrong type", fmt.Sprintf("%s must be a text, a number or true or false, but is %s.",
					e.key, e.value.kind.Article()), "A variable holds one text.")
			default:
				out = append(out, assignment{e.key, e.value.text})
			}
		}
	}
	return out
}
