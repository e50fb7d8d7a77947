package repair

import (
	"context"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Restore restores an earlier version of the state: "v3" of the history, the name of a history file, or the id of an
// object version. It works even if the present state is damaged or missing. approve gets the differences and the
// doubts; nil: approved. The result is a new version, above all others; the next run looks for what AWS has more or
// otherwise. A version of another lineage than the last state is refused, unless force.
func Restore(
	ctx context.Context, b *backend.Backend, req backend.Request, version string, force bool,
	approve func(*report.StateComparison, diag.List) (bool, error),
) (*Written, error) {
	written := &Written{}
	c, err := openReplacing(ctx, b, req, nil)
	if err != nil {
		return written, err
	}
	written.Warnings = c.warnings
	if c.file, err = b.Find(ctx, req.Key, version); err != nil {
		return written, backend.Closing(c.held, err)
	}
	if err := c.misplaced(); err != nil {
		return written, backend.Closing(c.held, err)
	}
	if written.Comparison, err = c.compare(ctx); err != nil {
		return written, backend.Closing(c.held, err)
	}
	what := "restored " + backend.VersionOf(c.file.Stored)
	if c.there(what) {
		return written, backend.Closing(c.held, nil)
	}
	if why := c.estranged(); why != "" && !force {
		return written, backend.Closing(c.held, diag.New(diag.Conflict, "State is of another lineage", why,
			"Nothing was written. The command without a version lists all versions. If you want this one "+
				"anyway, --force restores it."))
	}
	if approve != nil {
		if ok, err := approve(written.Comparison, written.Warnings); !ok || err != nil {
			return written, backend.Closing(c.held, err)
		}
	}
	return written, c.replace(ctx, what, written)
}

// Versions lists what Restore can restore; of each source limit at most (0: all).
func Versions(
	ctx context.Context, b *backend.Backend, key state.Key, limit int,
) ([]report.StateVersion, diag.List, error) {
	all, unseen, err := b.Past(ctx, key, limit)
	out := make([]report.StateVersion, len(all))
	for i, k := range all {
		out[i] = k.StateVersion
	}
	return out, backend.AsWarnings(unseen), err
}
