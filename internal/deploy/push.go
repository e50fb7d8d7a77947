package deploy

import (
	"context"
	"fmt"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

// Push replaces the state of a key by one from outside: the rescue file of a run that could not save. name is the file's, for errors. Without
// force it must be of the same lineage, not older, and nobody may have deployed since it was made. The former state stays in the history.
func (r *Road) Push(ctx context.Context, req Request, name string, raw []byte, force bool) (serial int64, err error) {
	pushed, err := state.Decode(raw, name)
	if err != nil {
		return 0, err
	}
	given, err := decode(req.Key, pushed)
	if err != nil {
		return 0, err
	}
	lineage := "" // where there is a state, its own is compared below
	if there, err := r.read(ctx, req.Key); err == nil && there == nil {
		lineage = pushed.Lineage // the state was lost: what is deployed carries this lineage as a tag
	}
	held, err := r.open(ctx, req, r.caller(ctx), lineage)
	if err != nil {
		return 0, err
	}
	now := held.State()
	if err := pushable(now, pushed, name); err != nil && (!force || now.Lineage != pushed.Lineage) {
		return 0, closing(held, err)
	}
	if err := held.Write(ctx, given.Payload, pushed.Intents); err != nil {
		return 0, closing(held, err)
	}
	store := r.backend.Store(req.Key)
	written, err := decode(req.Key, held.State())
	if err != nil {
		return 0, closing(held, err)
	}
	done, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return written.Snapshot.Envelope.Serial, held.Close(done,
		func(ctx context.Context) error { return keep(ctx, store, written) },
		func(ctx context.Context) error { return derive(ctx, store, req.Key, given.Payload.Engine) },
	)
}

// pushable says what speaks against replacing now by pushed, all of it.
func pushable(now, pushed *state.Envelope, name string) error {
	if now == nil {
		return nil
	}
	var detail string
	switch {
	case now.Lineage != pushed.Lineage:
		return diag.New(diag.Conflict, "Foreign state", fmt.Sprintf("%s has the lineage %s, the state in the backend %s: they are not of one stack.", name, pushed.Lineage, now.Lineage),
			"Nothing was written. Look for the file of this stack and environment.")
	case pushed.Fence < now.Fence:
		detail = fmt.Sprintf("Another run deployed since %s was written (fence %d, now %d).", name, pushed.Fence, now.Fence)
	case pushed.Serial < now.Serial:
		detail = fmt.Sprintf("%s is older than the state in the backend (serial %d, now %d).", name, pushed.Serial, now.Serial)
	default:
		return nil
	}
	return diag.New(diag.Conflict, "State would go back in time", detail+fmt.Sprintf(" The state in the backend was written by %s.", now.Writer.LockID),
		"Nothing was written. Compare with `deployer state pull`; --force replaces it all the same, the history keeps what is there now.")
}
