package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/value"
)

func sampleDrift() *report.Drift {
	text := value.NewString
	policy := func(action string) value.Value {
		return text(`{"Statement":[{"Action":"` + action + `","Effect":"Allow","Resource":"arn:aws:s3:::uploads/*"}]}`)
	}
	return &report.Drift{
		Stack: "shop", Environment: "production", Version: 14, Result: "succeeded", At: noon.Add(-2 * time.Hour),
		Objects: 42, Compared: 41,
		Drifted: []report.Drifted{
			{
				Resource: "web/api:service", Type: "ecs/service", ID: "arn:service", Kind: report.DriftChanged,
				Properties: []report.Sides{
					{
						Path: []string{"desiredCount"}, AWS: value.NewInt(5), State: value.NewInt(3),
						YAML: value.NewInt(4), Pending: true,
					},
					{
						Path: []string{"deployment", "minHealthyPercent"}, AWS: value.NewInt(50),
						State: value.NewInt(100), YAML: value.NewInt(100),
					},
				},
				Deeds: []report.Deed{
					{At: noon.Add(-time.Hour), Who: "ann@example.com", Action: "UpdateService", From: "the console"},
				},
			},
			{Resource: "web/api:listener-rule", Type: "elbv2/listener-rule", ID: "arn:rule", Kind: report.DriftDeleted},
			{
				Resource: "web/api:security-group", Type: "ec2/security-group", ID: "sgr-1", Kind: report.DriftMade,
				What: "a rule that lets in tcp 22 from 0.0.0.0/0",
				Next: "aws ec2 revoke-security-group-ingress --group-id sg-1 --security-group-rule-ids sgr-1",
			},
			{
				Resource: "web/api:task-policy", Type: "iam/role-policy", ID: "role:uses", Kind: report.DriftChanged,
				Problem: "its tags were changed outside of deployer: deployer:stack",
				Properties: []report.Sides{
					{
						Path:  []string{"policy"},
						AWS:   policy("s3:*"),
						State: policy("s3:GetObject"),
						YAML:  policy("s3:GetObject"),
					},
					{
						Path:  []string{"password"},
						AWS:   text("a").Sensitive(),
						State: text("b").Sensitive(),
						YAML:  text("b"),
					},
				},
			},
		},
		Ignored: []report.Drifted{{
			Resource: "web/jobs:queue", Type: "sqs/queue", ID: "https://queue", Kind: report.DriftChanged,
			Properties: []report.Sides{{
				Path: []string{
					"visibilityTimeout",
				}, AWS: value.NewInt(60), State: value.NewInt(30), YAML: value.NewInt(30),
			}},
			Rule: ".deployer/drift-ignore.yaml:7", Reason: "tuned during the incident of May",
		}},
		Pending: []report.Pending{
			{Resource: "web/api:service", Type: "ecs/service", Action: "update", Properties: []report.Sides{
				{Path: []string{"desiredCount"}, State: value.NewInt(3), YAML: value.NewInt(4)},
				{Path: []string{"taskDefinition"}, State: text("arn:7"), YAML: value.NewUnknown()},
			}},
			{Resource: "web/cache:group", Type: "elasticache/replication-group", Action: "create"},
		},
		Uncompared: []report.Uncompared{
			{
				Resource:   "web/api:secret",
				Type:       "secretsmanager/password",
				Properties: []string{"username"},
				Why:        "it is never read",
			},
			{
				Resource: "web/api:log-group", Type: "logs/log-group", Why: "logs:DescribeLogGroups is not allowed",
				Failed: true,
			},
			{
				Resource:   "web/b:secret",
				Type:       "secretsmanager/password",
				Properties: []string{"username"},
				Why:        "it is never read",
			},
		},
		Notes:  []string{"web/api:service: a rollout is in progress that deployer did not start"},
		Untold: "cloudtrail:LookupEvents is not allowed",
	}
}

func TestDrift(t *testing.T) {
	d := sampleDrift()
	golden(t, "drift.txt", render(false, 80, func(w *Writer) { Drift(w, d, noon) }))
	golden(t, "drift-wide.txt", render(false, 160, func(w *Writer) { Drift(w, d, noon) }))
	var doc, md bytes.Buffer
	require.NoError(t, DriftJSON(&doc, d))
	golden(t, "drift.json", doc.String())
	require.NoError(t, DriftMarkdown(&md, d, noon))
	golden(t, "drift.md", md.String())
	for _, width := range []int{40, 80, 160} {
		text := render(false, width, func(w *Writer) { Drift(w, d, noon) })
		for _, line := range strings.Split(text, "\n") {
			require.LessOrEqual(t, columns(line), width, line)
			require.Equal(t, strings.TrimRight(line, " "), line)
		}
	}
	for _, shown := range []string{doc.String(), md.String()} {
		require.NotContains(t, shown, `"a"`) // sensitive
	}

	none := &report.Drift{
		Stack:       "shop",
		Environment: "dev",
		Version:     1,
		Result:      "succeeded",
		At:          noon,
		Objects:     3,
		Compared:    3,
	}
	require.Equal(t, "shop/dev  v1 succeeded, 0s ago\n\nNo drift: 3 objects compared.\n",
		render(false, 80, func(w *Writer) { Drift(w, none, noon) }))
	// "no drift" is said of what was compared only, and without manifests the third side is not guessed
	none.Compared, none.Unread = 2, "stack.yaml:3:1: Unknown key"
	none.Uncompared = []report.Uncompared{{Resource: "a/b:c", Why: "no answer in time", Failed: true}}
	require.Equal(t, "shop/dev  v1 succeeded, 0s ago\n\nNot compared:\n  the manifests: stack.yaml:3:1: Unknown key\n"+
		"  a/b:c: no answer in time\n\nNo drift: 2 of 3 objects compared.\n",
		render(false, 80, func(w *Writer) { Drift(w, none, noon) }))
	none.Drifted = []report.Drifted{d.Drifted[0]}
	require.Contains(t, render(false, 80, func(w *Writer) { Drift(w, none, noon) }), "(not read)")
}

func TestDriftMarkdownIsCut(t *testing.T) {
	d := sampleDrift()
	for range 9 {
		d.Drifted = append(d.Drifted, d.Drifted...)
	}
	var md bytes.Buffer
	require.NoError(t, DriftMarkdown(&md, d, noon))
	require.Less(t, md.Len(), 65_536)
	require.Contains(t, md.String(), "… and 1998 more")
	require.Contains(t, md.String(), "this is too long for a comment")
	require.True(t, strings.HasSuffix(md.String(), "</details>\n"))
}
