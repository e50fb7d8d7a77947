package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// roots are the first words of the names that are neither variables nor components.
var roots = []string{"stack", "environment", "service", "git"}

// GitKeys are what ${git.…} may ask for: the commit in full and in short, the branch and the tag on the commit.
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

// scope is where a text stands: what its names mean.
type scope struct {
	*resolver
	service  string // of the component; "" in settings
	address  string // of the component
	settings bool   // in the Stack, an Environment or a Service: no references
}

// evaluate turns a tree into a value, expressions evaluated.
func (r *resolver) evaluate(n *node, path []string, s scope) value.Value {
	return n.convert(path, func(leaf *node, at []string) value.Value {
		if !strings.Contains(leaf.text, "${") {
			return value.NewString(leaf.text)
		}
		return s.text(leaf, at)
	})
}

// text evaluates one string.
func (s scope) text(leaf *node, path []string) value.Value {
	var variables []string
	v, failed := s.compiler.Compile(leaf.text, func(name []string) (value.Value, int, error) {
		if len(name) == 1 {
			v, err := s.variable(name[0])
			if err == nil {
				variables = append(variables, name[0])
			}
			return v, 1, err
		}
		return s.dotted(name)
	})
	for _, err := range failed {
		s.failed(leaf, err)
	}
	for _, name := range variables {
		if v := s.known[name]; v == nil || v.Origin == "" {
			s.missing(name, mention(leaf, name))
			if v == nil && !s.declared[name] {
				s.known[name] = &Variable{Name: name, Value: value.NewUnknown()}
			}
		}
	}
	if len(failed) > 0 {
		return value.NewUnknown()
	}
	for _, name := range variables {
		if variable := s.known[name]; variable != nil && variable.Sensitive && holdsSecret(v) {
			s.stored(leaf, name, path)
			return value.NewUnknown()
		}
	}
	text, _ := v.Text()
	if s.left -= len(text); s.left < 0 {
		s.problems.invalid(leaf.at, "Too large", fmt.Sprintf("The expressions of the stack give more than %d MiB of text.", maxResolved>>20), "Use shorter variables.")
		return value.NewUnknown()
	}
	return v
}

// holdsSecret looks into expressions too: their arguments are written to plan and state.
func holdsSecret(v value.Value) bool {
	found := false
	v.Walk(func(_ []string, n value.Value) {
		found = found || n.IsSensitive()
		if e := n.Expression(); e != nil {
			found = found || slices.ContainsFunc(e.Args, holdsSecret)
		}
	})
	return found
}

// stored reports a sensitive variable in a field that state and plan hold.
func (s scope) stored(leaf *node, name string, path []string) {
	field := "spec." + strings.Join(path, ".")
	s.problems.invalid(mention(leaf, name), "Sensitive value would be stored",
		fmt.Sprintf("The variable %q is sensitive, and %s is written to the state, to plans and to AWS in the clear.", name, field),
		"Put the value into Secrets Manager or the SSM parameter store and name it under spec.secrets, as an ARN or ssm:/path.")
}

// failed reports what is wrong with an expression.
func (s scope) failed(leaf *node, err error) {
	where := leaf.at
	var spanned interface{ Span() (offset, length int) }
	if errors.As(err, &spanned) {
		offset, length := spanned.Span()
		where = within(leaf, offset, length)
	}
	var found *diag.Diagnostic
	if errors.As(err, &found) {
		if found == ignored {
			return
		}
		d := *found
		s.problems.add(at(&d, where).For(s.address))
		return
	}
	s.problems.add(at(diag.New(diag.Invalid, "Invalid expression", sentence(err.Error()), "Write $${ where ${ is meant literally."), where).For(s.address))
}

// sentence ends a message as one, whatever it ends with.
func sentence(message string) string {
	message = upperFirst(message)
	if strings.HasSuffix(message, "?") || strings.HasSuffix(message, ".") {
		return message
	}
	return message + "."
}

// mention is where a text uses a variable.
func mention(leaf *node, name string) span {
	for from := 0; ; {
		i := strings.Index(leaf.text[from:], name)
		if i < 0 {
			return leaf.at
		}
		if at := from + i; strings.LastIndex(leaf.text[:at], "${") > strings.LastIndex(leaf.text[:at], "}") {
			return within(leaf, at, len(name))
		}
		from += i + 1
	}
}

// within finds a part of a text in the file. Quoting and folding may hide it: then it is the text as a whole.
func within(leaf *node, offset, length int) span {
	if offset < 0 || length <= 0 || offset+length > len(leaf.text) {
		return leaf.at
	}
	from := max(strings.LastIndex(leaf.text[:offset], "${"), 0)
	part := leaf.text[from : offset+length]
	found := leaf.at.find(part, strings.Count(leaf.text, "\n")+2)
	if found == leaf.at {
		return found
	}
	found.column += utf8.RuneCountInString(leaf.text[from:offset])
	found.length = utf8.RuneCountInString(leaf.text[offset : offset+length])
	return found
}

// ignored stands for a problem that was reported elsewhere.
var ignored = diag.New(diag.Invalid, "Reported elsewhere", "", "")

func (s scope) variable(name string) (value.Value, error) {
	if !variablePattern.MatchString(name) {
		return value.NullValue, diag.New(diag.Invalid, "Invalid expression", fmt.Sprintf("%q is no variable's name.", name),
			fmt.Sprintf("One word is a variable (letters, digits and _); an output of a component has a dot: ${%s.<output>}.", name))
	}
	s.used[name] = true
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
		return value.NullValue, 0, diag.New(diag.Invalid, "Unknown reference", fmt.Sprintf("%q: variables have no prefix.", written), fmt.Sprintf("Write ${%s}.", name[1]))
	case s.settings:
		return value.NullValue, 0, diag.New(diag.Invalid, "Unknown reference", fmt.Sprintf("%q: only variables and %s can be used here.", written, strings.Join(roots, ", ")), "Outputs of components belong into the specs of components.")
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
	case s.bundle.broken:
		return value.NullValue, 0, ignored // it may be in a file that could not be read
	}
	return value.NullValue, 0, s.unknown(name)
}

func (s scope) output(address string, t target, output string, used int) (value.Value, int, error) {
	if t.kind == nil {
		return value.NullValue, 0, ignored
	}
	if !slices.Contains(t.kind.Outputs, output) {
		return value.NullValue, 0, diag.New(diag.Invalid, "Unknown output", fmt.Sprintf("The %s %q has no output %q. %s", t.kind.Name, address, output, suggest(output, t.kind.Outputs)), "")
	}
	return value.Output(address, output), used, nil
}

// unknown says what a reference may have meant.
func (s scope) unknown(name []string) error {
	written := strings.Join(name, ".")
	var own, all []string
	for address, t := range s.targets {
		service, short, _ := cut(address)
		if t.kind == nil {
			continue
		}
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
		return fail(fmt.Sprintf("%q: nothing here is called %q. %s", written, name[0], strings.TrimSuffix(near, `"?`)+"."+rest+`"?`), "")
	}
	if len(all) > 0 {
		return fail(fmt.Sprintf("%q: the service %q has no component %q. Did you mean %q?", written, s.service, name[0], all[0]), "A component of another service is called <service>.<component>.")
	}
	if len(name) > 2 && s.services[name[0]] {
		return fail(strings.TrimPrefix(s.unknownComponent(name[0]+"/"+name[1], s.service).Detail, ""), "")
	}
	if len(name) > 2 {
		return fail(fmt.Sprintf("%q: there is no service %q. %s", written, name[0], suggest(name[0], sorted(s.services))), "")
	}
	return fail(fmt.Sprintf("%q: the service %q has no component %q. %s", written, s.service, name[0], suggest(name[0], own)), "")
}

// root resolves ${stack.name} and its like.
func (s scope) root(root, key string) (value.Value, error) {
	if keys := rootKeys(root); !slices.Contains(keys, key) {
		return value.NullValue, diag.New(diag.Invalid, "Unknown reference", fmt.Sprintf("%q has no %q. %s", root, key, suggest(key, keys)), "")
	}
	text := func(t string) (value.Value, error) {
		if t == "" {
			return value.NewUnknown(), nil
		}
		return value.NewLoose(t), nil
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
		return value.NullValue, diag.New(diag.Invalid, "No git repository", fmt.Sprintf("${git.%s} needs a git repository with a commit, and there is none here.", key), "Use a variable, or run inside of the repository.")
	}
	return value.NullValue, diag.New(diag.Invalid, "Unknown reference", fmt.Sprintf("The checkout has no %s.", key), "A detached checkout, as CI makes it, has no branch, and few commits have a tag: use a variable, or ${git.commit}.")
}

// cut splits an address.
func cut(address string) (service, name string, full bool) { return strings.Cut(address, "/") }
