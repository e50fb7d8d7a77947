package view

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/plan"
)

func TestSurvey(t *testing.T) {
	p := &plan.Plan{Stack: "shop", Environment: "dev", Unchanged: 12, Survey: &plan.Survey{
		Objects: 13, There: 8, Compared: 7, Missing: []string{"jobs:queue"},
		Differing: []string{"web/api:service", "web/b:service"}, Begun: []string{"web/b:service"}, Version: 3,
		Age:     50 * time.Hour,
		At:      time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC),
		Unasked: []plan.Unasked{{Why: "tag:GetResources is not allowed", Resources: []string{"a:one", "b:two"}}},
		Notes:   []string{"web/api:service: a rollout of api:1 is in progress that deployer did not start"},
	}}
	var text bytes.Buffer
	w := NewWriter(&text, false, 80)
	Plan(w, p)
	require.Equal(t, `No changes. shop/dev is up to date: 12 resources.
Read from AWS: 10 of 11 objects exist. Missing: jobs:queue. Changed outside of
  deployer: web/api:service. Changed since the state was written, probably by
  the interrupted run: web/b:service.
Not asked (tag:GetResources is not allowed): a:one, b:two.
Note: web/api:service: a rollout of api:1 is in progress that deployer did not
  start.
The properties of 3 of them are as of v3, 2d ago; --refresh compares them.
`, text.String())

	text.Reset()
	require.NoError(t, PlanJSON(&text, p, "", nil))
	var document struct{ Survey map[string]any }
	require.NoError(t, json.Unmarshal(text.Bytes(), &document))
	require.Equal(t, map[string]any{
		"objects": 13.0, "begun": []any{"web/b:service"}, "there": 8.0, "compared": 7.0, "missing": []any{"jobs:queue"},
		"differing": []any{"web/api:service", "web/b:service"},
		"unasked": []any{map[string]any{
			"why":       "tag:GetResources is not allowed",
			"resources": []any{"a:one", "b:two"},
		}},
		"notes":   []any{"web/api:service: a rollout of api:1 is in progress that deployer did not start"},
		"version": "v3", "at": "2026-01-02T10:00:00Z",
	}, document.Survey)

	text.Reset()
	p.Survey = nil
	Plan(w, p)
	require.NotContains(t, text.String(), "AWS", "nothing is said of what was not asked")
}
