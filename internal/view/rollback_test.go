package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// TestRollback: the screens of a rollback, of what it holds, and of the history, on a narrow and a wide terminal.
func TestRollback(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	commit, digest := "8b71ff70c0ffee", strings.Repeat("ab", 32)
	v4 := report.Deployment{
		Version: 4, At: at.Add(-15 * time.Minute), Result: "succeeded", Who: "ann@example.com", Commit: commit,
		Summary: "~2", Duration: 83, Variables: map[string]string{"VERSION": "1.4.1"},
	}
	v6 := report.Deployment{
		Version: 6, At: at, Result: "succeeded", Who: "ann@example.com", Commit: commit, Held: true,
		Rollback: &report.Rollback{To: 4, From: 5},
	}
	holds := []report.Hold{{
		Version: 5, Commit: "0123456789", To: 4, At: at, Who: "ann@example.com", Components: []string{"web/api"},
	}, {To: 3, At: at, Who: "bob", Components: []string{"web/jobs", "web/worker"}}}
	undo := &plan.Plan{
		Stack: "shop", Environment: "dev",
		Rollback: &plan.Rollback{
			From: 5, To: 4, At: v4.At, Age: 15 * time.Minute, Commit: commit, Who: v4.Who, Automatic: true,
		},
		Components: []plan.Component{{
			Address: "web/api", Kind: "Worker", Action: plan.Update, Changes: []plan.Change{{
				Resource: "web/api:service", Type: "ecs/service", Action: plan.Update, Consequence: plan.Rolling,
			}},
		}},
	}
	done := &plan.Outcome{Done: []plan.Step{{Resource: "web/api:service", Action: plan.Update}}}
	compared := &report.VersionComparison{
		Stack: "shop", Environment: "dev", From: v4, To: v6,
		Variables: []report.VariableChange{{Name: "VERSION", Old: text1("1.4.1"), New: text1("1.4.2")}},
		Components: []report.ComponentComparison{{
			Address: "web/api", Kind: "Worker", Action: plan.Update,
			Configuration: []plan.Property{{
				Path: []string{"image"}, Old: value.NewString("team/app:1@sha256:" + digest),
				New: value.NewString("team/app:2@sha256:" + digest),
			}},
			Images: []report.ImageChange{{Field: "image", Old: "team/app:1@sha256:" + digest}},
			Resources: []plan.Change{{
				Resource: "web/api:service", Type: "ecs/service", Action: plan.Update,
				Properties: []plan.Property{{
					Path: []string{"desiredCount"}, Old: value.NewInt(1), New: value.NewInt(2),
				}},
			}},
		}},
	}
	blame := &report.Blame{Address: "web/api", Kind: "Worker", Properties: []report.BlamedProperty{
		{
			Path: []string{"image"}, Value: "team/app:1@sha256:" + digest, Version: 6, At: at, Who: v6.Who,
			Commit: commit, Rollback: v6.Rollback,
		},
		{Path: []string{"cpu"}, Value: 256.0, Version: 2, At: at, Who: "bob", Earliest: true},
	}}
	for _, width := range []int{80, 160} {
		var out bytes.Buffer
		w := NewWriter(&out, false, width)
		Plan(w, undo)
		Applied(w, undo, 6, done, nil)
		Holds(w, holds)
		WaysBack(w, state.Key{Stack: "shop", Environment: "dev"}, []report.Deployment{v4, v6}, at)
		Rollouts(w, []string{"web/api:service, in progress for 2m3s"})
		WentBack(w, &Back{Plan: undo, Version: 6, Outcome: done})
		WentBack(w, &Back{
			Plan: undo, Version: 6, Outcome: &plan.Outcome{Failed: done.Done}, Again: "deployer rollback",
			Err: diag.New(diag.Failed, "x", "", ""),
		})
		WentBack(w, &Back{Err: diag.New(diag.Failed, "x", "", "")})
		History(w, state.Key{Stack: "shop", Environment: "dev"}, []report.Deployment{v6, v4})
		VersionComparison(w, compared)
		Blame(w, blame)
		for _, line := range strings.Split(out.String(), "\n") {
			require.LessOrEqual(t, columns(line), width, line)
		}
		golden(t, fmt.Sprintf("rollback-%d.txt", width), out.String())
	}
	var doc bytes.Buffer
	require.NoError(t, VersionComparisonJSON(&doc, compared))
	require.NoError(t, AppliedJSON(&doc, undo, 5, done, nil, nil, diag.New(diag.Failed, "Rollout failed", "", ""),
		&Back{Plan: undo, Version: 6, Outcome: done, Err: diag.New(diag.Failed, "Denied", "", "")}))
	golden(t, "rollback.json", doc.String())
}

func text1(s string) *string { return &s }
