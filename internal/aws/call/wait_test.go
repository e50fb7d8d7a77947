package call

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/resource"
)

// The time limit of an object does not cut off a call that AWS throttles.
func TestWaitLimitsPausesNotCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := Pace{First: time.Second, Longest: time.Second, Limit: 10 * time.Second}
		asked := 0
		err := Wait(t.Context(), pace, "x is there", func(ctx context.Context) (bool, error) {
			asked++
			time.Sleep(4 * time.Minute)
			return asked == 1, ctx.Err()
		})
		require.NoError(t, err)
		err = Wait(t.Context(), pace, "x is there", func(context.Context) (bool, error) { return false, nil })
		require.EqualError(t, err, "x is there: not within 10s")
	})
}

func TestWaitEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancelCause(t.Context())
		why := errors.New("signal")
		time.AfterFunc(5*time.Second, func() { end(why) })
		err := Wait(ctx, Slowly, "x is there", func(context.Context) (bool, error) { return false, nil })
		var wait *resource.WaitError
		require.ErrorAs(t, err, &wait)
		require.Equal(t, "x is there", wait.What)
		require.ErrorIs(t, err, why)
	})
}
