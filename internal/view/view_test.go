package view

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/value"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func render(color bool, width int, f func(*Writer)) string {
	var b bytes.Buffer
	f(NewWriter(&b, color, width))
	return b.String()
}

func TestDiagnosticAsInTheSpec(t *testing.T) {
	d := diag.New(diag.Invalid, "Unknown kind", `"ElastiCach" is not a kind. Did you mean "ElastiCache"?`, "").
		At(diag.Position{File: "stacks/shop/services/web/cache.yaml", Line: 2, Column: 7, Length: 10})
	d.Excerpt = &diag.Excerpt{FirstLine: 1, Lines: []string{
		"apiVersion: components.deployer.io/v1",
		"kind: ElastiCach",
	}}
	require.Equal(t, `Error: Unknown kind
  stacks/shop/services/web/cache.yaml:2:7
    1 | apiVersion: components.deployer.io/v1
    2 | kind: ElastiCach
      |       ^^^^^^^^^^
  "ElastiCach" is not a kind. Did you mean "ElastiCache"?
`, render(false, 80, func(w *Writer) { Diagnostics(w, diag.List{d}) }))
}

func TestDiagnosticsOfARun(t *testing.T) {
	d := diag.New(diag.Failed, "Rollout failed",
		"The container app exited with code 1: Essential container in task exited.",
		"Look at the application's start-up.").For("shop/api")
	d.Operation, d.RequestID, d.Lines = "ecs:UpdateService", "req-1", []string{"panic: no database", "exit"}
	long := diag.New(diag.Invalid, "Wrong type", "A very long line is cut around its mark.",
		"").At(diag.Position{File: "a.yaml", Line: 9, Column: 150, Length: 4})
	long.Excerpt = &diag.Excerpt{
		FirstLine: 9,
		Lines:     []string{strings.Repeat("x", 149) + "HERE" + strings.Repeat("y", 60)},
	}
	warning := &diag.Diagnostic{Severity: diag.Warning, Summary: "State is local"}
	golden(t, "diagnostics.txt", render(false, 80, func(w *Writer) { Diagnostics(w, diag.List{d, long, warning}) }))
}

func TestLongValuesAreShownWhereTheyDiffer(t *testing.T) {
	long := strings.Repeat("x", 1000)
	change := plan.Change{
		Resource: "a/b:c", Action: plan.Update, Reason: strings.Repeat("reason ", 20) + "end",
		Properties: []plan.Property{
			{Path: []string{"policy"}, Old: value.NewString(long + "old" + long), New: value.NewString(long + "new")},
		},
	}
	out := render(false, 80, func(w *Writer) {
		component(w, plan.Component{Address: "a/b", Action: plan.Update, Changes: []plan.Change{change}})
	})
	for _, line := range strings.Split(out, "\n") {
		require.LessOrEqual(t, columns(line), 80, line)
	}
	unfolded := strings.ReplaceAll(out, "\n            ", "")
	require.Contains(t, unfolded, "reason\n        reason")
	require.Contains(t, unfolded, "reason end\n")
	require.Contains(t, unfolded, "- …"+strings.Repeat("x", context)+"old"+strings.Repeat("x", wholeUpTo-context-3)+
		"…\n")
	require.Contains(t, unfolded, "+ …"+strings.Repeat("x", context)+`new"`+"\n")
}

func samplePlan() *plan.Plan {
	return &plan.Plan{Stack: "shop", Environment: "production", Unchanged: 12, Components: []plan.Component{
		{
			Address: "web/api", Kind: "MicroService", Action: plan.Update, Consequence: plan.Rolling,
			Changes: []plan.Change{
				{
					Resource: "web/api:task-definition", Action: plan.Update, Consequence: plan.InPlace,
					Reason: "containers change", Properties: []plan.Property{
						{
							Path: []string{"containers", "0", "image"}, Old: value.NewString("shop/api:1.0"),
							New: value.NewString("shop/api:1.1"),
						},
						{Path: []string{"containers", "0", "command"}, New: value.Strings(strings.Repeat("long ", 30))},
					},
				},
				{
					Resource: "web/api:service", Action: plan.Update, Consequence: plan.Rolling,
					Reason: "taskDefinition changes", Properties: []plan.Property{
						{
							Path: []string{"taskDefinition"},
							Old:  value.NewString("arn:aws:ecs:eu-west-1:1:task-definition/x:1"),
							New:  value.NewUnknown(),
						},
					},
				},
			},
		},
		{Address: "web/cache", Kind: "SQS", Action: plan.NoOp},
		{Address: "web/files", Kind: "S3", Action: plan.Replace, Consequence: plan.DataLoss, Changes: []plan.Change{
			{
				Resource: "web/files:bucket", Action: plan.Replace, Consequence: plan.DataLoss,
				Reason: "name cannot change in place", Protected: true, Properties: []plan.Property{
					{
						Path: []string{"name"}, Old: value.NewString("a"), New: value.NewString("b"),
						ForcesReplacement: true,
					},
				},
			},
		}},
		{
			Address: "web/jobs", Kind: "SQS", Action: plan.Create,
			Changes: []plan.Change{
				{Resource: "web/jobs:queue", Action: plan.Create},
				{Resource: "web/jobs:queue-policy", Action: plan.Create},
			},
		},
		{
			Address: "web/old", Action: plan.Delete,
			Changes: []plan.Change{{
				Resource: "web/old:queue", Action: plan.Delete,
				Reason: "removed from the manifests", Obstacles: []plan.Obstacle{
					{What: "the bucket shop-production-web-old-x2 is not empty: it holds objects that nobody has " +
						"taken away yet", Next: "empty the bucket"},
				},
			}},
		},
	}}
}

func TestPlan(t *testing.T) {
	text := render(false, 80, func(w *Writer) { Plan(w, samplePlan()) })
	golden(t, "plan.txt", text)
	for _, line := range strings.Split(text, "\n") {
		require.LessOrEqual(t, columns(line), 80)
	}
	require.Contains(t, render(false, 80, func(w *Writer) {
		Plan(w, &plan.Plan{Stack: "shop", Environment: "dev", Unchanged: 1})
	}), "No changes. shop/dev is up to date: 1 resource.")
	require.Contains(t, render(true, 80, func(w *Writer) { Plan(w, samplePlan()) }), "\x1b[32m")
}

// The properties of a new object have no old values, and nothing of it is replaced.
func TestPropertiesOfCreations(t *testing.T) {
	p := &plan.Plan{Components: []plan.Component{{Address: "web/q", Action: plan.Create, Changes: []plan.Change{{
		Resource: "web/q:queue", Action: plan.Create,
		Properties: []plan.Property{{Path: []string{"name"}, New: value.NewString("jobs")}},
	}}}}}
	require.NotContains(t, render(false, 80, func(w *Writer) { Plan(w, p) }), "jobs")
	require.Contains(t, render(false, 80, func(w *Writer) { w.Full = true; Plan(w, p) }), "\n        name: \"jobs\"\n")
}

func clock() func() time.Time {
	at := time.Unix(0, 0)
	return func() time.Time { at = at.Add(time.Second); return at }
}

func events(p Progress) {
	p.Event(plan.Event{Kind: plan.Phase, Text: "Planning"})
	p.Planned(samplePlan())
	p.Event(plan.Event{Kind: plan.Started, Resource: "web/api:role", Action: plan.Create})
	p.Event(plan.Event{Kind: plan.Started, Resource: "web/api:service", Action: plan.Update})
	p.Event(plan.Event{Kind: plan.Done, Resource: "web/api:role", Action: plan.Create})
	p.Event(plan.Event{Kind: plan.Progress, Resource: "web/api:service", Text: "1/2 running"})
	p.Event(plan.Event{Kind: plan.FailedAt, Resource: "web/api:service", Action: plan.Update, Text: "crashed"})
	p.Event(plan.Event{Kind: plan.Started, Resource: "web/worker:service", Action: plan.Update})
	p.Event(plan.Event{Kind: plan.Stopped, Resource: "web/worker:service", Action: plan.Update, Text: "in progress"})
	p.Event(plan.Event{Kind: plan.Skipped, Resource: "web/api:policy"})
	p.Close()
}

func TestAReplacementCountsOnce(t *testing.T) {
	replace := func(p Progress) {
		p.Planned(samplePlan())
		for _, action := range []plan.Action{plan.Create, plan.Delete} {
			p.Event(plan.Event{Kind: plan.Started, Resource: "web/api:group", Action: action})
			p.Event(plan.Event{Kind: plan.Done, Resource: "web/api:group", Action: action})
		}
		p.Close()
	}
	text := render(false, 80, func(w *Writer) { replace(NewPlain(w, clock())) })
	require.Equal(t, 2, strings.Count(text, "[1/"))
	require.NotContains(t, text, "[2/")
	var b bytes.Buffer
	replace(NewLive(NewWriter(&b, false, 60), func() time.Time { return time.Unix(0, 0) }, sized(60, 24)))
	require.Contains(t, b.String(), "1/")
	require.NotContains(t, b.String(), " 2/")
}

func TestPlainProgress(t *testing.T) {
	golden(t, "progress.txt", render(false, 80, func(w *Writer) { events(NewPlain(w, clock())) }))
}

// A change of the state only, such as a protection, ends without a start.
func TestProgressOfWhatNeverBegan(t *testing.T) {
	text := render(false, 80, func(w *Writer) {
		NewPlain(w, clock()).Event(plan.Event{Kind: plan.Done, Resource: "web/jobs:queue", Action: plan.Update})
	})
	require.Equal(t, "web/jobs:queue: updated\n", text)
}

func TestLiveProgressLeavesTheFinalTree(t *testing.T) {
	var b bytes.Buffer
	live := NewLive(NewWriter(&b, false, 60), func() time.Time { return time.Unix(0, 0) }, sized(60, 24))
	events(live)
	last := b.String()[strings.LastIndex(b.String(), "✗ web/api "):]
	require.Contains(t, last, "✗ service failed")
	require.Contains(t, last, "- policy")
	require.Contains(t, last, "1/6, 1 failed")
}

// screen is the screen of a terminal after the text written. It knows what Live uses: lines, moving the cursor up,
// erasing the rest.
func screen(t *testing.T, written string) []string {
	t.Helper()
	lines, at, column := []string{""}, 0, 0
	for written != "" {
		var up int
		switch {
		case strings.HasPrefix(written, "\x1b[2K"):
			lines[at] = strings.Repeat(" ", column)
			written = written[4:]
		case strings.HasPrefix(written, "\x1b[J"):
			lines = lines[:at+1]
			lines[at] = lines[at][:min(column, len(lines[at]))]
			written = written[3:]
		case strings.HasPrefix(written, "\x1b["):
			_, err := fmt.Sscanf(written, "\x1b[%dA", &up)
			require.NoError(t, err, "%q", written)
			require.GreaterOrEqual(t, at, up)
			at -= up
			written = written[strings.IndexByte(written, 'A')+1:]
		case written[0] == '\r':
			column = 0
			written = written[1:]
		case written[0] == '\n':
			if at, column = at+1, 0; at == len(lines) {
				lines = append(lines, "")
			}
			written = written[1:]
		default:
			end := strings.IndexAny(written, "\r\n\x1b")
			after := ""
			if stays := column + end; stays < len(lines[at]) {
				after = lines[at][stays:]
			}
			lines[at] = lines[at][:column] + written[:end] + after
			column += end
			written = written[end:]
		}
	}
	return lines[:len(lines)-1]
}

// However often the tree is drawn, the screen shows it once, and earlier text stays.
func TestLiveProgressErasesWhatItDrew(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("the plan\n")
	live := NewLive(NewWriter(&b, false, 60), func() time.Time { return time.Unix(0, 0) }, sized(60, 24))
	live.Planned(samplePlan())
	for _, e := range []plan.Event{
		{Kind: plan.Started, Resource: "web/api:role", Action: plan.Create},
		{Kind: plan.Started, Resource: "web/api:service", Action: plan.Update},
		{Kind: plan.Done, Resource: "web/api:role", Action: plan.Create},
		{Kind: plan.Done, Resource: "web/api:service", Action: plan.Update},
	} {
		live.Event(e)
		live.mu.Lock()
		live.draw(false)
		live.mu.Unlock()
	}
	live.Close()
	require.Greater(t, strings.Count(b.String(), "web/api"), 4, "it was drawn many times")
	lines := screen(t, b.String())
	require.Equal(t, "the plan", lines[0])
	require.Len(t, lines, 3, "the component, and the bar: %q", lines)
	require.Contains(t, lines[1], "web/api")
	require.Contains(t, lines[2], "2/6")
}

// A display without rows leaves no text.
func TestLiveProgressWithoutRowsLeavesNothing(t *testing.T) {
	var b bytes.Buffer
	live := NewLive(NewWriter(&b, false, 60), func() time.Time { return time.Unix(0, 0) }, sized(60, 24))
	live.Event(plan.Event{Kind: plan.Phase, Text: "Planning"})
	live.mu.Lock()
	live.draw(false)
	live.mu.Unlock()
	live.Close()
	require.Equal(t, []string{}, screen(t, b.String()))
}
