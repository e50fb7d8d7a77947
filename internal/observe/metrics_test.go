package observe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpanOfMetrics(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 3, 4, 0, time.UTC)
	for _, c := range []struct{ since, given, period time.Duration }{
		{time.Hour, 0, time.Minute},
		{3 * time.Hour, 0, 5 * time.Minute},
		{24 * time.Hour, 0, time.Hour},
		{30 * 24 * time.Hour, 0, 24 * time.Hour},
		{455 * 24 * time.Hour, 0, 24 * time.Hour},
		{3 * time.Hour, time.Minute, time.Minute},
	} {
		span := SpanOf(now, c.since, c.given)
		require.Equal(t, c.period, span.Period, c.since)
		require.Equal(t, c.since, span.To.Sub(span.From))
		require.Zero(t, span.To.Unix()%int64(c.period.Seconds()), "CloudWatch answers whole periods")
		require.True(t, span.To.After(now))
	}
}
