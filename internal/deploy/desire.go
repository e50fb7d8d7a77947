package deploy

import (
	"slices"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/git"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// desire turns the files of a stack into what is desired in one environment: overlay, resolve, validate, expand. The place is empty
// without a network. strict: variables must have values.
func desire(w World, bundle *manifest.Bundle, req Request, where place, strict bool) (*manifest.Stack, *resource.Graph, diag.List) {
	stack, found := bundle.Resolve(manifest.Options{
		Environment: req.Key.Environment, Variables: req.Variables, VarFiles: req.VarFiles, Env: w.Env, Strict: strict, Shared: req.Shared,
		Git:     func() map[string]string { return git.Read(w.Root, w.Home).Map() },
		Account: where.account, Region: where.region, Registry: registry(), Compile: func() manifest.Compiler { return expr.NewCompiler() },
	})
	if stack == nil {
		return nil, nil, found
	}
	graph, problems := component.Expand(registry(), stack.Instances())
	if !bundle.Complete() {
		problems = slices.DeleteFunc(problems, func(p component.Problem) bool {
			return p.Kind == component.UnknownComponent || p.Kind == component.UnknownOutput
		})
	}
	found.Add(diagnose(stack, problems)...)
	return stack, graph, found.Sort()
}

// problemsOf adds to the problems of form those of meaning, so that all come at once.
func problemsOf(w World, bundle *manifest.Bundle, req Request, found diag.List) error {
	if bundle != nil {
		_, _, more := desire(w, bundle, req, place{}, true)
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
