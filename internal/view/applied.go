package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
)

// Applied writes the result of an apply: the changes, the URLs, and what is left to do by hand.
func Applied(
	w *Writer, p *plan.Plan, version report.Version, o *plan.Outcome, outputs map[string]map[string]any,
) {
	if !p.HasChanges() {
		what := "Nothing differs from the plan, and nothing was changed."
		if r := p.Rollback; r != nil {
			what = fmt.Sprintf("%s/%s is as in v%d, and nothing had to be changed.", p.Stack, p.Environment, r.To)
		}
		w.Printf("%s %s\n", styled(green+bold, "Up to date."), what)
		survey(w, p.Survey)
		return
	}
	runs := ""
	if slices.ContainsFunc(p.Components, func(c plan.Component) bool {
		return c.Kind == "MicroService" || c.Kind == "Worker"
	}) {
		runs = " The planned revision runs."
	}
	what := styled(green+bold, "Applied") + fmt.Sprintf(" %s/%s %s", p.Stack, p.Environment, version)
	if r := p.Rollback; r != nil {
		what = styled(green+bold, "Rolled back") +
			fmt.Sprintf(" %s/%s to v%d, as %s", p.Stack, p.Environment, r.To, version)
	}
	w.Printf("%s: %s.%s\n", what, strings.Join(verbs(o.Done), ", "), runs)
	for _, c := range p.Components {
		if address, ok := outputs[c.Address]["url"].(string); ok && c.Kind == "MicroService" {
			w.Printf("  %s %s\n", pad(c.Address, 28), styled(cyan, address))
		}
	}
	for _, c := range p.Components {
		notes(w, c)
	}
}

// Destroyed writes the result of a destroy.
//
// targets are the components that it was limited to.
func Destroyed(w *Writer, p *plan.Plan, version report.Version, o *plan.Outcome, changed bool, targets []string) {
	if !changed {
		w.Printf("%s/%s has nothing to destroy.\n", p.Stack, p.Environment)
		return
	}
	if len(targets) > 0 {
		w.Printf("%s\n",
			fold(fmt.Sprintf("%s %s of %s/%s %s: %s deleted. The next apply creates again what is "+
				"still in the manifests.",
				styled(green+bold, "Destroyed"), strings.Join(targets, ", "), p.Stack, p.Environment, version,
				count(o.Summary().Delete, "resource")), 2, w.Width))
		return
	}
	w.Printf("%s %s/%s: %s deleted.\n", styled(green+bold, "Destroyed"), p.Stack, p.Environment,
		count(o.Summary().Delete, "resource"))
}

// AppliedJSON writes the result of an apply or destroy; failure is its error, nil without one.
func AppliedJSON(
	w io.Writer, p *plan.Plan, version report.Version, o *plan.Outcome, outputs map[string]map[string]any,
	warnings diag.List, failure error, back *Back,
) error {
	if outputs == nil {
		outputs = map[string]map[string]any{}
	}
	return JSON(w, struct {
		Succeeded   bool                      `json:"succeeded"`
		Version     report.Version            `json:"version,omitzero"`
		Plan        planJSON                  `json:"plan"`
		Outcome     *outcomeJSON              `json:"outcome,omitempty"`
		Outputs     map[string]map[string]any `json:"outputs"`
		Rollback    *backJSON                 `json:"rollback,omitempty"` // after the failure
		Diagnostics diag.List                 `json:"diagnostics"`
	}{
		failure == nil, version, planDocument(p, nil), outcomeDocument(o), outputs, backDocument(back),
		append(append(diag.List{}, warnings...), diag.From(failure)...),
	})
}

// Valid writes that no problem was found.
func Valid(w *Writer, stacks []string, environments int) {
	w.Printf("%s %s, %s.\n", styled(green+bold, "Valid:"), strings.Join(stacks, ", "),
		count(environments, "environment"))
}
