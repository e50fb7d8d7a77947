package call

import (
	"context"
	"sync"
	"time"
)

// Batch combines simultaneous questions about single objects into calls about many. It is for reads only. Ask answers
// for some of the keys: a key that is not in its map does not exist. If Ask fails for several keys, it is called again
// for each key alone, so that one object that is gone or may not be read does not hide the others.
type Batch[K comparable, V any] struct {
	Size int // the most keys of a call
	Ask  func(ctx context.Context, keys []K) (map[K]V, error)

	mu   sync.Mutex
	open *round[K, V]
}

// ByID is a Batch of objects with ids. ask makes one call; with pages, it reads all pages.
func ByID[T any](size int, ask func(context.Context, []string) ([]T, error), id func(T) *string) *Batch[string, T] {
	return &Batch[string, T]{Size: size, Ask: func(ctx context.Context, ids []string) (map[string]T, error) {
		list, err := ask(ctx, ids)
		if err != nil {
			return nil, err
		}
		found := make(map[string]T, len(list))
		for _, item := range list {
			if id := id(item); id != nil {
				found[*id] = item
			}
		}
		return found, nil
	}}
}

// gathering is how long the first question waits for others.
const gathering = 4 * time.Millisecond

// round is one call to be made or already made.
type round[K comparable, V any] struct {
	keys  map[K]bool
	full  chan struct{}
	done  chan struct{}
	found map[K]V
	err   error
}

// Get returns the object of a key; found is false if there is none.
func (b *Batch[K, V]) Get(ctx context.Context, key K) (v V, found bool, err error) {
	r, first := b.join(key)
	if first {
		b.gather(ctx, r)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return v, false, context.Cause(ctx)
	}
	if r.err != nil && len(r.keys) > 1 {
		alone, err := b.Ask(ctx, []K{key})
		v, found = alone[key]
		return v, found, err
	}
	v, found = r.found[key]
	return v, found, r.err
}

// join adds a key to the open round, or opens a new round.
func (b *Batch[K, V]) join(key K) (r *round[K, V], first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, first = b.open, b.open == nil; first {
		r = &round[K, V]{keys: map[K]bool{}, full: make(chan struct{}), done: make(chan struct{})}
		b.open = r
	}
	r.keys[key] = true
	if len(r.keys) == b.Size {
		b.open = nil
		close(r.full)
	}
	return r, first
}

// gather waits for other questions, then makes the call.
func (b *Batch[K, V]) gather(ctx context.Context, r *round[K, V]) {
	timer := time.NewTimer(gathering)
	defer timer.Stop()
	select {
	case <-r.full:
	case <-timer.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	if b.open == r {
		b.open = nil
	}
	keys := make([]K, 0, len(r.keys))
	for key := range r.keys {
		keys = append(keys, key)
	}
	b.mu.Unlock()
	r.found, r.err = b.Ask(ctx, keys)
	close(r.done)
}
