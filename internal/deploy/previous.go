package deploy

import (
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// lastVariables are the variables of the last deployment. After a destroy there are none.
func lastVariables(last *state.Payload, req Request) manifest.Previous {
	if req.NoPrevious || last == nil || last.Status == state.Destroyed {
		return manifest.Previous{}
	}
	version := report.Version(last.Deployment).String()
	if last.Status == state.InProgress { // the run has recorded its variables, and gets its version at its end
		version = report.Version(last.Deployment + 1).String()
	}
	return manifest.Previous{Version: version, Values: last.Variables}
}

// desireEarly is desire before a lock is taken and the state is read. If a variable has no value yet, complete is
// false: the last deployment may have it.
func desireEarly(
	w backend.World, bundle *manifest.Bundle, req Request, where backend.Place,
) (stack *manifest.Stack, graph *resource.Graph, complete bool, found diag.List) {
	stack, graph, found = desire(w, bundle, req, where, req.NoPrevious)
	return stack, graph, stack == nil || req.NoPrevious || !stack.Incomplete(), found
}

// previousOf are the variables of a stack that come from the last deployment, for the plan.
func previousOf(stack *manifest.Stack) []plan.Variable {
	var out []plan.Variable
	if stack == nil {
		return nil
	}
	for _, v := range stack.Variables {
		if text, ok := v.Value.Text(); ok && v.Previous {
			out = append(out, plan.Variable{Name: v.Name, Value: text, Version: v.Origin})
		}
	}
	return out
}
