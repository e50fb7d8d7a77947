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

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	p := samplePlan()
	p.Previous = []plan.Variable{{Name: "A", Value: "1`2", Version: "v3"}}
	warning := &diag.Diagnostic{Severity: diag.Warning, Summary: "State is local", Detail: "Ask @all <b>"}
	require.NoError(t, PlanMarkdown(&b, p, "sha256:abc", diag.List{warning}))
	golden(t, "plan.md", b.String())
}

// TestMarkdownLong: what is cut is never the summary, the hash or the end of the box.
func TestMarkdownLong(t *testing.T) {
	p := &plan.Plan{Stack: "shop", Environment: "dev"}
	c := plan.Component{Address: "web/api", Action: plan.Delete, Consequence: plan.DataLoss}
	for i := range 3000 {
		c.Changes = append(c.Changes, plan.Change{
			Resource: fmt.Sprintf("web/api:x%d", i), Action: plan.Delete, Consequence: plan.DataLoss,
			Reason: "removed ``` from the manifests",
		})
	}
	p.Components = []plan.Component{c}
	var b bytes.Buffer
	require.NoError(t, PlanMarkdown(&b, p, "sha256:abc", nil))
	require.Less(t, b.Len(), 65_000)
	require.Contains(t, b.String(), "**3000 to delete**")
	require.Contains(t, b.String(), "* `web/api` delete, **data loss**")
	end := b.String()[b.Len()-200:]
	require.True(t, strings.HasSuffix(end, "````\n\n</details>\n\n<sub>Plan `sha256:abc`</sub>\n"), end)
}

// TestMarkdownMany: with so many components and warnings that they do not fit, what users notice comes first.
func TestMarkdownMany(t *testing.T) {
	p := &plan.Plan{Stack: "shop", Environment: "dev"}
	var warnings diag.List
	for i := range 3000 {
		c := plan.Component{Address: fmt.Sprintf("web/queue-%d", i), Action: plan.Create}
		c.Changes = []plan.Change{{Resource: c.Address + ":queue", Action: plan.Create}}
		if i == 2999 {
			c.Action, c.Consequence = plan.Replace, plan.DataLoss
		}
		p.Components = append(p.Components, c)
		warnings.Add(&diag.Diagnostic{
			Severity: diag.Warning, Summary: "Tag says no version", Detail: "What & why.", Component: c.Address,
			Next: "Give a `tag`.",
		})
	}
	var b bytes.Buffer
	require.NoError(t, PlanMarkdown(&b, p, "sha256:abc", warnings))
	require.Less(t, b.Len(), 65_000)
	require.Contains(t, b.String(), "* `web/queue-0` create\n")
	require.Contains(t, b.String(), "* `web/queue-2999` replace, **data loss**\n")
	require.Regexp(t, `\* … and \d+ more, 0 of them with downtime or data loss`, b.String())
	require.Contains(t, b.String(), "> **Tag says no version**: web/queue-0: What &amp; why. Give a \\`tag\\`.\n")
	require.Regexp(t, `> … and \d+ more\n`, b.String())
	require.Contains(t, b.String(), "<sub>Plan `sha256:abc`</sub>")
}

// TestTargets: a plan of a part does not speak for the rest.
func TestTargets(t *testing.T) {
	p := samplePlan()
	p.Targets = []string{"web/api"}
	var b bytes.Buffer
	Plan(NewWriter(&b, false, 80), p)
	require.Contains(t, b.String(), "Plan for shop/production, only web/api and what it needs:\n")
	b.Reset()
	require.NoError(t, PlanMarkdown(&b, p, "sha256:abc", nil))
	require.Contains(t, b.String(), "### Plan for `shop/production`, only web/api and what it needs\n")
	b.Reset()
	Plan(NewWriter(&b, false, 120), &plan.Plan{Stack: "shop", Environment: "dev", Targets: []string{"web/api"}})
	require.Equal(t, "No changes. web/api and what it needs are up to date. The rest of shop/dev was not planned.\n",
		b.String())
}
