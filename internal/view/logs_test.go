package view

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/report"
)

// logEntries are lines of two components, with what happens between them.
func logEntries() []report.LogEntry {
	at := time.Date(2026, 1, 2, 3, 4, 5, 67_000_000, time.UTC)
	line := func(component, container, task, text string) report.LogEntry {
		at = at.Add(time.Second)
		return report.LogEntry{
			Type: report.LogLine, At: at, Component: component, Container: container, Task: task, Version: 14,
			Revision: "15", Message: text, Group: "/deployer/web/dev/" + component,
			Stream: "s/" + container + "/" + task, ID: "37",
		}
	}
	start := report.LogEntry{Type: report.LogStart, At: at, Component: "shop/api", Version: 14, Revision: "15"}
	unknown := report.LogEntry{Type: report.LogStart, At: at, Component: "shop/worker", Revision: "16"}
	stop := report.LogEntry{
		Type: report.LogStop, At: at, Component: "shop/api", Task: "3f2a91bc77", Version: 14, Revision: "15",
		Message: "Essential container in task exited; api exited with code 137: OutOfMemoryError: Container killed",
	}
	return []report.LogEntry{
		start, line("shop/api", "api", "3f2a91bc77", "GET /healthz 200"),
		line("shop/api", "agent", "3f2a91bc77", "\x1b[32mready\x1b[0m \x1b]0;title\a"),
		unknown, line("shop/worker", "worker", "0011223344", "two\n  lines"),
		line("shop/api", "api", "99887766", "ERROR \u202e<b>& \u0085 failed"), stop,
	}
}

func written(t *testing.T, format LogFormat, color bool) string {
	t.Helper()
	var out strings.Builder
	l := NewLogs(NewWriter(&out, color, 80), &out, format)
	l.Begin([]string{"shop/api", "shop/worker"}, []string{"api", "agent", "worker"})
	for _, e := range logEntries() {
		require.NoError(t, l.Show(e))
	}
	return out.String()
}

func TestLogsForPeople(t *testing.T) {
	require.Equal(t, `── shop/api v14 starts ──
shop/api    3f2a91bc api     GET /healthz 200
shop/api    3f2a91bc agent   ready \u001b]0;title\u0007
── shop/worker revision 16 starts ──
shop/worker 00112233 worker  two
shop/worker 00112233 worker    lines
shop/api    99887766 api     ERROR \u202e<b>& \u0085 failed
── shop/api task 3f2a91bc stopped: Essential container in task exited; api
   exited with code 137: OutOfMemoryError: Container killed ──
`, written(t, LogFormat{}, false))
	require.Contains(t, written(t, LogFormat{Timestamps: true}, false),
		"\n2026-01-02T03:04:06.067Z shop/api    3f2a91bc api     GET /healthz 200\n")
	coloured := written(t, LogFormat{Highlight: []*regexp.Regexp{regexp.MustCompile("ERROR|ERR")}}, true)
	require.Contains(t, coloured, "\x1b[36mshop/api    3f2a91bc api   \x1b[0m  GET", "a colour per component")
	require.Contains(t, coloured, "\x1b[36m\x1b[1mshop/api    99887766", "and a shade per task")
	require.Contains(t, coloured, "\x1b[35mshop/worker")
	require.Contains(t, coloured, "\x1b[1m\x1b[31mERROR\x1b[0m \\u202e")
}

// The JSON of lines is a contract: fields may be added, never changed or removed.
func TestLogsAsJSON(t *testing.T) {
	require.Equal(t, `{"type":"start","at":"2026-01-02T03:04:05.067Z","component":"shop/api","version":"v14",`+
		`"revision":"15","message":""}
{"type":"line","at":"2026-01-02T03:04:06.067Z","component":"shop/api","container":"api","task":"3f2a91bc77",`+
		`"version":"v14","revision":"15","message":"GET /healthz 200","group":"/deployer/web/dev/shop/api",`+
		`"stream":"s/api/3f2a91bc77","id":"37"}
`, strings.Join(strings.SplitAfter(written(t, LogFormat{JSON: true}, false), "\n")[:2], ""))
	require.Contains(t, written(t, LogFormat{JSON: true}, true),
		`"message":"\u001b[32mready\u001b[0m \u001b]0;title\u0007"`)
	require.Contains(t, written(t, LogFormat{JSON: true}, true), `"message":"ERROR \u202e<b>& \u0085 failed"`)
}

func TestLogsInOtherForms(t *testing.T) {
	require.Equal(t, "GET /healthz 200\nready \\u001b]0;title\\u0007\ntwo\n  lines\nERROR \\u202e<b>& \\u0085 failed\n",
		written(t, LogFormat{Raw: true}, true))
	form, err := ParseLogTemplate("{{.Version}} {{.Component}}: {{.Message}}")
	require.NoError(t, err)
	require.Contains(t, written(t, LogFormat{Template: form}, false), "v14 shop/api: ready \\u001b]0;title\\u0007\n")
	for _, wrong := range []string{"{{.Nothing}}", "{{"} {
		_, err := ParseLogTemplate(wrong)
		require.Error(t, err, wrong)
	}
}
