package component

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWindows(t *testing.T) {
	require.Empty(t, DailyWindow("", 60))
	require.Empty(t, DailyWindow("03:00-04:00", 60))
	require.Empty(t, DailyWindow("23:30-00:30", 60))
	require.Equal(t, "lasts 30 minutes, and AWS wants 60 at least", DailyWindow("03:00-03:30", 60))
	for _, free := range [][2]string{
		{"sun:04:00-sun:05:00", "03:00-04:00"},
		{"sun:04:00-sun:05:00", "05:00-06:00"},
		{"sun:04:00-sun:05:00", ""},
		{"", "03:00-04:00"},
		{"sun:23:30-mon:00:30", "00:30-01:30"},
		{"sun:23:30-mon:00:30", "22:30-23:30"},
	} {
		require.Empty(t, WeeklyWindow(free[0], free[1], "backupWindow", 60), free)
	}
	for _, overlap := range [][2]string{
		{"sun:04:00-sun:05:00", "04:30-05:30"},
		{"sun:04:00-sun:05:00", "03:30-04:30"},
		{"sun:04:00-sun:05:00", "04:00-05:00"},
		{"sun:23:30-mon:00:30", "00:00-01:00"},
		{"mon:00:00-mon:01:00", "23:30-00:30"},
		{"sun:04:00-sun:07:00", "05:00-05:30"},
	} {
		require.Contains(t, WeeklyWindow(overlap[0], overlap[1], "backupWindow", 60), "overlaps backupWindow", overlap)
	}
	require.Contains(t, WeeklyWindow("sun:04:00-sun:04:20", "", "", 30), "lasts 20 minutes")
}
