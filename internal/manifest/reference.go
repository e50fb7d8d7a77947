package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// roots are the first words of names that are neither variables nor components.
var roots = []string{"stack", "environment", "service", "git"}

// GitKeys are the keys of ${git.…}: the full commit, the short commit, the branch, and the tag on the commit.
var GitKeys = []string{"commit", "short", "branch", "tag"}

func rootKeys(root string) []string {
	switch root {
	case "stack":
		return []string{"name", "region", "account"}
	case "environment":
		return []string{"name", "production"}
	case "service":
		return []string{"name"}
	}
	return GitKeys
}

func (s scope) variable(name string) (value.Value, error) {
	if !variablePattern.MatchString(name) {
		return value.NullValue, diag.New(diag.Invalid, "Invalid expression",
			fmt.Sprintf("%q is not the name of a variable.", name),
			fmt.Sprintf("One word is a variable (letters, digits and _); an output of a component has a dot: "+
				"${%s.<output>}.", name))
	}
	s.used[name] = true
	s.takePrevious(name)
	if v := s.known[name]; v != nil {
		return v.Value, nil
	}
	return value.NewUnknown(), nil
}

// dotted resolves a name of several words.
func (s scope) dotted(name []string) (value.Value, int, error) {
	if slices.Contains(roots, name[0]) {
		v, err := s.root(name[0], name[1])
		return v, 2, err
	}
	written := strings.Join(name, ".")
	switch {
	case name[0] == "var":
		return value.NullValue, 0, diag.New(diag.Invalid, "Unknown reference",
			fmt.Sprintf("%q: variables have no prefix.", written), fmt.Sprintf("Write ${%s}.", name[1]))
	case s.settings:
		return value.NullValue, 0, diag.New(diag.Invalid, "Unknown reference",
			fmt.Sprintf("%q: only variables and %s can be used here.", written, strings.Join(roots, ", ")),
			"Outputs of components can only be used in specs of components.")
	}
	own, isOwn := s.targets[s.service+"/"+name[0]]
	if isOwn && (own.kind == nil || slices.Contains(own.kind.Outputs, name[1])) {
		return s.output(s.service+"/"+name[0], own, name[1], 2)
	}
	if len(name) > 2 {
		if other, ok := s.targets[name[0]+"/"+name[1]]; ok {
			return s.output(name[0]+"/"+name[1], other, name[2], 3)
		}
	}
	switch {
	case isOwn:
		return s.output(s.service+"/"+name[0], own, name[1], 2)
	case s.bundle.broken, s.problems.full():
		return value.NullValue, 0, ignored // it may be in a file that could not be read
	}
	return value.NullValue, 0, s.unknown(name)
}

func (s scope) output(address string, t target, output string, used int) (value.Value, int, error) {
	if t.kind == nil {
		return value.NullValue, 0, ignored
	}
	if !slices.Contains(t.kind.Outputs, output) {
		return value.NullValue, 0, diag.New(diag.Invalid, "Unknown output",
			fmt.Sprintf("The %s %q has no output %q. %s", t.kind.Name, address, output,
				suggest(output, t.kind.Outputs)), "")
	}
	return value.Output(address, output), used, nil
}

// unknown suggests what a reference may have meant.
func (s scope) unknown(name []string) error {
	written := strings.Join(name, ".")
	var own, all []string
	for address := range s.targets {
		service, short, _ := cut(address)
		if service == s.service {
			own = append(own, short)
		}
		if short == name[0] && len(name) == 2 {
			all = append(all, service+"."+written)
		}
	}
	slices.Sort(own)
	slices.Sort(all)
	fail := func(detail, next string) error {
		return diag.New(diag.Invalid, "Unknown reference", strings.TrimSpace(detail), next)
	}
	rest := strings.Join(name[1:], ".")
	if near := diag.DidYouMean(name[0], append(own, roots...)); near != "" && (len(name) == 2 || !s.services[name[0]]) {
		if services := diag.DidYouMean(name[0], sorted(s.services)); len(name) > 2 && services != "" {
			near = services
		}
		return fail(fmt.Sprintf("%q: nothing has the name %q. %s", written, name[0],
			strings.TrimSuffix(near, `"?`)+"."+rest+`"?`), "")
	}
	if len(all) > 0 {
		return fail(fmt.Sprintf("%q: the service %q has no component %q. Did you mean %q?", written, s.service, name[0],
			all[0]), "A component of another service is called <service>.<component>.")
	}
	if len(name) > 2 && s.services[name[0]] {
		return fail(strings.TrimPrefix(s.unknownComponent(name[0]+"/"+name[1], s.service).Detail, ""), "")
	}
	if len(name) > 2 {
		return fail(fmt.Sprintf("%q: there is no service %q. %s", written, name[0],
			suggest(name[0], sorted(s.services))), "")
	}
	return fail(fmt.Sprintf("%q: the service %q has no component %q. %s", written, s.service, name[0],
		suggest(name[0], own)), "")
}

// root resolves ${stack.name} and similar names.
func (s scope) root(root, key string) (value.Value, error) {
	if keys := rootKeys(root); !slices.Contains(keys, key) {
		return value.NullValue, diag.New(diag.Invalid, "Unknown reference",
			fmt.Sprintf("%q has no %q. %s", root, key, suggest(key, keys)), "")
	}
	text := func(t string) (value.Value, error) {
		switch {
		case t != "":
			return value.NewLoose(t), nil
		case s.options.Strict && root == "stack": // no later step will know it
			return value.NullValue, diag.New(diag.Invalid, "Not known at plan time",
				fmt.Sprintf("The %s of the stack is not in its manifests.", key),
				fmt.Sprintf("Set spec.provider.%s in the Stack or the Environment.", key))
		}
		return value.NewUnknown(), nil
	}
	switch root + "." + key {
	case "stack.name":
		return text(s.stack.Name)
	case "stack.region":
		return text(s.region())
	case "stack.account":
		if s.options.Account == "" {
			return text(s.stack.Provider.Account)
		}
		return text(s.options.Account)
	case "environment.name":
		return text(s.stack.Environment)
	case "environment.production":
		return value.NewBool(s.stack.Production), nil
	case "service.name":
		return text(s.service)
	}
	if !s.asked && s.options.Git != nil {
		s.resolver.git = s.options.Git()
	}
	s.resolver.asked = true
	switch found := s.resolver.git[key]; {
	case found != "":
		return value.NewLoose(found), nil
	case !s.options.Strict:
		return value.NewUnknown(), nil
	case s.resolver.git["commit"] == "":
		return value.NullValue, diag.New(diag.Invalid, "No git repository",
			fmt.Sprintf("${git.%s} needs a git repository with a commit, and there is none.", key),
			"Use a variable, or run inside of the repository.")
	}
	return value.NullValue, diag.New(diag.Invalid, "Unknown reference", fmt.Sprintf("The checkout has no %s.", key),
		"A detached checkout, as in CI, has no branch, and few commits have a tag: use a variable, or "+
			"${git.commit}.")
}

// cut splits an address.
func cut(address string) (service, name string, full bool) { return strings.Cut(address, "/") }
