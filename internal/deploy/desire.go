package deploy

import (
	"slices"
	"strconv"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/git"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// registry is the list of kinds, made once.
var registry = sync.OnceValue(kinds.Registry)

// desire turns the files of a stack into the desired resources of one environment: overlay, resolve, validate, expand.
// The place is empty without a network. strict: variables must have values.
func desire(
	w backend.World, bundle *manifest.Bundle, req Request, where backend.Place, strict bool,
) (*manifest.Stack, *resource.Graph, diag.List) {
	return desireAfter(w, bundle, req, where, manifest.Previous{}, strict)
}

// desireAfter is desire with the variables of the last deployment.
func desireAfter(
	w backend.World, bundle *manifest.Bundle, req Request, where backend.Place, last manifest.Previous, strict bool,
) (*manifest.Stack, *resource.Graph, diag.List) {
	o := options(w, req.Key.Environment, req, where, strict)
	o.Previous = last
	stack, found := bundle.Resolve(o)
	if stack == nil {
		return nil, nil, found
	}
	graph, problems := component.Expand(registry(), stack.Instances())
	if idle := madeElsewhere(w, bundle, req, where, problems); len(idle) > 0 {
		for _, p := range idle {
			c := stack.Component(p.Address)
			c.Spec = c.Spec.With("overrides", c.Spec.Get("overrides").With(p.Path[1], value.NullValue))
		}
		graph, problems = component.Expand(registry(), stack.Instances())
	}
	if !bundle.Complete() {
		problems = slices.DeleteFunc(problems, func(p component.Problem) bool {
			return p.Kind == component.UnknownComponent || p.Kind == component.UnknownOutput
		})
	}
	problems = append(problems, overridden(stack, graph)...)
	found.Add(diagnose(stack, problems)...)
	return stack, graph, found.Sort()
}

// options are how the files of a stack are resolved in an environment.
func options(w backend.World, environment string, req Request, where backend.Place, strict bool) manifest.Options {
	return manifest.Options{
		Environment: environment, Variables: req.Variables, VarFiles: req.VarFiles, Env: w.Env, Strict: strict,
		Shared:  req.Shared,
		Git:     func() map[string]string { return git.Read(w.Root, w.Home).Map() },
		Account: where.Account, Region: where.Region, Registry: registry(),
		Compile: func() manifest.Compiler { return expr.NewCompiler() },
	}
}

// madeElsewhere returns the problems with overrides of resources that a component makes only in another environment: a
// scaling policy only in production, for instance. One manifest serves all environments, so these are not errors.
func madeElsewhere(
	w backend.World, bundle *manifest.Bundle, req Request, where backend.Place, problems []component.Problem,
) []component.Problem {
	idle := slices.DeleteFunc(slices.Clone(problems), func(p component.Problem) bool { return !unmade(p) })
	if len(idle) == 0 {
		return nil
	}
	name := func(p component.Problem) string { return p.Address + " " + p.Path[1] }
	made := map[string]bool{}
	for _, environment := range bundle.Environments() {
		stack, _ := bundle.Resolve(options(w, environment, req, where, false))
		if environment == req.Key.Environment || stack == nil {
			continue
		}
		_, others := component.Expand(registry(), stack.Instances())
		for _, p := range idle {
			there := stack.Component(p.Address)
			if there == nil || there.Spec.Get(p.Path...).IsNull() {
				continue
			}
			// A component with other problems is not expanded, so its resources are not known.
			if !slices.ContainsFunc(others, func(o component.Problem) bool {
				return o.Address == p.Address && !component.Warning(o.Kind) && (!unmade(o) || o.Path[1] == p.Path[1])
			}) {
				made[name(p)] = true
			}
		}
	}
	return slices.DeleteFunc(idle, func(p component.Problem) bool { return !made[name(p)] })
}

// unmade reports whether a problem is an override of a resource that its component does not make.
func unmade(p component.Problem) bool {
	return p.Kind == value.UnknownKey && len(p.Path) == 2 && p.Path[0] == "overrides"
}

// overridden finds properties in `overrides` that the resource types do not accept. Problems that depend on other
// resources are found when the resource is planned.
func overridden(stack *manifest.Stack, graph *resource.Graph) []component.Problem {
	if graph == nil {
		return nil // there are other problems
	}
	var out []component.Problem
	types := catalog.New(sdk.Config{})
	unknown := value.Env{
		Lookup:   func(value.Reference) (value.Value, error) { return value.NewUnknown(), nil },
		Template: func(string, map[string]value.Value) (value.Value, error) { return value.NewUnknown(), nil },
	}
	for _, in := range stack.Instances() {
		patches := in.Spec.Get("overrides")
		for _, name := range patches.Keys() {
			r := graph.Resource(in.Address + ":" + name)
			if r == nil {
				continue // Expand reports it
			}
			behaviour, err := types.Behaviour(r.Type)
			props, failed := value.Resolve(r.Props, unknown)
			if err != nil || failed != nil {
				continue // a lookup; a value that cannot be computed is reported later
			}
			_, problems := behaviour.Check(props)
			for _, p := range problems {
				if path, ok := written(patches.Get(name), r.Props, p.Path); ok {
					p.Path = append([]string{"overrides", name}, path...)
					out = append(out, component.Problem{Address: in.Address, Problem: p})
				}
			}
		}
	}
	return out
}

// written is where a patch gives the value that props have at a path, above or below it; false when it gives none. The
// index of an item of a list is another one in the patch when the lists were merged by name.
func written(patch, props value.Value, path []string) ([]string, bool) {
	path = slices.Clone(path)
	for i, step := range path {
		switch patch.Kind() {
		case value.Map:
			patch, props = patch.Entries()[step], props.Entries()[step]
		case value.List:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(props.Items()) {
				return path, true
			}
			props = props.Items()[n]
			if here := component.IndexOfName(patch.Items(), props); here >= 0 {
				n = here
			} else if len(props.Entries()["name"].Str()) > 0 {
				return nil, false
			}
			if n >= len(patch.Items()) {
				return path, true
			}
			patch, path[i] = patch.Items()[n], strconv.Itoa(n)
		default:
			return path, !patch.IsNull()
		}
	}
	return path, !patch.IsNull()
}

// problemsOf adds the problems of meaning to the problems of form, so that all are reported at once.
func problemsOf(w backend.World, bundle *manifest.Bundle, req Request, found diag.List) error {
	if bundle != nil {
		// Without the state, a missing variable is an error only if the last deployment may not give it.
		_, _, more := desire(w, bundle, req, backend.Place{}, req.NoPrevious)
		found.Add(more...)
	}
	return found.Sort()
}

// diagnose gives problems of components their places in the manifests.
func diagnose(stack *manifest.Stack, found []component.Problem) diag.List {
	byAddress := map[string][]value.Problem{}
	for _, p := range found {
		byAddress[p.Address] = append(byAddress[p.Address], p.Problem)
	}
	var out diag.List
	for address, problems := range byAddress {
		out.Add(stack.Diagnose(address, problems)...)
	}
	return out
}
