package deploy

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/resource"
)

// The process sleeps for longer than a lock stays valid without a heartbeat, at each point after which a run must ask
// the guard before it goes on.
func TestNothingIsBegunAfterTheLastHeartbeat(t *testing.T) {
	sleep := func(p *process) { p.pass(2 * time.Minute) }
	for when, at := range map[string]func(*process, *Request){
		"before the claim": func(p *process, r *Request) {
			r.Approve = approving(func() { sleep(p) })
		},
		"during the claim": func(p *process, _ *Request) {
			p.refuse = func(operation, target string) bool {
				if operation == "PutObject" && strings.HasSuffix(target, "state.json") {
					p.refuse = nil
					sleep(p)
				}
				return false
			}
		},
	} {
		t.Run(when, func(t *testing.T) {
			a := newAccount()
			p := a.start(t.TempDir(), 0, false)
			_, err := p.run(t.Context(), first(t), func(r *Request) { at(p, r) })
			require.ErrorContains(t, err, "no heartbeat arrived")
			require.Empty(t, a.inventory())
			stored, err := a.start(t.TempDir(), 0, false).Get(t.Context(), shop)
			require.NoError(t, err)
			require.Equal(t, when == "before the claim", stored == nil, "the state says whether it was claimed")
			_, err = a.start(t.TempDir(), 0, false).run(t.Context(), first(t))
			require.NoError(t, err, "the next run takes it up")
		})
	}
}

// Calls that change something ask the lock's guard themselves: a step may wait for long between its begin and its
// calls.
func TestCallsAskTheGuard(t *testing.T) {
	a := newAccount()
	p := a.start(t.TempDir(), 0, false)
	var configs []sdk.Config
	p.World.Types = func(cfg sdk.Config) *resource.Catalog {
		configs = append(configs, cfg)
		return p.catalog()
	}
	_, err := p.run(t.Context(), first(t))
	require.NoError(t, err)
	require.Len(t, configs, 2, "for the plan, and for the steps")
	for i, guarded := range []bool{false, true} {
		stack := middleware.NewStack("any call", smithyhttp.NewStackRequest)
		require.NoError(t, stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Signing", nil), middleware.After))
		for _, option := range configs[i].APIOptions {
			require.NoError(t, option(stack))
		}
		_, found := stack.Finalize.Get("LockGuard")
		require.Equal(t, guarded, found, "client %d", i)
	}
}
