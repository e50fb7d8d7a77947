package follow

import (
	"context"
	"errors"
	"time"
)

// How far behind the newest event a log is read again: usually, and every few looks.
const (
	Overlap = 15 * time.Second
	Wide    = 5 * time.Minute
	every   = 15
)

// Follower reads what is added to a log. Logs deliver late and not in the order of time, so each look reads a part
// again, and what was seen before is left out.
type Follower struct {
	read    Read
	query   Query
	seen    *Seen
	newest  time.Time
	looks   int
	streams []string
}

// NewFollower follows a log from query.From on.
func NewFollower(read Read, query Query, seen *Seen) *Follower {
	seen.Forget(query.From)
	return &Follower{read: read, query: query, seen: seen, newest: query.From}
}

// Begin makes the follower start at a time: what is older is not new.
func (f *Follower) Begin(at time.Time) {
	f.seen.Forget(at)
	if f.newest.Before(at) {
		f.newest = at
	}
}

// Note remembers an event that was read elsewhere, and reports whether it is new.
func (f *Follower) Note(e Event, now time.Time) bool {
	// The clock of a writer may be ahead. What others write until then is not older than it should be.
	if e.At.After(f.newest) && !e.At.After(now) {
		f.newest = e.At
	}
	return f.seen.Add(e)
}

// Streams says which streams are written to at present. Most looks read only those: a look at all streams of a group
// takes long when there are many old ones. Nil: not known.
func (f *Follower) Streams(names []string) { f.streams = names }

// Thoroughly makes the next look one of those that read a long part again.
func (f *Follower) Thoroughly() { f.looks = 0 }

// mostStreams is how many streams a query can name.
const mostStreams = 100

// Look returns the events that are new, in the order of time. With an error it returns those that came before it.
func (f *Follower) Look(ctx context.Context, now time.Time) ([]Event, error) {
	back := Overlap
	if f.looks%every == 0 {
		back = Wide
	}
	q := f.query
	if n := len(f.streams); back == Overlap && n > 0 && n <= mostStreams {
		q.Streams = f.streams
	}
	f.looks++
	out, err := f.look(ctx, q, back, now)
	if errors.Is(err, ErrNoStream) && q.Streams != nil {
		// A task that is starting has no stream yet.
		q.Streams = nil
		var more []Event
		more, err = f.look(ctx, q, back, now)
		out = append(out, more...)
	}
	f.seen.Forget(f.newest.Add(-Wide - Overlap))
	Sort(out)
	return out, err
}

func (f *Follower) look(ctx context.Context, q Query, back time.Duration, now time.Time) ([]Event, error) {
	if q.From = f.newest.Add(-back); q.From.Before(f.seen.Floor()) {
		q.From = f.seen.Floor()
	}
	var out []Event
	err := pages(ctx, f.read, q, func(events []Event) bool {
		for _, e := range events {
			if f.Note(e, now) {
				out = append(out, e)
			}
		}
		return true
	})
	return out, err
}
