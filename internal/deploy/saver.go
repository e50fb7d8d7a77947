package deploy

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// saveEvery is the shortest time between two saves of a running apply. Steps between two saves are covered by the intents of the claim
// and by the local journal.
const saveEvery = 10 * time.Second

// saver writes the state while a run goes on: the newest one, never two at once, never one per step (step 9).
type saver struct {
	held    *session.Session
	now     func() time.Time
	payload state.Payload // all but Engine stays the same during the run
	intents []state.Intent

	mu     sync.Mutex
	latest func() ([]byte, error)
	last   time.Time
	busy   sync.WaitGroup
	active bool
	err    error // the first save that failed for good
	fail   func(error)
}

func newSaver(held *session.Session, p state.Payload, intents []state.Intent, now func() time.Time, fail func(error)) *saver {
	return &saver{held: held, payload: p, intents: intents, now: now, last: now(), fail: fail}
}

// dirty is told that there is something new to save.
func (s *saver) dirty(checkpoint func() ([]byte, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = checkpoint
	if s.active || s.err != nil || s.now().Sub(s.last) < saveEvery {
		return
	}
	s.active = true
	s.busy.Go(s.save)
}

func (s *saver) save() {
	s.mu.Lock()
	checkpoint := s.latest
	s.latest = nil
	s.mu.Unlock()
	err := s.write(checkpoint)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, s.last = false, s.now()
	if err != nil {
		s.err = err
		s.fail(err) // fenced out, or the backend is gone for minutes: start nothing new
	}
}

func (s *saver) write(checkpoint func() ([]byte, error)) error {
	raw, err := checkpoint()
	if err != nil {
		return err
	}
	p := s.payload
	p.Engine = json.RawMessage(raw)
	return s.held.Write(context.WithoutCancel(s.held.Lock().Context()), &p, s.intents)
}

// stop waits for a save in flight and returns why saving failed, if it did.
func (s *saver) stop() error {
	s.busy.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
