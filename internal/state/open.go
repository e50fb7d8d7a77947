package state

import (
	"context"
	"sync"
)

// Open makes a Snapshot out of what a Store read at where.
func Open(raw []byte, version Version, where string) (*Snapshot, error) {
	e, err := Decode(raw, where)
	if err != nil {
		return nil, At(err, version)
	}
	return &Snapshot{Envelope: e, Version: version, Raw: raw}, nil
}

// historyReaders is how many history objects ReadHistory asks for at a time.
const historyReaders = 16

// Past is one entry of a history with its content; Err is set instead of Snapshot where it could not be read.
type Past struct {
	HistoryEntry
	Snapshot *Snapshot
	Err      error
}

// ReadHistory returns the newest limit states of the history with their content, newest first; all with limit 0.
func ReadHistory(ctx context.Context, s Store, limit int) ([]Past, error) {
	entries, err := s.ListHistory(ctx)
	if err != nil {
		return nil, err
	}
	if limit > 0 && len(entries) > limit {
		entries = entries[:limit]
	}
	out := make([]Past, len(entries))
	slots := make(chan struct{}, historyReaders)
	var all sync.WaitGroup
	for i, entry := range entries {
		out[i].HistoryEntry = entry
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			out[i].Snapshot, out[i].Err = s.GetHistory(ctx, entry.Name)
		})
	}
	all.Wait()
	return out, ctx.Err()
}
