package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// saveEvery is the shortest time between two saves of a running apply. The intents of the claim and the local journal
// cover the steps between two saves.
const saveEvery = 10 * time.Second

// saver writes the state during a run: always the newest, one write at a time, never one per step (step 9). A change
// waits for saveEvery at most, however long the next step takes.
type saver struct {
	ctx     context.Context // of the writes
	held    *session.Session
	clock   func() time.Time
	payload state.Payload // all but Engine stays the same during the run
	intents []state.Intent
	fail    func(error)

	mu     sync.Mutex
	latest func() ([]byte, error) // nil: nothing new
	last   time.Time              // when a save ended
	timer  *time.Timer            // of the next save; nil: none is planned or under way
	busy   sync.WaitGroup         // a save is planned or under way
	one    sync.Mutex             // held by the write under way
	ended  bool
	err    error // the first save that failed for good
}

// newSaver makes a saver that begins no save after soft has ended: the final save comes soon, and must not have to
// wait.
func newSaver(
	soft, ctx context.Context, held *session.Session, p state.Payload, intents []state.Intent, now func() time.Time,
	fail func(error),
) *saver {
	s := &saver{ctx: ctx, held: held, payload: p, intents: intents, clock: now, last: now(), fail: fail}
	context.AfterFunc(soft, s.end)
	return s
}

// dirty notes that there is something new to save.
func (s *saver) dirty(checkpoint func() ([]byte, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = checkpoint
	s.plan()
}

// plan makes sure that the newest state gets saved.
func (s *saver) plan() {
	if s.latest == nil || s.timer != nil || s.ended || s.err != nil {
		return
	}
	s.busy.Add(1)
	s.timer = time.AfterFunc(saveEvery-s.clock().Sub(s.last), s.save)
}

func (s *saver) save() {
	defer s.busy.Done()
	s.mu.Lock()
	checkpoint := s.latest
	s.latest = nil
	s.mu.Unlock()
	err := s.write(checkpoint)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer, s.last, s.err = nil, s.clock(), err
	if err != nil {
		s.fail(err) // fenced out, or the backend is gone for minutes: start nothing new
	}
	s.plan()
}

// now saves at once, and returns when that is done.
func (s *saver) now(checkpoint func() ([]byte, error)) error {
	err := s.write(checkpoint)
	if err != nil {
		s.mu.Lock()
		s.err = errors.Join(s.err, err)
		s.mu.Unlock()
		s.fail(err)
	}
	return err
}

func (s *saver) write(checkpoint func() ([]byte, error)) error {
	s.one.Lock()
	defer s.one.Unlock()
	raw, err := checkpoint()
	if err != nil {
		return err
	}
	p := s.payload
	p.Engine = json.RawMessage(raw)
	return s.held.Write(s.ctx, &p, s.intents)
}

// stop waits for a save under way and returns why saving failed, if it did. Nothing is saved afterwards.
func (s *saver) stop() error {
	s.end()
	s.busy.Wait()
	return s.err
}

// end drops what was planned.
func (s *saver) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil && s.timer.Stop() {
		s.timer = nil
		s.busy.Done()
	}
}
