package view

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestOutputsForShells(t *testing.T) {
	all := map[string]map[string]any{"user-service/api": {
		"internalUrl": "http://it's",
		"ports":       []any{float64(80), float64(443)},
	}, "web/queue": {"url": "https://q"}}
	require.Equal(t, "USER_SERVICE_API_INTERNAL_URL='http://it'\\''s'\nUSER_SERVICE_API_PORTS='[80, "+
		"443]'\nWEB_QUEUE_URL='https://q'\n",
		render(false, 80, func(w *Writer) { OutputsEnv(w, all) }))
	require.Equal(t, "user-service/api\n  internalUrl = http://it's\n  ports = [80, 443]\n\nweb/queue\n  url = "+
		"https://q\n",
		render(false, 80, func(w *Writer) { Outputs(w, all) }))
	require.Equal(t, "https://q\n", render(false, 80, func(w *Writer) { Raw(w, "https://q") }))
}

func TestTables(t *testing.T) {
	p := func(text string) *string { return &text }
	golden(t, "tables.txt", render(false, 80, func(w *Writer) {
		History(w, state.Key{Stack: "shop", Environment: "dev"}, []report.Deployment{
			{
				Version: 2, At: noon, Result: "failed", Who: "ann", Commit: "0123456789", Summary: "~2",
				Changed: []report.VariableChange{
					{Name: "VERSION", Old: p("1.0.0"), New: p("1.1.0")},
					{Name: "MODE", New: p("")},
					{Name: "SIZE", Old: p("s")},
				},
			},
			{Version: 1, At: noon.Add(-time.Hour), Result: "succeeded", Who: "ann"},
			{At: noon.Add(-2 * time.Hour), Problem: "State is damaged"},
		})
		History(w, state.Key{Stack: "shop", Environment: "dev"}, nil)
		States(w, "s3://bucket", []report.State{{Stack: "shop", Environment: "dev", Size: 2048, Modified: noon}})
		States(w, "s3://bucket", nil)
		Locks(w, []report.Lock{{
			Stack: "shop", Environment: "dev", ID: "id-1", By: "ann", At: noon.Add(-time.Minute),
			Metadata: map[string]string{"hostname": "ci-3"},
		}}, noon)
		Locks(w, nil, noon)
		Lock(w, &report.Lock{
			Stack: "shop", Environment: "dev", ID: "id-1", By: "ann", At: noon.Add(-time.Minute),
			LastHeartbeat: noon, Expires: noon.Add(time.Hour), Alive: true, Metadata: map[string]string{"pid": "7"},
		},
			noon)
		Stacks(w, []report.StackEntry{
			{Stack: "shop", Path: "stacks/shop", Environments: []report.Environment{
				{Name: "dev", Version: 3, Result: "succeeded", At: noon.Add(-48 * time.Hour)},
				{Name: "production", Absent: "s3://bucket"},
				{Name: "old", Version: 3, Result: "failed", At: noon.Add(-48 * time.Hour), NoFile: true},
			}},
			{Stack: "empty", Path: "stacks/empty"},
			{Stack: "lost", Environments: []report.Environment{
				{Name: "dev", Version: 1, Result: "succeeded", At: noon, NoFile: true},
			}},
		}, noon)
		Findings(w, []report.Finding{
			{What: "Versioning", OK: true, Detail: "enabled"},
			{What: "Table x", Detail: "does not exist", Fix: "Run `deployer backend create`."},
		})
	}))
}

func TestDetailsAndState(t *testing.T) {
	resources := []report.ResourceDetail{{
		Resource: "web/queue:queue", Type: "sqs/queue", ID: "https://q",
		Problems: []string{"did not settle"},
	}}
	golden(t, "details.txt", render(false, 80, func(w *Writer) {
		Details(w, &report.Details{
			Stack: "shop", Environment: "dev", Version: 1, Result: "succeeded", Account: "1",
			Region: "r", Components: []report.ComponentDetail{
				{
					Address: "web/queue", Kind: "SQS", Protected: true, Outputs: map[string]any{"url": "https://q"},
					Resources: resources,
				},
			},
		})
		State(w, report.StateSummary{
			Stack: "shop", Environment: "dev", Lineage: "l", Serial: 4, Fence: 2, Version: 1, Result: "in progress",
			At: noon, Who: "ann",
			Deployer: "1.0", Account: "1", Region: "r", Intents: []string{"create web/queue:queue"},
			Resources: resources,
		})
	}))
}

func TestConfig(t *testing.T) {
	effective, problems := config.Load(config.Flags(config.Flag{
		Name: "--backend-bucket", Path: "backend.bucket",
		Text: "bbb",
	}, config.Flag{Name: "--lock-table", Path: "locks.table", Text: "ttt"}))
	require.Empty(t, problems)
	golden(t, "config.txt", render(false, 80, func(w *Writer) { Config(w, effective, true) }))
}

func TestJSONShapes(t *testing.T) {
	var b bytes.Buffer
	warning := &diag.Diagnostic{Severity: diag.Warning, Code: diag.Invalid, Summary: "State is local"}
	require.NoError(t, PlanJSON(&b, samplePlan(), "sha256:abc", diag.List{warning}))
	golden(t, "plan.json", b.String())
	b.Reset()
	require.NoError(t,
		DiagnosticsJSON(&b,
			diag.List{diag.New(diag.Invalid, "Unknown kind", "x",
				"y").At(diag.Position{File: "a.yaml", Line: 1, Column: 2})}))
	golden(t, "diagnostics.json", b.String())
}
