package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/company/deployer/internal/report"
)

// LogFormat is how the lines of logs are written: for people, or as one of JSON, Raw and Template.
type LogFormat struct {
	JSON       bool               // an object per line
	Raw        bool               // only what was logged
	Template   *template.Template // of a report.LogEntry
	Timestamps bool
	Highlight  []*regexp.Regexp
}

// Logs writes logs, line by line.
type Logs struct {
	w      *Writer
	out    io.Writer
	format LogFormat

	components []string
	containers []string
	width      int            // of the longest component
	beside     int            // of the longest container
	tasks      map[string]int // the number of a task within its component
	count      map[string]int // of tasks, by component
}

// NewLogs returns Logs. Text for people goes to w, JSON to out.
func NewLogs(w *Writer, out io.Writer, format LogFormat) *Logs {
	return &Logs{w: w, out: out, format: format, tasks: map[string]int{}, count: map[string]int{}}
}

// Begin says whose lines will come, and of which containers if some component has several.
func (l *Logs) Begin(components, containers []string) {
	l.components, l.containers = components, containers
	for _, c := range components {
		l.width = max(l.width, columns(c))
	}
	for _, c := range containers {
		l.beside = max(l.beside, columns(c))
	}
}

func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(width-columns(text), 0))
}

// Show writes a line. Without JSON, only texts for people tell what happened between the lines.
func (l *Logs) Show(e report.LogEntry) error {
	line := e.Type == report.LogLine
	switch {
	case l.format.JSON:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			return err
		}
		return Document(l.out, b.Bytes())
	case l.format.Raw:
		if line {
			l.w.Printf("%s\n", block(plainText(e.Message)))
		}
	case l.format.Template != nil:
		if !line {
			return nil
		}
		var b strings.Builder
		if err := l.format.Template.Execute(&b, e); err != nil {
			return err
		}
		l.w.Printf("%s\n", block(strings.TrimSuffix(plainText(b.String()), "\n")))
	case line:
		prefix := l.prefix(e)
		for _, text := range strings.Split(plainText(e.Message), "\n") {
			l.w.Printf("%s\n", strings.TrimRight(prefix+l.marked(text), " "))
		}
	default:
		l.w.Printf("%s\n", paint(dim, fold(l.event(e), 3, l.w.Width)))
	}
	return nil
}

// event is a line about something that happened between the lines of a log.
func (l *Logs) event(e report.LogEntry) string {
	text := ""
	if len(l.components) > 1 {
		text = e.Component + " "
	}
	if e.Type == report.LogStart {
		if e.Version == 0 {
			return fmt.Sprintf("── %srevision %s starts ──", text, e.Revision)
		}
		return fmt.Sprintf("── %s%s starts ──", text, e.Version)
	}
	return fmt.Sprintf("── %stask %s stopped: %s ──", text, shortTask(e.Task), e.Message)
}

// prefix names the writer of a line: the component has a colour, and each of its tasks a shade of it.
func (l *Logs) prefix(e report.LogEntry) string {
	var parts []string
	if len(l.components) > 1 {
		parts = append(parts, padded(e.Component, l.width))
	}
	if e.Task != "" {
		parts = append(parts, shortTask(e.Task))
	}
	if len(l.containers) > 0 || e.Task == "" {
		parts = append(parts, padded(e.Container, l.beside))
	}
	text := l.colour(e) + strings.Join(parts, " ") + reset + "  "
	if l.format.Timestamps {
		text = styled(dim, e.At.UTC().Format("2006-01-02T15:04:05.000Z")) + " " + text
	}
	return text
}

var (
	hues   = []string{cyan, violet, green, yellow}
	shades = []string{"", bold, dim}
)

func (l *Logs) colour(e report.LogEntry) string {
	id := e.Component + " " + e.Task
	at, known := l.tasks[id]
	if !known {
		at = l.count[e.Component]
		l.tasks[id] = at
		l.count[e.Component]++
	}
	hue := max(slices.Index(l.components, e.Component), 0)
	return hues[hue%len(hues)] + shades[at%len(shades)]
}

// marked is a line with the matches of the patterns to highlight.
func (l *Logs) marked(text string) string {
	var at [][]int
	for _, pattern := range l.format.Highlight {
		at = append(at, pattern.FindAllStringIndex(text, -1)...)
	}
	slices.SortFunc(at, func(a, b []int) int { return a[0] - b[0] })
	var b strings.Builder
	done := 0
	for _, m := range at {
		if m[0] < done || m[0] == m[1] {
			continue
		}
		b.WriteString(text[done:m[0]] + styled(bold+red, text[m[0]:m[1]]))
		done = m[1]
	}
	return b.String() + text[done:]
}

// colouring are the escapes with which programs colour their lines. They are dropped; Printf shows all others.
var colouring = regexp.MustCompile("\x1b\\[[0-9;:]*m")

func plainText(text string) string { return colouring.ReplaceAllString(text, "") }

// shortTask is an id for people.
func shortTask(id string) string { return id[:min(len(id), 8)] }

// ParseLogTemplate parses a template of -o, whose data is a report.LogEntry, and tries it.
func ParseLogTemplate(text string) (*template.Template, error) {
	t, err := template.New("line").Option("missingkey=error").Parse(text)
	if err == nil {
		err = t.Execute(io.Discard, report.LogEntry{At: time.Unix(0, 0).UTC()})
	}
	return t, err
}

// LogNote tells people something beside the lines of a log.
func LogNote(w *Writer, component, text string) {
	if component != "" {
		text = component + ": " + text
	}
	w.Printf("%s\n", fold(text, 2, w.Width))
}
