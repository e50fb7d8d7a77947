package operate

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/resource"
)

func TestMain(m *testing.M) {
	call.Scale = 0.001
	os.Exit(m.Run())
}

// A log that is not there at first, then delivers each line late, some of them twice, and some after newer ones; the
// last ones come after the end of the task.
func TestALogIsShownOnceAndToItsEnd(t *testing.T) {
	start := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	const lines = 400
	stream := task.Stream{Group: "/g", Name: "api/api/1f3a"}
	look, ended := 0, make(chan struct{})
	now := func() time.Time { return start.Add(time.Duration(look) * time.Second) }
	read := func(_ context.Context, q follow.Query, token string) (follow.Page, error) {
		if token == "" {
			look++
		}
		switch {
		case look == 1:
			return follow.Page{}, resource.ErrNotFound
		case look == 2:
			return follow.Page{}, fmt.Errorf("the API says: %w", follow.ErrNoStream)
		}
		if look == 65 { // not when a wide look is due anyway
			close(ended)
		}
		require.True(t, q.Prefix == stream.Name || slices.Equal(q.Streams, []string{stream.Name}))
		var page follow.Page
		for i := range lines {
			// Ten lines of a second; every seventh comes only after the end of the task.
			at, arrives := start.Add(time.Duration(i)*100*time.Millisecond), 3+i/10
			if i%7 == 0 {
				arrives = 66
			}
			if look < arrives || at.Before(q.From) {
				continue
			}
			e := follow.Event{Stream: stream.Name, ID: fmt.Sprint(i), At: at, Text: fmt.Sprint("line ", i)}
			page.Events = append(page.Events, e, e)
		}
		return page, nil
	}
	shown := map[string]int{}
	require.NoError(t, tail(t.Context(), read, stream, now, ended, func(e follow.Event) { shown[e.Text]++ }))
	require.Len(t, shown, lines)
	for text, times := range shown {
		require.Equal(t, 1, times, text)
	}
}

// Nobody waits for the log of a container that has none.
func TestAContainerWithoutALog(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	require.NoError(t, tail(t.Context(), nil, task.Stream{}, time.Now, ended, nil))
}
