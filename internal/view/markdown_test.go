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
