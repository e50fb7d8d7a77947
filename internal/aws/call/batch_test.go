package call

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBatch(t *testing.T) {
	var mu sync.Mutex
	var asked [][]int
	b := Batch[int, string]{Size: 3, Ask: func(_ context.Context, keys []int) (map[int]string, error) {
		mu.Lock()
		asked = append(asked, keys)
		mu.Unlock()
		out := map[int]string{}
		for _, key := range keys {
			switch {
			case key == 13:
				return nil, errors.New("13 is refused")
			case key < 10:
				out[key] = string(rune('a' + key))
			}
		}
		return out, nil
	}}
	all := func(keys ...int) (texts map[int]string, failed map[int]error) {
		texts, failed = map[int]string{}, map[int]error{}
		var wait sync.WaitGroup
		for _, key := range keys {
			wait.Go(func() {
				text, found, err := b.Get(t.Context(), key)
				mu.Lock()
				defer mu.Unlock()
				if found {
					texts[key] = text
				}
				if err != nil {
					failed[key] = err
				}
			})
		}
		wait.Wait()
		return texts, failed
	}
	texts, failed := all(0, 1, 2, 3, 4, 11, 4)
	require.Equal(t, map[int]string{0: "a", 1: "b", 2: "c", 3: "d", 4: "e"}, texts)
	require.Empty(t, failed)
	for _, keys := range asked {
		require.LessOrEqual(t, len(keys), 3)
	}
	texts, failed = all(0, 13)
	require.Equal(t, map[int]string{0: "a"}, texts, "what is refused does not hide the others")
	require.Len(t, failed, 1)
	require.ErrorContains(t, failed[13], "13 is refused")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := (&Batch[int, string]{Size: 2, Ask: func(ctx context.Context, _ []int) (map[int]string, error) {
		return nil, ctx.Err()
	}}).Get(ended, 1)
	require.ErrorIs(t, err, context.Canceled)
}
