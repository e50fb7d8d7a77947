package deploy

import (
	"context"

	"github.com/company/deployer/internal/observe"
)

// Restore puts an earlier version of the state back: "v3" of the history, the name of a history file, or the id of an object version. It works
// whatever is in the place of the state. approve is asked with what differs; nil: approved. The version becomes a new one, above all that
// were; what AWS has beside it, or otherwise, the next run looks for.
func (r *Road) Restore(ctx context.Context, req Request, version string, approve func(*observe.StateComparison) (bool, error)) (*Written, error) {
	written := &Written{}
	c, err := r.openReplacing(ctx, req, nil)
	if err != nil {
		return written, err
	}
	if c.file, err = r.find(ctx, req.Key, version); err != nil {
		return written, closing(c.held, err)
	}
	if err := c.misplaced(); err != nil {
		return written, closing(c.held, err)
	}
	if written.Comparison, err = c.compare(ctx); err != nil {
		return written, closing(c.held, err)
	}
	if c.now != nil && c.now.Snapshot.Envelope.Writer == c.file.Snapshot.Envelope.Writer && c.now.Snapshot.Envelope.Serial >= c.held.Lock().LastSerial() {
		return written, closing(c.held, nil) // it is there already, and not put there by hand: runs refuse one that is older than the lock remembers
	}
	if approve != nil {
		if ok, err := approve(written.Comparison); !ok || err != nil {
			return written, closing(c.held, err)
		}
	}
	return written, c.replace(ctx, "restored "+versionOf(c.file.Stored), written)
}
