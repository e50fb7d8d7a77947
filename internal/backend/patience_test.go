package backend

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hard, second := context.WithCancel(t.Context())
		soft, first := context.WithCancelCause(t.Context())
		b := New(World{Hard: hard}, nil, nil, nil)
		calls, saving := b.Patience(soft, AbortAfter), b.Patience(context.WithoutCancel(soft), 0)
		hurry := b.Hurry(soft)
		rest, cancel := Ending(hurry)
		defer cancel()
		why := errors.New("ctrl-c")
		first(why)
		time.Sleep(AbortAfter - time.Millisecond)
		require.NoError(t, calls.Err())
		time.Sleep(2 * time.Millisecond)
		require.ErrorIs(t, context.Cause(calls), why)
		time.Sleep(hurried - AbortAfter - 2*time.Millisecond)
		require.NoError(t, rest.Err())
		time.Sleep(2 * time.Millisecond)
		require.Error(t, rest.Err())
		late, cancelLate := Ending(hurry) // begun when time is up: what is to be said is said
		defer cancelLate()
		time.Sleep(lastWord - time.Millisecond)
		require.NoError(t, late.Err())
		time.Sleep(2 * time.Millisecond)
		require.Error(t, late.Err())
		time.Sleep(time.Hour)
		require.NoError(t, saving.Err())
		second()
		time.Sleep(releaseTime - time.Millisecond)
		require.NoError(t, saving.Err())
		time.Sleep(2 * time.Millisecond)
		require.Error(t, saving.Err())
	})
}
