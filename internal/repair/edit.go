package repair

import (
	"context"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// edited is a state that is edited in place, under the lock.
type edited struct {
	recovery.Base // with what the journal of an interrupted run adds
	back          *backend.Backend
	req           backend.Request
	held          *session.Session
}

// openEdited takes the lock and reads the state that is to be edited. It is an error when there is none.
func openEdited(ctx context.Context, b *backend.Backend, req backend.Request) (*edited, error) {
	held, err := b.Hold(ctx, req, b.Caller(ctx), "")
	if err != nil {
		return nil, err
	}
	stored, err := state.Load(req.Key, held.State())
	if err == nil && stored == nil {
		err = b.Nothing(ctx, req.Key)
	}
	if err != nil {
		return nil, backend.Closing(held, b.Healing(ctx, req.Key, err))
	}
	return &edited{Base: recovery.From(stored, held.Lineage(), b.Journal(stored)), back: b, req: req, held: held}, nil
}

// write replaces the session's state by the edited one, and ends the session.
func (u *edited) write(ctx context.Context, next *state.Payload, intents []state.Intent) (*Written, error) {
	if err := u.held.Write(u.held.Lock().Context(), next, intents); err != nil {
		return &Written{}, backend.Closing(u.held, moved(err))
	}
	written := &Written{Serial: u.held.Serial(), Version: report.Version(next.Deployment)}
	done, cancel := backend.Ending(u.back.Hurry(ctx))
	defer cancel()
	written.Warnings = backend.EndingWarnings(u.held.Close(done,
		func(ctx context.Context) error { return u.back.Derive(ctx, u.req.Key, next) }))
	return written, nil
}
