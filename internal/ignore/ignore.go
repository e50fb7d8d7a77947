// Package ignore is the file of a repository that names the differences which drift detect does not count: what
// somebody changed on purpose and wants to keep.
//
// In: the folder of a repository. Out: rules, each with its place, and the file with more of them. It must not know
// what drift is, and it decides nothing.
package ignore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/value"
)

// Name is the path of the file below the root of the repository.
const Name = ".deployer/drift-ignore.yaml"

// document is the file.
type document struct {
	Version string `json:"version" required:"true" enum:"v1"`
	Ignore  []Rule `json:"ignore"`
}

// Rule names differences of one stack that do not count.
type Rule struct {
	Stack       string `json:"stack" required:"true"`
	Environment string `json:"environment,omitempty"` // "": each
	// Resource is the ID of a resource, or the address of a component: all of its resources.
	Resource string `json:"resource" required:"true"`
	// Property is the dotted path of a property, or of what is above it; "": each.
	Property string `json:"property,omitempty"`
	// Object is the AWS ID of something that was made beside the resource; "": the resource itself.
	Object string `json:"object,omitempty"`
	// Deleted: that the object is not there.
	Deleted bool   `json:"deleted,omitempty"`
	Reason  string `json:"reason,omitempty"`

	place string // file and line
}

// Place is the file and the line of the rule.
func (r Rule) Place() string { return r.place }

// same reports whether two rules name the same, whatever their reasons are.
func (r Rule) same(other Rule) bool {
	r.Reason, other.Reason, r.place, other.place = "", "", "", ""
	return r == other
}

// Difference is what a rule may name.
type Difference struct {
	Stack, Environment, Resource string
	Property                     []string // of a changed object
	Object                       string   // of an object that was made
	Deleted                      bool
}

// covers reports whether the rule names the difference.
func (r Rule) covers(d Difference) bool {
	component, _, _ := strings.Cut(d.Resource, ":")
	switch {
	case r.Stack != d.Stack, r.Environment != "" && r.Environment != d.Environment,
		r.Resource != d.Resource && r.Resource != component:
		return false
	case r.Object != "":
		return r.Object == d.Object
	case r.Deleted:
		return d.Deleted
	case r.Property == "":
		return true
	}
	path := strings.Join(d.Property, ".")
	return path == r.Property || strings.HasPrefix(path, r.Property+".")
}

// Rules are the rules of a file.
type Rules []Rule

// For returns the first rule that names the difference; nil: none does.
func (all Rules) For(d Difference) *Rule {
	i := slices.IndexFunc(all, func(r Rule) bool { return r.covers(d) })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// Read reads the file of a repository. Without a file there are no rules.
func Read(root string) (Rules, error) {
	if root == "" {
		return nil, nil
	}
	data, err := file.Read(filepath.Join(root, filepath.FromSlash(Name)), manifest.MaxFileSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.New(diag.Invalid, "Cannot read the ignored differences", err.Error()+".", "")
	}
	return parse(data)
}

func parse(data []byte) (Rules, error) {
	plain, found := manifest.ReadPlain(Name, data)
	if found.HasErrors() {
		return nil, found
	}
	var doc document
	for _, p := range value.Decode(plain.Tree, &doc) {
		found.Add(problem(plain, p.Path, "Ignored difference is not valid",
			diag.Sentence(p.Message)))
	}
	for i := range doc.Ignore {
		r := &doc.Ignore[i]
		at := []string{"ignore", strconv.Itoa(i)}
		if where, _ := plain.Locate(at); where.File != "" {
			r.place = fmt.Sprintf("%s:%d", Name, where.Line)
		}
		if n := len(slices.DeleteFunc([]bool{r.Property != "", r.Object != "", r.Deleted}, func(yes bool) bool {
			return !yes
		})); n > 1 {
			found.Add(problem(plain, at, "Ignored difference is not valid",
				"A rule names one of property, object and deleted, or none of them: the whole resource."))
		}
	}
	return doc.Ignore, found.Err()
}

func problem(plain manifest.Plain, path []string, summary, detail string) *diag.Diagnostic {
	d := diag.New(diag.Invalid, summary, detail, "")
	if at, excerpt := plain.Locate(path); at.File != "" {
		d.Position, d.Excerpt = &at, excerpt
	}
	return d
}

// Add adds rules to the file of a repository, except those that it has, and returns what it has added. Comments and
// order of the file stay.
func Add(root string, rules []Rule) (Rules, error) {
	path := filepath.Join(root, filepath.FromSlash(Name))
	before, err := Read(root)
	if err != nil {
		return nil, err
	}
	var added Rules
	for _, r := range rules {
		known := func(other Rule) bool { return other.same(r) }
		if !slices.ContainsFunc(before, known) && !slices.ContainsFunc(added, known) {
			added = append(added, r)
		}
	}
	if len(added) == 0 {
		return nil, nil
	}
	text, err := file.Read(path, manifest.MaxFileSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		text = []byte("# Differences that deployer drift detect does not count, and why.\nversion: v1\nignore:\n")
	} else if !strings.HasSuffix(string(text), "\n") {
		text = append(text, '\n')
	}
	for _, r := range added {
		text = append(text, r.yaml()...)
	}
	// The list may not be at the end of the file, or be written in brackets: then this is another document.
	after, err := parse(text)
	if err != nil || len(after) != len(before)+len(added) {
		lines := ""
		for _, r := range added {
			lines += r.yaml()
		}
		d := diag.New(diag.Invalid, "Cannot add to "+Name,
			"The list `ignore` is not a block at the end of the file, so nothing can be added below it. Nothing was "+
				"changed.",
			"Add these lines to the list by hand, or move the list to the end.")
		d.Lines = strings.Split(strings.TrimSuffix(lines, "\n"), "\n")
		return nil, d
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a folder of the repository
		return nil, err
	}
	return after[len(before):], file.Replace(path, string(text), 0o644)
}

// yaml is the rule as an item of the list.
func (r Rule) yaml() string {
	out := "  - stack: " + quoted(r.Stack) + "\n"
	add := func(key, text string) {
		if text != "" {
			out += "    " + key + ": " + quoted(text) + "\n"
		}
	}
	add("environment", r.Environment)
	add("resource", r.Resource)
	add("property", r.Property)
	add("object", r.Object)
	if r.Deleted {
		out += "    deleted: true\n"
	}
	add("reason", r.Reason)
	return out
}

// quoted is a text as a scalar of YAML: plain where that is safe.
func quoted(text string) string {
	for _, r := range text {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '/' || r == '-' || r == '_') {
			return strconv.Quote(text)
		}
	}
	switch strings.ToLower(text) {
	case "", "y", "n", "yes", "no", "on", "off", "true", "false", "null", "-":
		return strconv.Quote(text)
	}
	return text
}
