package engine

import (
	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// creation is a create step under way.
type creation struct {
	step     int64
	old, new *pkgresource.State
}

// started records an object that exists and is not ready yet, before the step waits for it. The record says that the
// run was interrupted: the next run must know that if this one dies. The end of the step overwrites the record.
func (r *run) started(urn sdk.URN, b resource.Behaviour, is resource.State) error {
	r.mu.Lock()
	c := r.begun[urn]
	r.mu.Unlock()
	rec := r.recordFor(c.new)
	rec.ID, rec.InitErrors = is.ID, []string{interrupted}
	rec.Inputs = plainMap(properties(r.reseal(urn, is.Inputs, value.NullValue)))
	rec.Outputs = plainMap(versioned(properties(is.Outputs), b.Definition()))
	writes := []write{{at: c.new, record: rec}}
	var drops []*pkgresource.State
	switch {
	case c.old != nil && c.old.PendingReplacement:
		drops = append(drops, c.old)
	case c.old != nil:
		waits := r.recordFor(c.old)
		waits.Delete, waits.Protect = true, r.wasProtected(c.old)
		writes = append(writes, write{at: c.old, record: waits})
	}
	return r.finish(c.step, writes, drops...)
}
