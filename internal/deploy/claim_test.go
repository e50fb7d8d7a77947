package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/state"
)

// The claim holds the intents of older runs, and each change of the plan once, however often a plan repeats it.
func TestClaim(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	for n := range 3 { // each dies at the first call after its claim
		at := 4 // take, read, claim
		if n > 0 {
			at = 6 // the lock is refused first, and the former holder's state is claimed before the plan
		}
		p := a.start(home, at+1, false)
		_, err := p.run(t.Context(), first(t))
		require.NoError(t, err)
		home = afterDeath(t, home, true)
	}
	stored, err := a.start(home, 0, false).Get(t.Context(), shop)
	require.NoError(t, err)
	var got []string
	for _, i := range stored.Snapshot.Envelope.Intents {
		got = append(got, string(i.Action)+" "+i.Resource)
	}
	require.Equal(t, []string{"create web/a:a", "create web/b:b", "create web/c:c", "create web/d:d"}, got)
	require.Equal(t, state.InProgress, stored.Payload.Status)
	require.Zero(t, stored.Payload.Deployment)
	require.Len(t, unfinished(a.start(home, 0, false).Backend, stored), 1, "a plan says so")
}
