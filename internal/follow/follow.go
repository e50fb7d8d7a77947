// Package follow reads logs that others keep: the newest lines, several logs merged by time, and what is added later.
//
// In: a function that reads a page of a log. Out: its events, each once. It loses and repeats nothing as long as an
// event arrives at most Wide after its own time. It must not know whose log it reads, wait, or show anything.
package follow

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Event is one entry of a log.
type Event struct {
	Group, Stream, ID string
	At                time.Time // as the writer says
	Ingested          time.Time // when the log got it; the zero time: not known
	Text              string
}

// Query is what is read of a log. It is one log group; of its streams those in Streams, or else those that begin with
// Prefix.
type Query struct {
	Group    string
	Prefix   string
	Streams  []string
	From, To time.Time // both included; the zero To: no end
	Pattern  string    // of the log's own filter; "": everything
	Newest   bool      // the newest events first
}

// Page is one answer. It may be empty although there are more.
type Page struct {
	Events []Event
	Next   string // "": the last page
}

// Read reads the page of a query that a token names; "": the first one.
type Read func(ctx context.Context, q Query, token string) (Page, error)

// Live calls show with what is written to log groups, given by their ARNs, until the context ends. sampled: lines are
// left out.
type Live func(
	ctx context.Context, groups []string, pattern string, show func(events []Event, sampled bool) error,
) error

// Source is how logs are read.
type Source struct {
	Read Read
	Live Live
}

// ErrNoStream is wrapped by errors of a Read about a stream of Query.Streams that does not exist.
var ErrNoStream = errors.New("there is no such log stream")

// Sort puts events in the order of time. Events of the same time stay in the order in which the log got them.
func Sort(events []Event) {
	slices.SortStableFunc(events, func(a, b Event) int {
		return cmp.Or(a.At.Compare(b.At), a.Ingested.Compare(b.Ingested))
	})
}

// pages calls take with each page of a query, until take returns false.
func pages(ctx context.Context, read Read, q Query, take func([]Event) bool) error {
	for token := ""; ; {
		page, err := read(ctx, q, token)
		if err != nil {
			return err
		}
		if !take(page.Events) || page.Next == "" || page.Next == token {
			return nil
		}
		token = page.Next
	}
}

// Last returns the newest n events that keep accepts, in the order of time. seen is called with each event that was
// read.
func Last(ctx context.Context, read Read, q Query, n int, keep func(Event) bool, seen func(Event)) ([]Event, error) {
	q.Newest = true
	var out []Event
	got := map[key]bool{} // a page may repeat events of the page before it
	err := pages(ctx, read, q, func(events []Event) bool {
		for _, e := range events {
			seen(e)
			if k := keyOf(e); keep(e) && !got[k] {
				got[k] = true
				out = append(out, e)
			}
		}
		return len(out) < n
	})
	slices.Reverse(out) // events of the same time, too
	Sort(out)
	return out[max(len(out)-n, 0):], err
}

// Log is one of the logs that Merge reads.
type Log struct {
	Read  Read
	Query Query
}

// Merge reads several logs side by side from their beginning, and calls show for each event in the order of time. It
// holds a page of each log, not all of it. An event that the log delivers later than a newer one is shown where it
// arrives, and one that it delivers twice is shown once.
func Merge(ctx context.Context, logs []Log, show func(log int, e Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		events []Event
		err    error
	}
	waiting := make([][]Event, len(logs))
	answers := make([]chan answer, len(logs))
	for i, l := range logs {
		c := make(chan answer, 1)
		answers[i] = c
		go func() {
			defer close(c)
			send := func(a answer) bool {
				select {
				case c <- a:
					return true
				case <-ctx.Done():
					return false
				}
			}
			once := NewSeen(0)
			err := pages(ctx, l.Read, l.Query, func(events []Event) bool {
				fresh := make([]Event, 0, len(events))
				for _, e := range events {
					if once.Add(e) {
						fresh = append(fresh, e)
					}
				}
				Sort(fresh)
				if len(fresh) > 0 {
					once.Forget(fresh[len(fresh)-1].At.Add(-Wide))
				}
				return len(fresh) == 0 || send(answer{events: fresh})
			})
			if err != nil {
				send(answer{err: err})
			}
		}()
	}
	for {
		first := -1
		for i, c := range answers {
			if len(waiting[i]) == 0 && c != nil {
				a, more := <-c
				if a.err != nil {
					return a.err
				}
				if waiting[i] = a.events; !more {
					answers[i] = nil
				}
			}
			if len(waiting[i]) > 0 && (first < 0 || waiting[i][0].At.Before(waiting[first][0].At)) {
				first = i
			}
		}
		if first < 0 {
			return ctx.Err()
		}
		if err := show(first, waiting[first][0]); err != nil {
			return err
		}
		waiting[first] = waiting[first][1:]
	}
}
