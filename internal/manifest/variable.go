package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// VarPrefix is the prefix of environment variables that set variables.
const VarPrefix = "DEPLOYER_VAR_"

// fromFlag is the origin of variables from the command line.
const fromFlag = "--var"

// maxPattern bounds a pattern, and maxVariable a value; both in bytes.
const (
	maxPattern  = 1000
	maxVariable = 64 << 10
)

// definition is a variable as the spec.variables of Stack and Environment together define it.
type definition struct {
	Default     value.Value `json:"default" unset:"it must be given" doc:"The value where nothing else gives one: a text, a number, true or false."`
	Description string      `json:"description" doc:"For people."`
	Sensitive   bool        `json:"sensitive" doc:"Its value is neither shown nor stored, and no field takes it."`
	Pattern     string      `json:"pattern" unset:"any" doc:"Regular expression (RE2) that the whole value must match."`

	at        span // of the default, or of the name when there is none
	patternAt span
}

// variables works out every variable's value, by precedence: flags, files, the environment, the manifests.
func (r *resolver) variables() {
	definitions := map[string]*definition{}
	r.defined = definitions
	for _, d := range []*document{r.bundle.stack, r.environment.document} {
		if d != nil {
			r.define(definitions, d.spec.child("variables"))
		}
	}
	for name, d := range definitions {
		r.declared[name] = true
		v := &Variable{Name: name, Value: value.NewUnknown(), Description: d.Description, Sensitive: d.Sensitive}
		if !d.Default.IsNull() {
			text, _ := d.Default.Text()
			v.Value, v.Origin = value.NewLoose(text), d.at.position().String()
		}
		r.known[name] = v
	}
	given := func(name, text, origin string) {
		v := r.known[name]
		if v == nil {
			v = &Variable{Name: name}
			r.known[name] = v
		}
		v.Value, v.Origin = value.NewLoose(text), origin
		if len(text) > maxVariable {
			r.problems.add(diag.New(diag.Invalid, "Too large",
				fmt.Sprintf("The variable %q has %d KiB; %d KiB are allowed.", name, len(text)>>10, maxVariable>>10),
				""))
			v.Value = value.NewUnknown()
		}
	}
	for key, text := range r.options.Env {
		switch name, ok := strings.CutPrefix(key, VarPrefix); {
		case ok && variablePattern.MatchString(name):
			given(name, text, key)
		case ok:
			r.problems.warn(span{}, "Invalid variable name",
				fmt.Sprintf("The environment variable %q does not set a variable: %q does not match %s.", key, name,
					variablePattern), "Use letters, digits and _, not a digit first.")
		}
	}
	for _, f := range r.options.VarFiles {
		for _, a := range parseVarFile(f, r.problems) {
			given(a.name, a.text, "--var-file "+f.Name)
		}
	}
	for name, text := range r.options.Variables {
		if !variablePattern.MatchString(name) {
			r.problems.add(diag.New(diag.Invalid, "Invalid variable name",
				fmt.Sprintf("--var: %q does not match %s.", name, variablePattern),
				"Use letters, digits and _, not a digit first."))
			continue
		}
		given(name, text, fromFlag)
	}
	for name, d := range definitions {
		r.match(r.known[name], d)
	}
	for _, v := range r.known {
		if v.Sensitive {
			v.Value = v.Value.Sensitive()
		}
	}
}

// takePrevious gives a used variable without a value the one of the last deployment. It takes only what is used: old
// values of other names stay behind.
func (r *resolver) takePrevious(name string) {
	text, kept := r.options.Previous.Values[name]
	v := r.known[name]
	if !kept || v != nil && (v.Origin != "" || v.Sensitive) {
		return
	}
	if v == nil {
		v = &Variable{Name: name}
		r.known[name] = v
	}
	v.Value, v.Origin, v.Previous = value.NewLoose(text), r.options.Previous.Version, true
	if d := r.defined[name]; d != nil {
		r.match(v, d)
	}
}

// define reads one spec.variables. It keeps earlier values that this one does not set.
func (r *resolver) define(definitions map[string]*definition, n *node) {
	if n == nil || n.kind != value.Map {
		return // a wrong type is reported with the rest of the spec
	}
	for _, e := range n.entries {
		if !variablePattern.MatchString(e.key) {
			continue // reported with the rest of the spec
		}
		d := definitions[e.key]
		if d == nil {
			d = &definition{at: e.at}
			definitions[e.key] = d
		}
		name := "spec.variables." + e.key
		switch e.value.kind {
		case value.Null:
		case value.Map:
			for _, problem := range value.Decode(e.value.value(), d) {
				r.problems.add(describe(e.value, name, problem))
			}
			if given := e.value.child("default"); given != nil {
				r.defaultOf(d, name+".default", given)
			}
			if pattern := e.value.child("pattern"); pattern != nil {
				d.patternAt = pattern.at
			}
		default:
			r.defaultOf(d, name, e.value)
		}
	}
}

func (r *resolver) defaultOf(d *definition, name string, n *node) {
	d.Default, d.at = value.NullValue, n.at
	switch {
	case n.kind == value.Null:
	case !n.scalar():
		r.problems.invalid(n.at, "Wrong type",
			fmt.Sprintf("%s must be a text, a number or true or false, but is %s.", name, n.kind.Article()),
			"A variable holds one text.")
	case len(n.text) > maxVariable:
		r.problems.invalid(n.at, "Too large", fmt.Sprintf("%s has %d KiB; %d KiB are allowed.", name, len(n.text)>>10,
			maxVariable>>10), "")
	default:
		d.Default = n.value()
		if strings.Contains(n.text, "${") {
			r.problems.warn(n.at, "Expression is not evaluated",
				fmt.Sprintf("%s is plain text: ${...} is not evaluated there.", name),
				"Use expressions in the specs of components.")
		}
	}
}

// match checks a value against the pattern of its variable. The whole value must match.
func (r *resolver) match(v *Variable, d *definition) {
	if d.Pattern == "" {
		return
	}
	var pattern *regexp.Regexp
	err := fmt.Errorf("it has more than %d characters", maxPattern)
	if len(d.Pattern) <= maxPattern {
		pattern, err = regexp.Compile("^(?:" + d.Pattern + ")$")
	}
	if err != nil {
		r.problems.invalid(d.patternAt, "Invalid value",
			fmt.Sprintf("spec.variables.%s.pattern is not a regular expression: %s.", v.Name, err),
			"Use the syntax of Go and RE2.")
		return
	}
	if v.Value.Kind() != value.String || pattern.MatchString(v.Value.Str()) {
		return
	}
	shown := fmt.Sprintf("%q", v.Value.Str())
	if v.Sensitive {
		shown = "its value (sensitive, not shown)"
	}
	r.problems.invalid(d.patternAt, "Invalid variable",
		fmt.Sprintf("%s, from %s: %s does not match the pattern %s.", v.Name, v.Origin, shown, d.Pattern),
		"Give a value that matches completely.")
}

// missing reports variables that an expression uses but that have no value, each once, at its first use.
func (r *resolver) missing(name string, where span, service string) {
	if r.reported[name] {
		return
	}
	r.reported[name] = true
	names := make([]string, 0, len(r.known))
	for known, v := range r.known {
		if known != name && (v.Origin != "" || r.declared[known]) {
			names = append(names, known)
		}
	}
	slices.Sort(names)
	near := diag.DidYouMean(name, names)
	next := fmt.Sprintf("Pass --var %s=…, set %s%s, or give it a value in spec.variables of the Stack or the "+
		"Environment.", name, VarPrefix, name)
	if meant := r.meant(name, service); meant != "" && !r.declared[name] {
		d := diag.New(diag.Invalid, "Missing variable",
			fmt.Sprintf("A single word is a variable, and %q has no value.", name), meant)
		if !r.options.Strict {
			d.Severity = diag.Warning
		}
		r.problems.add(at(d, where))
		return
	}
	if !r.options.Strict {
		if near != "" && !r.declared[name] {
			r.problems.warn(where, "Unknown variable", fmt.Sprintf("No variable is called %q. %s", name, near), next)
		}
		return
	}
	detail := fmt.Sprintf("The variable %q has no value.", name)
	switch v := r.known[name]; {
	case r.options.Previous.Version == "":
	case v != nil && v.Sensitive:
		detail += " It is sensitive, and values of sensitive variables are not kept from one deployment to the next."
	default:
		detail += fmt.Sprintf(" The last deployment (%s) had no value either.", r.options.Previous.Version)
	}
	if near != "" && !r.declared[name] {
		detail += " " + near
	}
	r.problems.invalid(where, "Missing variable", detail, next)
}

// meant is the advice for a variable named like a root (stack) or a component; "" for other names.
func (r *resolver) meant(name, service string) string {
	if slices.Contains(roots, name) {
		return fmt.Sprintf("For the built-in value write ${%s.%s}.", name, rootKeys(name)[0])
	}
	if t, ok := r.targets[service+"/"+name]; ok && t.kind != nil && len(t.kind.Outputs) > 0 {
		return fmt.Sprintf("For an output of the component %s write ${%s.%s}; it has %s.", name, name,
			t.kind.Outputs[0], strings.Join(t.kind.Outputs, ", "))
	}
	return ""
}

// hideSecrets keeps the defaults of sensitive variables out of excerpts.
func (b *Bundle) hideSecrets() {
	sensitive := map[string]bool{}
	documents := []*document{b.stack}
	for _, e := range b.environments {
		documents = append(documents, e.document)
	}
	for range 2 {
		// An environment's value may belong to a variable that the stack marks sensitive, and the other way round.
		for _, d := range documents {
			if d == nil {
				continue
			}
			variables := d.spec.child("variables")
			if variables == nil {
				continue
			}
			for _, e := range variables.entries {
				if s := e.value.child("sensitive"); s != nil && s.boolean {
					sensitive[e.key] = true
				}
				if !sensitive[e.key] {
					continue
				}
				hide(e.value)
				hide(e.value.child("default"))
			}
		}
	}
}

func hide(n *node) {
	if !n.scalar() || n.at.file == nil {
		return
	}
	if n.at.file.secret == nil {
		n.at.file.secret = map[int]bool{}
	}
	for i := range n.at.reach() {
		n.at.file.secret[n.at.line+i] = true
	}
}
