package view

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/guptarohit/asciigraph"

	"github.com/company/deployer/internal/report"
)

// chartHeight is the number of rows of a chart, and axis the columns of its numbers.
const (
	chartHeight = 4
	axis        = 10
)

// Metrics writes a chart per metric, or per group of metrics, with the newest value, the highest one, the threshold and
// the moments of deployments.
func Metrics(w *Writer, m *report.Metrics) {
	period := time.Duration(m.Period) * time.Second
	w.Printf("%s\n", fold(fmt.Sprintf("%s/%s  %s to %s UTC, a value per %s", styled(bold, m.Stack),
		styled(bold, m.Environment), m.From.Format("2006-01-02 15:04"), m.To.Format("2006-01-02 15:04"),
		short(period)), 2, w.Width))
	if len(m.Components) == 0 {
		w.Printf("Nothing that is deployed has metrics.\n")
		return
	}
	for _, c := range m.Components {
		w.Printf("\n%s\n", fold(styled(bold, oneLine(c.Address))+"  "+styled(dim, oneLine(c.Kind)), 2, w.Width))
		for at := 0; at < len(c.Metrics); {
			end := at + 1
			for c.Metrics[at].Group != "" && end < len(c.Metrics) && c.Metrics[end].Group == c.Metrics[at].Group &&
				c.Metrics[end].Resource == c.Metrics[at].Resource {
				end++
			}
			chart(w, m, c.Metrics[at:end])
			at = end
		}
	}
}

// short is a period as people write it: 5m.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if trimmed := strings.TrimSuffix(text, zero); trimmed != "" && !strings.HasSuffix(trimmed, ".") &&
			strings.TrimRight(trimmed, "hm") != trimmed {
			text = trimmed
		}
	}
	return text
}

// lines are the characters of the series of a chart: colours would not reach a file.
var lines = []string{"", "*", "o", "+"}

// chart writes one chart with its series. Series without any value only get a line.
func chart(w *Writer, m *report.Metrics, series []report.Metric) {
	w.Printf("  %s\n", styled(bold, oneLine(series[0].Title)))
	highest := 0.0
	from, to := m.From, m.To
	for _, s := range series {
		for _, p := range s.Points {
			highest = math.Max(highest, math.Abs(p.Value))
			if p.At.Before(from) {
				from = p.At // a daily metric has a longer span
			}
		}
	}
	scale, unit := scaled(series[0].Unit, highest)
	var drawn [][]float64
	var sets []asciigraph.CharSet
	width := max(w.Width-axis-4, 10)
	for i, s := range series {
		seriesSummary(w, s, lines[i%len(lines)], len(series) > 1, scale, unit)
		if len(s.Points) == 0 {
			continue
		}
		drawn = append(drawn, columnsOf(s.Points, from, to, time.Duration(m.Period)*time.Second, width, scale))
		set := asciigraph.DefaultCharSet
		if char := lines[i%len(lines)]; char != "" {
			set = asciigraph.CreateCharSet(char)
		}
		sets = append(sets, set)
	}
	if len(drawn) == 0 {
		return
	}
	options := []asciigraph.Option{
		asciigraph.Height(chartHeight), asciigraph.SeriesChars(sets...), asciigraph.LowerBound(0),
		asciigraph.YAxisValueFormatter(func(v float64) string { return fmt.Sprintf("%*s", axis-3, number(v)) }),
	}
	if highest == 0 {
		options = append(options, asciigraph.UpperBound(1))
	}
	for _, line := range strings.Split(asciigraph.PlotMany(drawn, options...), "\n") {
		w.Printf("  %s\n", strings.TrimRight(line, " "))
	}
	if text := moments(m.Deployments, from, to, len(drawn[0]), w.Width-axis-1); text != "" {
		w.Printf("  %s%s\n", strings.Repeat(" ", axis-1), styled(cyan, text))
	}
}

// seriesSummary says in words what a series shows.
func seriesSummary(w *Writer, s report.Metric, char string, named bool, scale float64, unit string) {
	text := "    "
	if named {
		text += strings.TrimSpace(char+" "+s.Name) + ": "
	}
	if len(s.Points) == 0 {
		w.Printf("%s\n", fold(text+styled(dim, "CloudWatch has no values"), 6, w.Width))
		return
	}
	highest := s.Points[0].Value
	for _, p := range s.Points {
		highest = math.Max(highest, p.Value)
	}
	now := fmt.Sprintf("now %s%s", number(s.Points[len(s.Points)-1].Value/scale), unit)
	if s.Beyond {
		now = styled(red, now)
	}
	text += now + fmt.Sprintf(", highest %s%s", number(highest/scale), unit)
	if t := s.Threshold; t != nil {
		beyond := "above"
		if t.Below {
			beyond = "below"
		}
		text += styled(dim, fmt.Sprintf("; a problem %s %s%s: %s", beyond, number(t.Value/scale), unit, oneLine(t.Why)))
	}
	w.Printf("%s\n", fold(text, 6, w.Width))
}

// scaled returns by what values are divided, and the unit of the result.
func scaled(unit string, highest float64) (float64, string) {
	switch unit {
	case "percent":
		return 1, " %"
	case "seconds":
		if highest < 1 {
			return 0.001, " ms"
		}
		return 1, " s"
	case "bytes":
		scale, names := 1.0, []string{" B", " KiB", " MiB", " GiB", " TiB"}
		for len(names) > 1 && highest >= scale*1024 {
			scale, names = scale*1024, names[1:]
		}
		return scale, names[0]
	case "per second":
		return 1, " per second"
	}
	return 1, ""
}

// number is a value with as many digits as people read.
func number(v float64) string {
	switch {
	case v == math.Trunc(v) && math.Abs(v) < 1e6:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 1e6:
		return fmt.Sprintf("%.3g", v)
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// columnsOf spreads values over the columns of a chart: one per period, or the highest one of several periods where
// there is no room. A column without a value is a gap.
func columnsOf(points []report.Point, from, to time.Time, period time.Duration, width int, scale float64) []float64 {
	width = max(min(width, int(to.Sub(from)/period)), 2)
	out := make([]float64, width)
	for i := range out {
		out[i] = math.NaN()
	}
	for _, p := range points {
		at := column(p.At, from, to, width)
		if v := p.Value / scale; math.IsNaN(out[at]) || v > out[at] {
			out[at] = v
		}
	}
	return out
}

func column(at, from, to time.Time, width int) int {
	return min(max(int(float64(width)*float64(at.Sub(from))/float64(to.Sub(from))), 0), width-1)
}

// moments is a line below a chart with the deployments of its span. One that would run into a newer one is left out:
// the newest one most likely explains what the chart shows. At the edge of the screen the name is before its arrow.
func moments(all []report.Moment, from, to time.Time, width, room int) string {
	room = max(room, 0)
	line, free := []rune(strings.Repeat(" ", room)), room
	for _, m := range slices.Backward(all) {
		at := column(m.At, from, to, width)
		name := m.Version.String()
		if m.Result != "succeeded" {
			name += " " + oneLine(m.Result)
		}
		mark, start := []rune("▲"+name), at
		if start+len(mark) > room {
			mark = []rune(name + "▲")
			start = at - len(mark) + 1
		}
		if m.At.Before(from) || m.At.After(to) || start < 0 || start+len(mark) > free {
			continue
		}
		copy(line[start:], mark)
		free = start - 1 // and a blank
	}
	return strings.TrimRight(string(line), " ")
}

// MetricsScreen redraws metrics in place, as StatusScreen does.
type MetricsScreen struct {
	writer func() *Writer
	size   func() (width, height int)
	last   *report.Metrics
}

// NewMetricsScreen returns a MetricsScreen that has drawn nothing yet.
func NewMetricsScreen(writer func() *Writer, size func() (width, height int)) *MetricsScreen {
	return &MetricsScreen{writer: writer, size: size}
}

// Show draws metrics, as many as the window has room for.
func (v *MetricsScreen) Show(m *report.Metrics) {
	first := v.last == nil
	v.last = m
	w := v.writer()
	var text strings.Builder
	Metrics(NewWriter(&text, w.Color, w.Width), m)
	_, height := v.size()
	w.redraw(strings.Split(strings.TrimRight(text.String(), "\n"), "\n"), max(height-1, 1), first)
}

// Close ends the display, and writes the last metrics on the first screen.
func (v *MetricsScreen) Close() {
	if v.last == nil {
		return
	}
	w := v.writer()
	w.firstScreen()
	Metrics(w, v.last)
}
