package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/report"
)

const targetGroup = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/" +
	"user-platform-dev-user-f6plwfph/aeae4e0eab49095d"

func sampleStatus() *report.Status {
	part := func(id string, health report.Health) report.Part {
		return report.Part{
			Resource: id, Type: "sqs/queue", Health: health,
			Problem: "It does not exist in AWS any more.",
		}
	}
	return &report.Status{
		Stack: "shop", Environment: "production", Version: 7, Result: "failed", At: noon.Add(-3 * time.Minute),
		Objects: report.Objects{Wanted: 9, There: 7, Missing: 1, Unknown: 1},
		Components: []report.Component{
			{
				Address: "web/api", Kind: "MicroService", Health: report.Unhealthy, Objects: 4,
				Problem: "The last rollout failed.\nECS says: unhealthy in " + targetGroup + ".",
				Service: &report.Service{
					Name: "shop-api", Desired: 3, Running: 2, Pending: 1, Revision: "12", Rollout: "FAILED",
					Images: []report.Image{{
						Container: "api", Image: "123456789012.dkr.ecr.eu-central-1.amazonaws.com" +
							"/company/shop/api:2026-11-23-0123456789abcdef",
						Digest: "sha256:f90b8eccb9bd84d3a105fe702cc96098d01ed9840cac2bfeb357dfe5759c288a", Tasks: 2,
					}},
					Targets: []report.Targets{{
						Healthy: 2, Total: 3, Reason: "Request timed out",
						Failing: []report.Target{{
							Address: "10.0.1.17:8080", Zone: "eu-central-1a", State: "unhealthy",
							Code: "Target.Timeout", Reason: "Request timed out",
							Task: "0123456789abcdef0123456789abcdef",
						}},
					}},
					Applied: &report.Applied{
						Revision: "13",
						Images:   []report.Image{{Container: "api", Image: "company/shop/api:2026-11-24"}},
					},
					Revisions: []report.Revision{{
						Revision: "12", Requested: 3, Running: 2, Pending: 1, Created: noon.Add(-time.Hour),
						Images: []report.Image{{
							Container: "api", Image: "company/shop/api:2026-11-23",
							Digest: "sha256:f90b8eccb9bd84d3a105",
						}},
					}},
					Deployment: &report.ServiceDeployment{
						Status: "ROLLBACK_IN_PROGRESS", Stage: "SCALE_UP", Revision: "13",
						Started:        noon.Add(-time.Minute),
						CircuitBreaker: &report.CircuitBreaker{Failed: 3, Threshold: 3},
						Alarms:         []string{"shop-5xx", "shop-slow"}, Triggered: []string{"shop-5xx"},
						RolledBack: "Service deployment rolled back because the circuit breaker threshold was " +
							"exceeded.",
					},
					Events: []report.Event{{
						At: noon.Add(-90 * time.Second),
						Message: "was unable to place a task because no container instance met all of its " +
							"requirements: see the documentation.",
					}},
				},
			},
			{Address: "web/files", Kind: "S3", Health: report.Healthy, Healthy: true, Objects: 2},
			{
				Address: "web/queue", Kind: "SQS", Health: report.Missing, Objects: 3,
				Problem: "queue: It does not exist in AWS any more.",
				Observed: []report.Observed{{
					Resource: "web/queue:dead-letter-queue", Type: "sqs/queue",
					Facts: []report.Fact{{Name: "messages", Value: 12}, {Name: "messages in flight", Value: 1}},
				}},
				Affected: []report.Part{
					part("web/queue:queue", report.Missing),
					part("web/queue:policy", report.Unknown),
				},
			},
		},
	}
}

func TestStatus(t *testing.T) {
	golden(t, "status.txt", render(false, 80, func(w *Writer) { Status(w, sampleStatus(), noon) }))
	var doc bytes.Buffer
	require.NoError(t, JSON(&doc, sampleStatus()))
	golden(t, "status.json", doc.String())
}

func TestStatusOfARun(t *testing.T) {
	s := sampleStatus()
	headline := func() string {
		return strings.SplitN(render(false, 200, func(w *Writer) { Status(w, s, noon) }), "\n", 2)[0]
	}
	s.Result, s.Run = "in progress", &report.Run{Version: 8, Who: "ada", Since: noon.Add(-time.Minute), Alive: true}
	require.Equal(t, "shop/production  v8 in progress, started 1m ago by ada; v7 came before it", headline())
	s.Run.Alive = false
	require.Equal(t, "shop/production  v8 was interrupted, started 1m ago by ada; v7 came before it", headline())
	s.Version, s.Run.Version = 0, 1
	require.NotContains(t, headline(), "v0")
}

// How a deployment ended is told, but not that it succeeded, and what could not be read is.
func TestStatusOfDeployments(t *testing.T) {
	shown := func(s *report.Service) string {
		return render(false, 100, func(w *Writer) { serviceDeployment(w, s, noon) })
	}
	d := &report.ServiceDeployment{
		Status: "IN_PROGRESS", Stage: "BAKE_TIME", Revision: "4", Started: noon.Add(-2 * time.Minute),
		CircuitBreaker: &report.CircuitBreaker{Failed: 1, Threshold: 3}, Alarms: []string{"5xx"},
	}
	require.Equal(t, "  deployment of revision 4: in progress, begun 2m ago, stage bake time\n"+
		"    circuit breaker: 1 task failed, it acts at 3\n    alarms that would stop it: 5xx\n",
		shown(&report.Service{Deployment: d}))
	d.Status, d.Finished, d.Reason, d.CircuitBreaker = "STOPPED", noon.Add(-time.Minute), "Stopped by ann.", nil
	require.Equal(t, "  deployment of revision 4: stopped 1m ago\n    Stopped by ann.\n",
		shown(&report.Service{Deployment: d}))
	d.Status = "SUCCESSFUL"
	require.Empty(t, shown(&report.Service{Deployment: d}))
	require.Equal(t, "  AWS could not be asked about deployments: AccessDenied\n",
		shown(&report.Service{Unread: "AccessDenied"}))
}

// Addresses, health and causes are complete on any screen.
func TestStatusOnNarrowScreens(t *testing.T) {
	s := sampleStatus()
	s.Components[0].Address = strings.Repeat("a", 31) + "/" + strings.Repeat("b", 31)
	for _, width := range []int{40, 60, 80, 120} {
		text := render(false, width, func(w *Writer) { Status(w, s, noon) })
		for _, line := range strings.Split(text, "\n") {
			require.LessOrEqual(t, columns(line), width, line)
		}
		glued := strings.Join(strings.Fields(text), "")
		for _, part := range []string{
			s.Components[0].Address, s.Components[0].Service.Images[0].Image,
			"seethedocumentation.", "missing1/3", "2/3+1",
		} {
			require.Contains(t, glued, part, width)
		}
	}
}

func TestStatusLines(t *testing.T) {
	var b bytes.Buffer
	now := noon
	lines := NewStatusLines(NewWriter(&b, false, 80), func() time.Time { return now })
	shown := func(s *report.Status) []string {
		b.Reset()
		now = now.Add(5 * time.Second)
		lines.Show(s)
		return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	}
	s := sampleStatus()
	first := shown(s)
	require.Len(t, first, 4)
	require.Equal(t, "2026-11-23T12:00:05Z  web/api  unhealthy  2/3 +1 tasks, revision 12, applied 13  "+
		"The last rollout failed. ECS says: unhealthy in "+targetGroup+".", first[1])
	require.Equal(t, []string{""}, shown(s), "nothing is new")
	s.Components[1].Health = report.Updating
	require.Equal(t, []string{"2026-11-23T12:00:15Z  web/files  updating"}, shown(s))
	s.Components = s.Components[:2]
	require.Equal(t, []string{"2026-11-23T12:00:20Z  web/queue  is not deployed any more"}, shown(s))
}

// terminal is the screen of a terminal after the text sent. It knows the control sequences that our screens use.
func terminal(t *testing.T, sent string, width, height int) []string {
	t.Helper()
	rows := make([]string, height)
	at := 0
	for sent != "" {
		switch {
		case strings.HasPrefix(sent, "\x1b[H"):
			at, sent = 0, sent[3:]
		case strings.HasPrefix(sent, "\x1b[J"):
			for i := at; i < height; i++ {
				rows[i] = ""
			}
			sent = sent[3:]
		case strings.HasPrefix(sent, "\x1b[?"):
			_, sent, _ = strings.Cut(sent[3:], sent[strings.IndexAny(sent, "hl"):strings.IndexAny(sent, "hl")+1])
		default:
			line, rest, ended := strings.Cut(sent, "\x1b[K\n")
			require.True(t, ended, "%q", sent)
			require.NotContains(t, line, "\x1b")
			require.LessOrEqual(t, columns(line), width, "it would wrap")
			require.Less(t, at, height-1, "it would scroll")
			rows[at], at, sent = line, at+1, rest
		}
	}
	return rows
}

func TestStatusScreen(t *testing.T) {
	var b strings.Builder
	width, height := 80, 40
	screen := NewStatusScreen(func() *Writer { return NewWriter(&b, false, width) },
		func() (int, int) { return width, height }, func() time.Time { return noon })
	s := sampleStatus()
	screen.Show(s)
	require.True(t, strings.HasPrefix(b.String(), "\x1b[?1049h"), "the second screen")
	rows := terminal(t, b.String(), width, height)
	require.Contains(t, rows[4], "web/queue", "the worst comes first")
	require.Contains(t, rows[6], "web/files")
	require.Equal(t, "web/api", s.Components[0].Address, "the order of the others stays")

	b.Reset()
	screen.Resized()
	require.Empty(t, b.String(), "the size is the same")
	width, height = 60, 10
	screen.Resized()
	rows = terminal(t, b.String(), width, height)
	require.Contains(t, rows[4], "web/queue")
	require.Regexp(t, `^… \d+ more lines$`, rows[8])

	width, height = 80, 14
	s.Components[0].Health, s.Components[0].Problem = report.Healthy, ""
	b.Reset()
	screen.Show(s)
	rows = terminal(t, b.String(), width, height)
	require.Contains(t, strings.Join(rows, "\n"), "It does not exist", "details of what is well go first")
	require.NotContains(t, strings.Join(rows, "\n"), "more lines")

	width, height = 80, 40
	for i := range 30 {
		s.Components = append(s.Components, report.Component{
			Address: fmt.Sprintf("web/worker-%d", i), Kind: "Worker",
			Health: report.Healthy, Objects: 1,
		})
	}
	screen.Show(s)
	b.Reset()
	s.Components = s.Components[1:2]
	screen.Show(s)
	rows = terminal(t, b.String(), width, height)
	require.Empty(t, rows[6], "no line of before is left")

	b.Reset()
	screen.Close()
	require.True(t, strings.HasPrefix(b.String(), "\x1b[?25h\x1b[?1049l"))
	require.Contains(t, b.String(), "web/files", "the last status stays on the first screen")
	b.Reset()
	NewStatusScreen(nil, nil, nil).Close()
}

func TestStatusOfNothing(t *testing.T) {
	s := &report.Status{Stack: "web", Environment: "dev", Version: 2, Result: "destroyed", At: noon}
	require.Equal(t, "web/dev  v2 destroyed, 0s ago\nNothing is deployed.\n",
		render(false, 80, func(w *Writer) { Status(w, s, noon) }))
}
