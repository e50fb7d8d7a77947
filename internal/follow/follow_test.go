package follow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fake is a log that delivers late, twice, out of order, in small pages, and with empty pages between them.
type fake struct {
	now    time.Time
	events []Event // At, and Ingested: from when on it can be read
	page   int
	absent string // a stream that does not exist
	asked  []Query
	fit    []Event // the answer to the last query
}

func (l *fake) read(_ context.Context, q Query, token string) (Page, error) {
	if slices.Contains(q.Streams, l.absent) && l.absent != "" {
		return Page{}, fmt.Errorf("read: %w", ErrNoStream)
	}
	if token == "" {
		l.asked = append(l.asked, q)
		l.fit = l.fitting(q)
	}
	fit := l.fit
	n, _ := strconv.Atoi(token)
	if n%2 == 1 { // an empty page
		return Page{Next: strconv.Itoa(n + 1)}, nil
	}
	from := min(n/2*l.page, len(fit))
	to := min(from+l.page, len(fit))
	// what was at the end of the page before comes again
	out := Page{Events: slices.Clone(fit[max(from-1, 0):to])}
	if !q.Newest {
		rand.Shuffle(len(out.Events), func(i, j int) { out.Events[i], out.Events[j] = out.Events[j], out.Events[i] })
	}
	if to < len(fit) {
		out.Next = strconv.Itoa(n + 1)
	}
	return out, nil
}

func (l *fake) fitting(q Query) []Event {
	var fit []Event
	for _, e := range l.events {
		if e.At.Before(q.From) || !q.To.IsZero() && e.At.After(q.To) || e.Ingested.After(l.now) ||
			len(q.Streams) > 0 && !slices.Contains(q.Streams, e.Stream) {
			continue
		}
		fit = append(fit, e)
	}
	Sort(fit)
	if q.Newest {
		slices.Reverse(fit)
	}
	return fit
}

func (l *fake) write(id int, at time.Time, late time.Duration) {
	l.events = append(l.events, Event{
		Group: "g", Stream: "s/" + strconv.Itoa(id%7), ID: strconv.Itoa(id), At: at, Ingested: at.Add(late),
	})
}

// pace is how often the tests look.
const pace = 2 * time.Second

// Whatever is written, and however late up to the limit: each event is shown once.
func TestFollowingLosesAndRepeatsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := &fake{now: start, page: rapid.IntRange(1, 50).Draw(t, "page")}
		f := NewFollower(log.read, Query{Group: "g", From: start}, NewSeen(0))
		if rapid.Bool().Draw(t, "absent") {
			log.absent = "s/8"
		}
		f.Streams([]string{"s/0", "s/1", "s/2", "s/8"}) // a task that runs since, and one too new, are not among them
		n := rapid.IntRange(0, 200).Draw(t, "events")
		for i := range n {
			at := start.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "at")) * time.Second)
			late := time.Duration(rapid.IntRange(0, int((Wide-every*pace)/time.Second)).Draw(t, "late")) * time.Second
			log.write(i, at, late)
		}
		times := map[string]int{}
		for end := start.Add(15 * time.Minute); log.now.Before(end); log.now = log.now.Add(pace) {
			got, err := f.Look(context.Background(), log.now)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.IsSortedFunc(got, func(a, b Event) int { return a.At.Compare(b.At) }) {
				t.Fatal("not in the order of time")
			}
			for _, e := range got {
				times[e.ID]++
			}
		}
		for i := range n {
			if got := times[strconv.Itoa(i)]; got != 1 {
				t.Fatalf("event %d was shown %d times", i, got)
			}
		}
	})
}

// 100,000 lines, a tenth of them late and all of them read again and again.
func TestHundredThousandLines(t *testing.T) {
	const lines, perSecond = 100_000, 500
	r := rand.New(rand.NewPCG(1, 2))
	log := &fake{now: start, page: 10_000}
	f := NewFollower(log.read, Query{Group: "g", From: start}, NewSeen(0))
	times, written, most := map[string]int{}, 0, 0
	for i := 0; i < lines/perSecond+int(Wide/time.Second); i++ {
		for range perSecond {
			if written < lines {
				late := time.Duration(0)
				if r.IntN(10) == 0 {
					late = time.Duration(r.IntN(250)) * time.Second
				}
				log.write(written, start.Add(time.Duration(i)*time.Second), late)
				written++
			}
		}
		if log.now = start.Add(time.Duration(i) * time.Second); i%4 != 0 {
			continue
		}
		got, err := f.Look(t.Context(), log.now)
		require.NoError(t, err)
		for _, e := range got {
			times[e.ID]++
		}
		most = max(most, f.seen.Len())
	}
	lost, repeated := lines-len(times), 0
	for _, n := range times {
		repeated += n - 1
	}
	t.Logf("%d lines: lost %d, repeated %d; at most %d remembered", lines, lost, repeated, most)
	require.Zero(t, lost)
	require.Zero(t, repeated)
}

func TestMemoryIsBounded(t *testing.T) {
	s := NewSeen(1000)
	for i := range 100_000 {
		e := Event{ID: strconv.Itoa(i), At: start.Add(time.Duration(i) * 10 * time.Millisecond)}
		require.True(t, s.Add(e))
		require.False(t, s.Add(e))
		require.LessOrEqual(t, s.Len(), 1000)
	}
	require.False(t, s.Add(Event{ID: "5", At: start.Add(50 * time.Millisecond)}), "forgotten is not new")
	log := &fake{now: start.Add(time.Hour), page: 10}
	f := NewFollower(log.read, Query{From: start}, s)
	_, err := f.Look(t.Context(), log.now)
	require.NoError(t, err)
	require.False(t, log.asked[0].From.Before(s.Floor()), "what is forgotten is not read again")
}

// An event from the future must not make the follower pass over the present.
func TestClockAhead(t *testing.T) {
	log := &fake{now: start, page: 10}
	f := NewFollower(log.read, Query{Group: "g", From: start}, NewSeen(0))
	log.write(0, start.Add(time.Hour), -time.Hour)
	got, err := f.Look(t.Context(), log.now)
	require.NoError(t, err)
	require.Len(t, got, 1)
	log.write(1, start.Add(time.Second), 0)
	log.now = start.Add(2 * time.Second)
	got, err = f.Look(t.Context(), log.now)
	require.NoError(t, err)
	require.Len(t, got, 1)
}

func TestLast(t *testing.T) {
	log := &fake{now: start.Add(time.Hour), page: 10}
	for i := range 100 {
		log.write(i, start.Add(time.Duration(i)*time.Second), 0)
	}
	seen := 0
	third := func(e Event) bool { return e.ID[len(e.ID)-1] == '3' }
	got, err := Last(t.Context(), log.read, Query{Group: "g"}, 5, third, func(Event) { seen++ })
	require.NoError(t, err)
	var ids []string
	for _, e := range got {
		ids = append(ids, e.ID)
	}
	require.Equal(t, []string{"53", "63", "73", "83", "93"}, ids)
	require.Less(t, seen, 70, "no more than needed is read")
	got, err = Last(t.Context(), log.read, Query{Group: "g"}, 0, func(Event) bool { return true }, func(Event) {})
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var logs []Log
		n := 0
		for i := range rapid.IntRange(0, 4).Draw(t, "logs") {
			log := &fake{now: start.Add(time.Hour), page: rapid.IntRange(1, 20).Draw(t, "page")}
			for range rapid.IntRange(0, 60).Draw(t, "events") {
				log.write(n, start.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "at"))*time.Second), 0)
				n++
			}
			for j := range log.events {
				log.events[j].Group = strconv.Itoa(i)
			}
			logs = append(logs, Log{log.read, Query{From: start}})
		}
		ids := map[string]bool{}
		var last time.Time
		err := Merge(context.Background(), logs, func(i int, e Event) error {
			if e.Group != strconv.Itoa(i) || ids[e.ID] || e.At.Before(last) {
				t.Fatalf("%v: of another log, twice, or not in the order of time", e)
			}
			ids[e.ID], last = true, e.At
			return nil
		})
		if err != nil || len(ids) != n {
			t.Fatalf("%d of %d events: %v", len(ids), n, err)
		}
	})
}

func TestErrorsEndReading(t *testing.T) {
	broken := errors.New("broken")
	read := func(context.Context, Query, string) (Page, error) { return Page{}, broken }
	require.ErrorIs(t, Merge(t.Context(), []Log{{Read: read}}, nil), broken)
	_, err := NewFollower(read, Query{}, NewSeen(0)).Look(t.Context(), start)
	require.ErrorIs(t, err, broken)
	full := errors.New("full")
	log := &fake{now: start, page: 10}
	log.write(1, start, 0)
	require.ErrorIs(t, Merge(t.Context(), []Log{{Read: log.read, Query: Query{From: start}}},
		func(int, Event) error { return full }), full)
}
