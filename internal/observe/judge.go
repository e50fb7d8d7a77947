package observe

import (
	"errors"
	"strings"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
)

// Texts before the names of several objects with the same problem.
const (
	notMade   = "Not created yet"
	lost      = "A run was interrupted while it created this; the next apply checks whether it exists"
	gone      = "Does not exist in AWS any more"
	notRemade = "Deleted, and not created again yet"
	oldStays  = "Replaced; the old object is not deleted yet"
	changed   = "Changed outside of deployer, in "
	changing  = "A run is changing it now"
	begun     = "Changed since the state was written, probably by the interrupted run; the next apply continues"
	half      = "Created by an interrupted run; the next apply completes it"
)

// judge returns the health of one object.
func judge(res engine.StoredResource, a answer) (report.Health, string) {
	res.InitErrors = failures(res)
	switch {
	case a.err != nil:
		return report.Unknown, "AWS could not be asked (" + reasonOf(a.err) + ")"
	case !a.there:
		return report.Missing, gone
	case a.seen != nil && (a.seen.Final || a.seen.Health != report.Healthy):
		if a.seen.Health == report.Healthy && a.differs != "" && len(res.InitErrors) == 0 {
			return report.Changed, changed + a.differs
		}
		return a.seen.Health, a.seen.Problem
	case res.Interrupted():
		return report.Unknown, half
	case len(res.InitErrors) > 0:
		return report.Unhealthy, cause(res)
	case a.differs != "":
		return report.Changed, changed + a.differs
	}
	return report.Healthy, ""
}

// failures are why a resource did not become as wanted. Lost tags are no failure: the read shows whether they are still
// lost.
func failures(res engine.StoredResource) []string {
	if len(res.InitErrors) > 0 && resource.IsRepair(res.InitErrors[0]) {
		return nil
	}
	return res.InitErrors
}

// cause is why a resource did not become as wanted.
func cause(res engine.StoredResource) string {
	return strings.TrimPrefix(strings.Join(res.InitErrors, " "), res.Component+": ")
}

func reasonOf(err error) string {
	var op *resource.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	return err.Error()
}
