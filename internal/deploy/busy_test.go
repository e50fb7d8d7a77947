package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/repair"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/s3"
)

// S3 is too busy for the last write of a run. The run tries it for as long as the design says, with different pauses,
// while the heartbeat goes on. Then its work is in a file that becomes the state as soon as S3 accepts it.
func TestFinalWriteMeetsABusyS3(t *testing.T) {
	for name, recovers := range map[string]bool{"for good": false, "for four minutes": true} {
		t.Run(name, func(t *testing.T) {
			home, elsewhere := t.TempDir(), t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				const patience = 5 * time.Minute // what users have
				a := newAccount()
				p := a.start(home, 0, false)
				p.Backend = backend.New(p.World, s3.New(p.cfg, s3.Settings{Bucket: "states", PathStyle: true}),
					p.Locker, nil)
				u, held, payload := claimed(t, p)
				require.Len(t, held.State().Intents, 1)
				claimed := a.cloud.Objects("states", stateObject)[stateObject]

				begun := time.Now()
				var tries []time.Time
				p.unavailable = func(operation, target string) bool {
					if operation != "PutObject" || target != "states/"+stateObject ||
						recovers && time.Since(begun) > 4*time.Minute {
						return false
					}
					tries = append(tries, time.Now())
					return true
				}
				beats := map[string]bool{}
				watch := time.NewTicker(time.Second)
				defer watch.Stop()
				over, seen := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(seen)
					for {
						select {
						case <-watch.C:
							beats[fmt.Sprint(a.cloud.Item("locks", "stack:shop:env:dev")["rvn"])] = true
						case <-over:
							return
						}
					}
				}()
				err := u.save(held, payload, &engine.Result{State: engineState("web/a:a")}, nil, &Applied{}, true)
				took := time.Since(begun)
				close(over)
				<-seen

				require.Greater(t, len(tries), 30, "it is tried all the time")
				pauses, long := map[time.Duration]bool{}, 0
				for i := range tries[1:] {
					if pause := tries[i+1].Sub(tries[i]); pause >= 5*time.Second { // ours: the SDK's own are shorter
						pauses[pause] = true
						long++
					}
				}
				require.Greater(t, long, 10)
				require.Greater(t, len(pauses), long/2, "with jitter: not in step with all others that wait")
				require.GreaterOrEqual(t, len(beats), 8, "the heartbeat, each 30 s")
				record, lockErr := observe.Lock(t.Context(), p.Backend, shop)
				require.NoError(t, lockErr)
				require.Nil(t, record, "the lock is given back")
				files, globErr := filepath.Glob(filepath.Join(home, ".deployer", "rescue", "*.json"))
				require.NoError(t, globErr)
				if recovers {
					require.NoError(t, err)
					require.Less(t, took, patience)
					require.Empty(t, files)
					requireSaved(t, p, 1)
					return
				}
				require.GreaterOrEqual(t, took, patience-time.Minute/4, "not before its time")
				require.Less(t, took, patience+time.Minute)
				var found diag.List
				require.ErrorAs(t, err, &found)
				require.Equal(t, "State was not saved", found[len(found)-1].Summary)
				require.Equal(t, claimed, a.cloud.Objects("states", stateObject)[stateObject])
				require.Len(t, files, 1)
				require.Contains(t, found[len(found)-1].Next, "deployer state push --stack shop -e dev "+files[0])
				info, err := os.Stat(files[0])
				require.NoError(t, err)
				require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

				raw, err := os.ReadFile(files[0])
				require.NoError(t, err)
				next := a.start(elsewhere, 0, false)
				written, err := repair.Push(t.Context(), next.Backend, wish(), files[0], raw, false)
				require.NoError(t, err)
				require.Nil(t, written.Comparison, "nothing speaks against it")
				requireSaved(t, next, 1)
			})
		})
	}
}

// requireSaved: the state has what the run made, as that deployment, and nothing is unfinished.
func requireSaved(t *testing.T, p *process, deployment int) {
	t.Helper()
	stored, err := p.Get(t.Context(), shop)
	require.NoError(t, err)
	require.Equal(t, deployment, stored.Payload.Deployment)
	require.Equal(t, state.Destroyed, stored.Payload.Status)
	require.Empty(t, stored.Snapshot.Envelope.Intents)
	resources, err := engine.Resources(stored.Payload.Engine)
	require.NoError(t, err)
	require.Len(t, resources, 1)
	require.Equal(t, "web/a:a", resources[0].ID)
}
