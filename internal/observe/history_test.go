package observe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/report"
)

// The entry of v3 took the second after that of v4. v7 of an earlier life of the stack stays where it is.
func TestHistoryIsInTheOrderOfVersions(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	entry := func(version report.Version, seconds int) report.Deployment {
		return report.Deployment{Version: version, At: at.Add(time.Duration(seconds) * time.Second)}
	}
	list := []report.Deployment{
		entry(5, 9), entry(3, 5), entry(4, 4), {Problem: "damaged"}, entry(1, 0), entry(7, -3600),
	}
	byVersion(list)
	var got []report.Version
	for _, d := range list {
		got = append(got, d.Version)
	}
	require.Equal(t, []report.Version{5, 4, 3, 0, 1, 7}, got)
}
