package view

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/plan"
)

func sized(width, height int) func() (int, int) {
	return func() (int, int) { return width, height }
}

// still returns a Live that draws only when it is called.
func still(b *bytes.Buffer, size func() (int, int)) *Live {
	l := NewLive(NewWriter(b, false, 80), func() time.Time { return time.Unix(0, 0) }, size)
	close(l.stop)
	l.stopped.Wait()
	l.stop = make(chan struct{})
	return l
}

var erasing = regexp.MustCompile(`\r\x1b\[(\d+)A`)

// drawn is the screen after the last erasing.
func drawn(b *bytes.Buffer) string {
	parts := erasing.Split(b.String(), -1)
	return strings.NewReplacer("\x1b[2K", "", "\x1b[J", "").Replace(parts[len(parts)-1])
}

func TestWhatRunsIsShownBeforeWhatIsDone(t *testing.T) {
	var b bytes.Buffer
	l := still(&b, sized(80, 20))
	p := samplePlan()
	l.Planned(p)
	event := func(kind plan.EventKind, n int, text string) {
		l.Event(plan.Event{
			Kind: kind, Resource: fmt.Sprintf("web/service-%d:service", n), Action: plan.Create,
			Text: text,
		})
	}
	for n := range 40 {
		event(plan.Started, n, "")
	}
	for n := range 30 {
		event(plan.Done, n, "")
	}
	event(plan.FailedAt, 35, "crashed")
	event(plan.Progress, 39, "0/1 running, 1 pending")
	l.draw(false)
	text := drawn(&b)
	require.LessOrEqual(t, strings.Count(text, "\n"), 17, text)
	require.Contains(t, text, "✓ 30 components done\n✗ web/service-35")
	for n := 30; n < 40; n++ {
		require.Contains(t, text, fmt.Sprintf("web/service-%d ", n))
	}
	require.Contains(t, text, "0/1 running, 1 pending")

	// More resources run than there are lines: all failed ones are shown, and the others are counted.
	b.Reset()
	for n := 40; n < 80; n++ {
		event(plan.Started, n, "")
	}
	l.draw(false)
	text = drawn(&b)
	require.LessOrEqual(t, strings.Count(text, "\n"), 17, text)
	require.Contains(t, text, "✗ web/service-35")
	require.Contains(t, text, "… and 36 more components\n")
	require.Equal(t, 50, 36+strings.Count(text, "web/service-"))
	l.Close()
}

func TestANarrowerWindowLeavesNoStaleLines(t *testing.T) {
	var b bytes.Buffer
	width := 80
	l := still(&b, func() (int, int) { return width, 24 })
	l.Planned(samplePlan())
	l.Event(plan.Event{Kind: plan.Started, Resource: "web/api:service", Action: plan.Update})
	l.Event(plan.Event{Kind: plan.Progress, Resource: "web/api:service", Text: strings.Repeat("news ", 8) + "end"})
	l.draw(false)
	var rows int
	for _, line := range strings.Split(strings.TrimSuffix(drawn(&b), "\n"), "\n") {
		rows += max(1, (columns(line)+29)/30) // the terminal breaks them like this
	}
	require.Greater(t, rows, 3)
	width = 30
	l.draw(false)
	require.Equal(t, fmt.Sprint(rows), erasing.FindStringSubmatch(b.String())[1])
	for _, line := range strings.Split(drawn(&b), "\n") {
		require.LessOrEqual(t, columns(line), 29, line)
	}
	require.Contains(t, strings.ReplaceAll(drawn(&b), "\n      ", " "), strings.Repeat("news ", 8)+"end",
		"where there is room nothing is cut")
	l.Close()
}

func TestWhatFailedIsNotCountedAsDone(t *testing.T) {
	var b bytes.Buffer
	l := still(&b, sized(80, 24))
	l.Planned(samplePlan())
	for n := range 6 {
		id := fmt.Sprintf("web/x:%d", n)
		l.Event(plan.Event{Kind: plan.Started, Resource: id, Action: plan.Update})
		l.Event(plan.Event{Kind: []plan.EventKind{plan.Done, plan.FailedAt}[n%2], Resource: id, Action: plan.Update})
	}
	l.Close()
	require.Contains(t, drawn(&b), "] 3/6, 3 failed ")
}

func TestWhatTheRunDoesIsNotCut(t *testing.T) {
	var b bytes.Buffer
	l := still(&b, sized(80, 24))
	l.Planned(samplePlan())
	l.Event(plan.Event{Kind: plan.Started, Resource: "web/x:y", Action: plan.Update})
	l.Event(plan.Event{
		Kind: plan.Phase,
		Text: "Stopping: calls in progress get a few seconds, then the state is saved",
	})
	l.draw(false)
	require.Contains(t, drawn(&b), "] 0/6 0.0s\n  Stopping: calls in progress get a few seconds, then "+
		"the state is saved\n")
	l.Close()
	require.NotContains(t, drawn(&b), "Stopping")
}
