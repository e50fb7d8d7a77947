package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/report"
)

// StatusLines writes changes of a status as lines with the time, for logs.
type StatusLines struct {
	w    *Writer
	now  func() time.Time
	last map[string]string // by address; "" is the stack
}

// NewStatusLines returns StatusLines that have shown nothing yet.
func NewStatusLines(w *Writer, now func() time.Time) *StatusLines {
	return &StatusLines{w: w, now: now, last: map[string]string{}}
}

// Show writes a line for each component that changed since the last call.
func (l *StatusLines) Show(s *report.Status) {
	now := l.now()
	at, shown := now.UTC().Format(time.RFC3339), map[string]bool{}
	line := func(address, key, text string) {
		shown[address] = true
		if before, known := l.last[address]; !known || before != key {
			l.last[address] = key
			l.w.Printf("%s  %s\n", at, text)
		}
	}
	run := fmt.Sprint(s.Version, s.Result, s.At, s.Run, s.Objects)
	line("", run, headline(s, now)+". "+counted(s.Objects))
	for _, c := range s.Components {
		text := c.Address + "  " + health(c)
		if c.Service != nil {
			counts := tasks(c)
			text += fmt.Sprintf("  %s tasks, revision %s", counts[0], counts[1])
		}
		if c.Problem != "" {
			text += "  " + strings.ReplaceAll(c.Problem, "\n", " ")
		}
		line(c.Address, text, text)
	}
	for address := range l.last {
		if !shown[address] {
			delete(l.last, address)
			l.w.Printf("%s  %s  is not deployed any more\n", at, address)
		}
	}
}

// StatusScreen redraws a status in place. It uses the terminal's second screen, so that nothing scrolls and no drawing
// of another window size stays. Close returns to the first screen and writes the last status there.
type StatusScreen struct {
	writer func() *Writer
	size   func() (width, height int)
	now    func() time.Time
	last   *report.Status
	width  int
	height int
}

// NewStatusScreen returns a StatusScreen that has drawn nothing yet. writer returns a Writer with the current width of
// the terminal.
func NewStatusScreen(writer func() *Writer, size func() (width, height int), now func() time.Time) *StatusScreen {
	return &StatusScreen{writer: writer, size: size, now: now}
}

// Show draws a status.
func (v *StatusScreen) Show(s *report.Status) {
	first := v.last == nil
	v.last = s
	v.draw(first)
}

// Resized draws again when the window has a new size.
func (v *StatusScreen) Resized() {
	if width, height := v.size(); v.last != nil && (width != v.width || height != v.height) {
		v.draw(false)
	}
}

func (v *StatusScreen) draw(first bool) {
	v.width, v.height = v.size()
	w := v.writer()
	// The worst components come first, so that a small screen shows them.
	s := *v.last
	s.Components = slices.Clone(s.Components)
	slices.SortStableFunc(s.Components, func(a, b report.Component) int { return b.Health.Worse(a.Health) })
	lines, room := []string(nil), max(v.height-1, 1)
	// If not all fits, the details of healthy components are left out first.
	for _, least := range []report.Health{report.Healthy, report.Updating} {
		var text strings.Builder
		status(NewWriter(&text, w.Color, w.Width), &s, v.now(),
			func(c report.Component) bool { return c.Health.Worse(least) >= 0 })
		if lines = strings.Split(strings.TrimRight(text.String(), "\n"), "\n"); len(lines) <= room {
			break
		}
	}
	w.redraw(lines, room, first)
}

// redraw shows lines in place, on the terminal's second screen, and cuts them to the rows that there is room for.
func (w *Writer) redraw(lines []string, room int, first bool) {
	if len(lines) > room {
		lines = append(lines[:room-1:room-1],
			w.render(reset+styled(dim, fmt.Sprintf("… %d more lines", len(lines)-room+1))))
	}
	var out strings.Builder
	if first {
		out.WriteString("\x1b[?1049h\x1b[?25l")
	}
	out.WriteString("\x1b[H")
	for _, line := range lines {
		out.WriteString(line + "\x1b[K\n")
	}
	out.WriteString("\x1b[J")
	io.WriteString(w.w, out.String()) //nolint:errcheck // nobody is left to see an error
}

// firstScreen returns to the terminal's first screen.
func (w *Writer) firstScreen() {
	io.WriteString(w.w, "\x1b[?25h\x1b[?1049l") //nolint:errcheck // nobody is left to see an error
}

// Close ends the display.
func (v *StatusScreen) Close() {
	if v.last == nil {
		return
	}
	w := v.writer()
	w.firstScreen()
	Status(w, v.last, v.now())
}
