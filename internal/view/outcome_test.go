package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
)

func sampleOutcome() *plan.Outcome {
	o := &plan.Outcome{
		Done: []plan.Step{
			{Resource: "infra/cluster:cluster", Action: plan.Create},
			{Resource: "web/api:role", Action: plan.Create},
			{Resource: "web/jobs:queue", Action: plan.Update},
		},
		Failed: []plan.Step{
			{Resource: "web/api:service", Action: plan.Create},
			{Resource: "infra/ingress:public-load-balancer", Action: plan.Create},
		},
		Stopped: []plan.Step{{Resource: "web/worker:service", Action: plan.Update}},
	}
	for i := range 12 {
		for _, name := range []string{"rule", "service"} {
			o.NotStarted = append(o.NotStarted, plan.Step{
				Resource: fmt.Sprintf("web/service-%d:%s", i, name), Action: plan.Create,
				Reason:  "infra/ingress:public-load-balancer, which it needs, failed",
				Because: "infra/ingress:public-load-balancer",
			})
		}
	}
	o.NotStarted = append(o.NotStarted, plan.Step{
		Resource: "web/old:queue", Action: plan.Delete,
		Reason: "the run stopped after the failure of web/api:service", Because: "web/api:service",
	})
	return o
}

func TestAnApplyThatFailedIsSummedUp(t *testing.T) {
	text := render(false, 80, func(w *Writer) {
		Unfinished(w, samplePlan(), 3, sampleOutcome(), "deployer apply --stack shop -e production")
		Unfinished(w, samplePlan(), 3, &plan.Outcome{Failed: []plan.Step{{Resource: "web/api:service"}}}, "")
	})
	golden(t, "outcome.txt", text)
	for _, line := range strings.Split(text, "\n") {
		require.LessOrEqual(t, columns(line), 80, line)
	}
	var doc bytes.Buffer
	o := sampleOutcome()
	o.NotStarted = o.NotStarted[len(o.NotStarted)-1:]
	require.NoError(t, AppliedJSON(&doc, &plan.Plan{Stack: "shop", Environment: "dev"}, 3, o, nil, nil,
		diag.New(diag.Failed, "Rollout failed", "It crashed.", ""), nil))
	golden(t, "applied.json", doc.String())
}

// Equal crashes are one problem: four of them leave room for the summary.
func TestProblemsOfOneKindAreFolded(t *testing.T) {
	var list diag.List
	for i, name := range []string{"api", "worker", "mailer", "cron"} {
		d := diag.New(diag.Failed, "Rollout failed",
			fmt.Sprintf("Revision 3 did not start; container %q exited with code 1, 2 times.", name),
			"Fix what the last lines say, then apply again; more in log group /deployer/shop/dev/web/"+name+
				".").For("web/" + name)
		d.Lines = append(strings.Split(strings.Repeat("init\n", 17), "\n"), "FATAL: DATABASE_URL is not set",
			"exiting with code 1")
		if i == 2 {
			d.Detail = "Revision 7 did not start; container \"mailer\" exited with code 2."
			d.Lines = []string{"init", "FATAL: SMTP_HOST is not set", "exiting with code 2"}
		}
		list.Add(d)
	}
	pull := diag.New(diag.Failed, "Rollout failed", "CannotPullContainerError.",
		"Check that the image's name and tag exist.").For("web/front")
	list = append(diag.List{list[0], pull}, list[1:]...)
	placed := func() *diag.Diagnostic {
		return diag.New(diag.Invalid, "Unknown key", "x", "").At(diag.Position{File: "a.yaml", Line: 1}).For("web/api")
	}
	list.Add(placed(), placed())
	text := render(false, 80, func(w *Writer) { Diagnostics(w, list) })
	golden(t, "alike.txt", text)
	full := render(false, 80, func(w *Writer) { w.Full = true; Diagnostics(w, list) })
	require.Equal(t, 7, strings.Count(full, "Error: "))
}

func TestACommandAtTheEndOfASentenceIsNotBroken(t *testing.T) {
	d := diag.New(diag.Invalid, "X", "", "Change to your repository, or create a first stack here: deployer "+
		"stack init NAME")
	require.Contains(t, render(false, 80, func(w *Writer) { Diagnostics(w, diag.List{d}) }),
		"here:\n    deployer stack init NAME\n")
	d.Next = "Look: deployer state show"
	require.Contains(t, render(false, 80, func(w *Writer) { Diagnostics(w, diag.List{d}) }),
		"  Look: deployer state show\n")
}

func TestAppliedSaysWhatIsLeftToDo(t *testing.T) {
	outputs := map[string]map[string]any{
		"web/api":   {"url": "https://api.example.com"},
		"web/front": {"url": "http://lb-1.elb.amazonaws.com"},
	}
	p := &plan.Plan{Stack: "shop", Environment: "dev", Components: []plan.Component{
		{
			Address: "web/api", Kind: "MicroService",
			Changes: []plan.Change{{Resource: "web/api:service", Action: plan.Update}},
		},
		{Address: "web/front", Kind: "MicroService"},
		{Address: "infra/ingress", Notes: []string{"api.example.com has no hosted zone"}},
	}}
	show := func() string {
		return render(false, 80, func(w *Writer) {
			Applied(w, p, 3,
				&plan.Outcome{Done: []plan.Step{{Action: plan.Update}, {Action: plan.NoOp}, {Action: plan.Adopt}}},
				outputs)
		})
	}
	require.Contains(t, show(), "Applied shop/dev v3: 1 adopted, 1 updated, 1 needed no change.",
		"what was done, not what was planned")
	require.Contains(t, show(), "  web/api                      https://api.example.com\n")
	require.Contains(t, show(), "    note: api.example.com has no hosted zone\n")
}
