package view

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/report"
)

func sampleMetrics() *report.Metrics {
	curve := func(f func(i int) float64) (out []report.Point) {
		for i := range 36 {
			out = append(out, report.Point{At: noon.Add(time.Duration(i-36) * 5 * time.Minute), Value: f(i)})
		}
		return out
	}
	high := &report.Threshold{Value: 90, Why: "the tasks have hardly any CPU left"}
	return &report.Metrics{
		Stack: "shop", Environment: "production", From: noon.Add(-3 * time.Hour), To: noon, Period: 300,
		Deployments: []report.Moment{
			{Version: 7, Result: "succeeded", At: noon.Add(-2 * time.Hour)},
			{Version: 8, Result: "failed", At: noon.Add(-30 * time.Minute)},
		},
		Components: []report.ComponentMetrics{{Address: "web/api", Kind: "MicroService", Metrics: []report.Metric{
			{
				Resource: "web/api:service", Name: "cpu", Title: "CPU", Unit: "percent", Statistic: "Average",
				Threshold: high, Beyond: true,
				Points: curve(func(i int) float64 { return 30 + float64(i)*1.8 }),
			},
			{
				Resource: "web/api:target-group", Name: "p50", Title: "Latency", Group: "latency", Unit: "seconds",
				Statistic: "p50", Points: curve(func(i int) float64 { return 0.02 + 0.01*math.Sin(float64(i)/4) }),
			},
			{
				Resource: "web/api:target-group", Name: "p99", Title: "Latency", Group: "latency", Unit: "seconds",
				Statistic: "p99", Points: curve(func(i int) float64 { return 0.2 + 0.1*math.Cos(float64(i)/4) }),
			},
		}}, {Address: "web/files", Kind: "S3", Metrics: []report.Metric{{
			Resource: "web/files:bucket", Name: "size", Title: "Size", Unit: "bytes", Statistic: "Average",
			Points: []report.Point{},
		}}}},
	}
}

func TestMetrics(t *testing.T) {
	golden(t, "metrics.txt", render(false, 80, func(w *Writer) { Metrics(w, sampleMetrics()) }))
	var doc bytes.Buffer
	require.NoError(t, JSON(&doc, sampleMetrics().Components[1]))
	golden(t, "metrics.json", doc.String())
	for _, width := range []int{40, 160} {
		text := render(false, width, func(w *Writer) { Metrics(w, sampleMetrics()) })
		for _, line := range strings.Split(text, "\n") {
			require.LessOrEqual(t, columns(line), width, line)
		}
	}
	coloured := render(true, 80, func(w *Writer) { Metrics(w, sampleMetrics()) })
	require.Contains(t, coloured, "\x1b[31mnow 93", "a problem")
}

func TestMetricsScreen(t *testing.T) {
	var b strings.Builder
	screen := NewMetricsScreen(func() *Writer { return NewWriter(&b, false, 80) },
		func() (int, int) { return 80, 10 })
	screen.Show(sampleMetrics())
	rows := terminal(t, b.String(), 80, 10)
	require.Contains(t, rows[0], "shop/production")
	require.Regexp(t, `^… \d+ more lines$`, rows[8])
	b.Reset()
	screen.Close()
	require.Contains(t, b.String(), "web/files")
}

func TestNumbersAndPeriods(t *testing.T) {
	for v, text := range map[float64]string{0: "0", 12: "12", 12.345: "12.35", 123.4: "123", 1.5e6: "1.5e+06"} {
		require.Equal(t, text, number(v))
	}
	for d, text := range map[time.Duration]string{
		time.Minute: "1m", 5 * time.Minute: "5m", time.Hour: "1h", 90 * time.Minute: "1h30m", 24 * time.Hour: "24h",
	} {
		require.Equal(t, text, short(d))
	}
	scale, unit := scaled("bytes", 3<<20)
	require.Equal(t, []any{float64(1 << 20), " MiB"}, []any{scale, unit})
	scale, unit = scaled("seconds", 0.2)
	require.Equal(t, []any{0.001, " ms"}, []any{scale, unit})
}

func TestTheNewestDeploymentsAreMarked(t *testing.T) {
	from := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	at := func(minutes, version int, result string) report.Moment {
		return report.Moment{
			Version: report.Version(version), Result: result, At: from.Add(time.Duration(minutes) * time.Minute),
		}
	}
	show := func(all ...report.Moment) string { return moments(all, from, from.Add(time.Hour), 30, 32) }
	require.Empty(t, show())
	require.Equal(t, "▲v1       ▲v2 failed", show(at(0, 1, "succeeded"), at(20, 2, "failed")))
	// In the same column, and in the next ones.
	require.Equal(t, "          ▲v2 failed", show(at(20, 1, "succeeded"), at(20, 2, "failed")))
	require.Equal(t, "          ▲v3", show(at(14, 1, "succeeded"), at(16, 2, "succeeded"), at(20, 3, "succeeded")))
	// At the edge, and outside.
	require.Equal(t, "▲v1                 v2 failed▲", show(at(0, 1, "succeeded"), at(59, 2, "failed")))
	require.Equal(t, "                             ▲v3", show(at(-1, 1, "succeeded"), at(59, 3, "succeeded")))
	require.Empty(t, show(at(61, 1, "succeeded")))
	require.Empty(t, moments([]report.Moment{at(30, 12, "failed")}, from, from.Add(time.Hour), 4, 4))
}
