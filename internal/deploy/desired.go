package deploy

import (
	"context"
	"fmt"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// desired is what the manifests ask for.
type desired struct {
	stack    *manifest.Stack
	graph    *resource.Graph
	warnings diag.List
}

// load is the first stages of the road: load, overlay, resolve, validate. All problems of the manifests come at once.
func load(w World, bundle *manifest.Bundle, req Request, strict bool) (*manifest.Stack, diag.List) {
	var files []manifest.VarFile
	for _, f := range req.VarFiles {
		files = append(files, manifest.VarFile{Name: f.Name, Data: f.Data})
	}
	return bundle.Resolve(manifest.Options{
		Environment: req.Key.Environment, Variables: req.Variables, VarFiles: files, Env: w.variables(),
		Strict: strict, Registry: registry(), Git: git(w), Compile: compile,
	})
}

// expand turns components into the graph of resources. Account and region are "" while validating.
func expand(stack *manifest.Stack, account, region string) (*resource.Graph, diag.List) {
	instances := make([]component.Instance, len(stack.Components))
	for i, c := range stack.Components {
		instances[i] = c.Instance
		instances[i].Account, instances[i].Region = account, region
	}
	graph, found := component.Expand(registry(), instances)
	return graph, diagnose(stack, found)
}

// diagnose gives problems of components their places in the manifests.
func diagnose(stack *manifest.Stack, found []component.Problem) diag.List {
	var out diag.List
	byAddress := map[string][]value.Problem{}
	var order []string
	for _, p := range found {
		if byAddress[p.Address] == nil {
			order = append(order, p.Address)
		}
		byAddress[p.Address] = append(byAddress[p.Address], p.Problem)
	}
	for _, address := range order {
		out.Add(stack.Diagnose(address, byAddress[address])...)
	}
	return out
}

// Validate finds everything that is wrong with the manifests of a stack in an environment, without a network. strict: variables must
// have values.
func Validate(w World, req Request, strict bool) diag.List {
	bundle, found := manifest.Load(w.Root, req.Key.Stack)
	if bundle == nil {
		return found
	}
	stack, more := load(w, bundle, req, strict)
	found.Add(more...)
	if stack == nil || found.HasErrors() {
		return found
	}
	_, more = expand(stack, "", "")
	found.Add(more...)
	return found
}

// place decides the region and checks the account: where the manifests, the state and the credentials must agree.
func (r *Road) place(ctx context.Context, stack *manifest.Stack, stored *Stored) (account, region string, err error) {
	session, err := r.session()
	if err != nil && stack.Region == "" {
		return "", "", err
	}
	if region = stack.Region; region == "" {
		region = session.Region()
	}
	cloud, err := r.cloud(ctx, region)
	if err != nil {
		return "", "", err
	}
	identity, err := cloud.Identity(ctx)
	if err != nil {
		return "", "", err
	}
	return identity.Account, region, guardPlace(identity.Account, region, stack.Account, stored)
}

// guardPlace refuses credentials of another account, and another region than the state has.
func guardPlace(account, region, wanted string, stored *Stored) error {
	if wanted != "" && wanted != account {
		return diag.New(diag.Invalid, "Wrong AWS account",
			fmt.Sprintf("The credentials in use belong to account %s, but spec.provider.account is %s.", account, wanted),
			"Use credentials of that account (AWS_PROFILE), or correct the manifest. Nothing was locked or changed.")
	}
	if stored == nil {
		return nil
	}
	if p := stored.Payload; p.Account != "" && p.Account != account {
		return diag.New(diag.Invalid, "Wrong AWS account",
			fmt.Sprintf("The credentials in use belong to account %s, but what is deployed is in account %s.", account, p.Account),
			"Use credentials of that account (AWS_PROFILE). Nothing was locked or changed.")
	}
	if p := stored.Payload; p.Region != "" && region != "" && p.Region != region {
		return diag.New(diag.Invalid, "Wrong AWS region",
			fmt.Sprintf("The manifests say %s, but what is deployed is in %s.", region, p.Region),
			"A stack does not move between regions: set the region back, or deploy another environment and destroy this one. Nothing was locked or changed.")
	}
	return nil
}

func compile() manifest.Compiler { return expr.NewCompiler() }

func git(w World) func() map[string]string { return nil }
