package follow

import (
	"hash/fnv"
	"time"
)

// Most is how many events a Seen remembers if nothing else is said.
const Most = 500_000

type key [16]byte

// keyOf identifies an event within all logs.
func keyOf(e Event) key {
	h := fnv.New128a()
	for _, part := range []string{e.Group, e.Stream, e.ID} {
		_, _ = h.Write([]byte(part)) // never fails
		_, _ = h.Write([]byte{0})
	}
	if e.ID == "" { // live tail sends events without ids
		_, _ = h.Write([]byte(e.At.String() + "\x00" + e.Text))
	}
	return key(h.Sum(nil))
}

// Seen remembers events. Its memory is bounded: beyond a number of events it forgets the oldest ones, and from then on
// refuses everything as old as those, because it can no longer tell what is new.
type Seen struct {
	most, count int
	floor       time.Time
	seconds     map[int64]map[key]struct{} // by the time of the events
}

// NewSeen returns a Seen that remembers at most that many events; 0: Most.
func NewSeen(most int) *Seen {
	if most <= 0 {
		most = Most
	}
	return &Seen{most: most, seconds: map[int64]map[key]struct{}{}}
}

// Add remembers an event, and reports whether it is new.
func (s *Seen) Add(e Event) bool {
	if e.At.Before(s.floor) {
		return false
	}
	second, k := e.At.Unix(), keyOf(e)
	some := s.seconds[second]
	if _, known := some[k]; known {
		return false
	}
	if some == nil {
		some = map[key]struct{}{}
		s.seconds[second] = some
	}
	some[k] = struct{}{}
	s.count++
	for s.count > s.most && len(s.seconds) > 1 {
		oldest := second
		for at := range s.seconds {
			oldest = min(oldest, at)
		}
		s.Forget(time.Unix(oldest+1, 0))
	}
	return true
}

// Forget drops the events before a time, and refuses those from now on.
func (s *Seen) Forget(before time.Time) {
	if !before.After(s.floor) {
		return
	}
	s.floor = before
	for second, some := range s.seconds {
		if second < before.Unix() {
			s.count -= len(some)
			delete(s.seconds, second)
		}
	}
}

// Floor is the time before which everything is refused.
func (s *Seen) Floor() time.Time { return s.floor }

// Len is how many events are remembered.
func (s *Seen) Len() int { return s.count }
