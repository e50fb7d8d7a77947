package deploy

import (
	"context"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
)

// Restore puts an earlier version of the state back: "v3" of the history, the name of a history file, or the id of an object version. It works
// whatever is in the place of the state. approve is asked with what differs and what is not certain about that; nil: approved. The version becomes
// a new one, above all that were; what AWS has beside it, or otherwise, the next run looks for. One of another lineage than what was there last
// is refused, unless force.
func (r *Road) Restore(ctx context.Context, req Request, version string, force bool, approve func(*report.StateComparison, diag.List) (bool, error)) (*Written, error) {
	written := &Written{}
	c, err := r.openReplacing(ctx, req, nil)
	if err != nil {
		return written, err
	}
	written.Warnings = c.warnings
	if c.file, err = r.find(ctx, req.Key, version); err != nil {
		return written, closing(c.held, err)
	}
	if err := c.misplaced(); err != nil {
		return written, closing(c.held, err)
	}
	if written.Comparison, err = c.compare(ctx); err != nil {
		return written, closing(c.held, err)
	}
	what := "restored " + versionOf(c.file.Stored)
	if c.there(what) {
		return written, closing(c.held, nil)
	}
	if why := c.estranged(); why != "" && !force {
		return written, closing(c.held, diag.New(diag.Conflict, "State is of another lineage", why,
			"Nothing was written. The command without a version lists what there is. If this one is right all the same, --force brings it back."))
	}
	if approve != nil {
		if ok, err := approve(written.Comparison, written.Warnings); !ok || err != nil {
			return written, closing(c.held, err)
		}
	}
	return written, c.replace(ctx, what, written)
}
