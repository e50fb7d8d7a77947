package view

import (
	"testing"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

func TestStateViews(t *testing.T) {
	at := time.Date(2026, 11, 27, 7, 32, 37, 0, time.UTC)
	c := &report.StateComparison{
		Stack: "shop", Environment: "dev",
		File: report.StateSide{
			Name: "rescue.json", Serial: 8, Fence: 6, Version: 4, Result: "succeeded", At: at,
			Who: "ada", Resources: 6,
		},
		Backend: &report.StateSide{
			Name: "s3://states", Serial: 10, Fence: 7, Version: 4, Result: "failed", At: at,
			Who: "grace", Resources: 7,
		},
		Base: &report.StateSide{
			Name: "v3", Serial: 6, Fence: 5, Version: 3, Result: "succeeded", At: at,
			Resources: 4,
		},
		Same: 4,
		Resources: []report.StateDifference{
			{Resource: "web/a:queue", Where: report.OnlyInFile, FileID: "https://sqs/a", Changed: "file"},
			{Resource: "web/b:queue", Where: report.OnlyInFile, FileID: "https://sqs/b", Changed: "backend"},
			{
				Resource: "web/long-name:bucket", Where: report.OnlyInBackend, BackendID: "bucket\x1b[2J\nwith-marks",
				Changed: "backend",
			},
			{
				Resource: "web/c:service", Where: report.Differs, FileID: "x", BackendID: "x",
				Properties: []string{"desired", "taskDefinition"}, Changed: "both",
			},
		},
	}
	alone := *c
	alone.Backend, alone.Base, alone.Resources = nil, nil, nil
	f := &report.Forgotten{
		Stack: "shop", Environment: "dev", Components: []string{"web/files"},
		Resources: []report.ForgottenResource{
			{
				Resource: "web/files:bucket", Type: "s3/bucket", ID: "shop-dev-files-x1", Name: "shop-dev-files-x1",
				Protected: true,
			},
			{
				Resource: "web/files:policy", Type: "s3/bucket-policy", ID: "shop-dev-files-x1",
				Name:    "shop-dev-files-x1",
				Deleted: true,
			},
		},
		Dependents: []report.Dependent{{Resource: "web/api:task-role", Needs: "web/files:bucket"}},
	}
	command := diag.New(diag.Conflict, "State is damaged", "It ends early.",
		"Nothing was changed. Restore it:\n"+
			"deployer state restore --stack a-very-long-name-of-a-stack -e production --backend-bucket a-bucket v3")
	golden(t, "state.txt", render(false, 80, func(w *Writer) {
		StateComparison(w, c)
		StateComparison(w, &alone)
		Forgetting(w, f)
		Forgot(w, f, 12)
		Forgetting(w, &report.Forgotten{Components: []string{"infra/network"}})
		StateVersions(w, state.Key{Stack: "shop", Environment: "dev"}, []report.StateVersion{
			{ID: "v3", At: at, Serial: 8, Version: 3, Result: "succeeded", Who: "ada", Resources: 1, Current: true},
			{ID: "Xk3p.9", At: at, Serial: 7, Version: 2, Result: "in progress", Who: "ada", Resources: 1},
			{ID: "null", At: at, Problem: "State is damaged"},
		})
		StateVersions(w, state.Key{Stack: "shop", Environment: "dev"}, nil)
		Diagnostics(w, diag.List{command})
	}))
}
