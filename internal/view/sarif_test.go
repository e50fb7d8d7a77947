package view

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
)

var found = diag.List{
	{
		Severity: diag.Error, Code: diag.Invalid, Summary: "Unknown kind", Detail: "\"Redi\" is 100% unknown.\nReally.",
		Next:     "Use another.",
		Position: &diag.Position{File: "stacks/a b/x,y.yaml", Line: 3, Column: 7, Length: 4},
	},
	{
		Severity: diag.Warning, Code: diag.Invalid, Summary: "Not used", Environments: []string{"dev"},
		Position: &diag.Position{File: "stacks/a/stack.yaml"},
	},
	{Severity: diag.Error, Code: diag.Invalid, Summary: "Unknown kind", Detail: "\x1b[2J"},
}

func TestAnnotations(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Annotations(&out, found, "deploy"))
	assert.Equal(t, `::error title=Unknown kind,file=deploy/stacks/a b/x%2Cy.yaml,line=3,col=7::"Redi" is 100%25 `+
		"unknown.%0AReally. Use another.\n"+
		"::warning title=Not used,file=deploy/stacks/a/stack.yaml::Not used. Only in dev.\n"+
		"::error title=Unknown kind::\\u001b[2J\n", out.String())
}

func TestSARIF(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, SARIF(&out, found, "deploy", "1.2.3"))
	golden(t, "diagnostics.sarif", out.String())
	out.Reset()
	require.NoError(t, SARIF(&out, nil, "", "1.2.3"))
	var log struct {
		Runs []struct{ Results []any }
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &log))
	require.Len(t, log.Runs, 1)
	assert.NotNil(t, log.Runs[0].Results, "null is no array")
	assert.Empty(t, log.Runs[0].Results)
}
