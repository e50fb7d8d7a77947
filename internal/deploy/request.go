package deploy

import (
	"context"
	"time"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Request says what to deploy where, and how.
type Request struct {
	Key           state.Key
	Variables     map[string]string  // --var
	VarFiles      []manifest.VarFile // --var-file, in the order given; later ones win
	NoPrevious    bool               // do not take variables from the last deployment
	NoResolve     bool               // do not ask registries what tags mean
	Offline       bool               // no pre-flight, and NoResolve
	Shared        bool               // the variables are meant for several stacks, not all for each
	Targets       []string           // addresses; empty: everything
	AllowDataLoss []string           // addresses of protected components that may go
	Refresh       bool               // compare with what AWS has, not with what the state says
	Hash          string             // of the plan that was approved: no other is applied; "": any
	LockTimeout   time.Duration      // 0: fail at once
	Parallelism   int
	ReleaseHold   bool // of an apply: deploy also what a rollback holds
	// of an apply: when it fails, go back to the last version that succeeded
	RollbackOnFailure bool

	// Approve is asked with the plan once there is one with changes; nil: approved. The context ends when there is
	// nothing to approve any more: the run was interrupted, or its lock is lost.
	Approve func(context.Context, Question) (bool, error)
	// StopRollouts is asked before a rollback stops rollouts of another run; nil: approved.
	StopRollouts func(context.Context, []Rollout) (bool, error)
	// Progress gets each event; never nil.
	Progress func(plan.Event)
}

// lock is the part of a Request about the lock.
func (r *Request) lock() backend.Request {
	return backend.Request{Key: r.Key, LockTimeout: r.LockTimeout, Progress: r.Progress}
}

// Question is what a person or a flag approves.
type Question struct {
	Plan     *plan.Plan
	Warnings diag.List
	Required bool // the environment demands an approval for this run: a preference is not enough
	// Automatic: the rollback of a failed apply, which was approved with it. The answer does not count.
	Automatic bool
}

// Planned is the answer of Plan.
type Planned struct {
	Plan     *plan.Plan
	Graph    *resource.Graph
	Saved    *Saved // nil when there is no plan
	Warnings diag.List
}

// Applied is the result of Apply and Destroy. Beside an error it holds what the run has reached.
type Applied struct {
	Plan     *plan.Plan
	Warnings diag.List
	Changed  bool          // something was written
	Outcome  *plan.Outcome // the result of the plan; nil when it was not carried out
	Again    string        // the command that continues; "" when the state does not tell it
	GoBack   string        // the command that goes back to the version before, which succeeded; "" when it did not
	Version  report.Version
	Outputs  map[string]map[string]any // by component
	Holds    []report.Hold             // what rollbacks hold now
	// Back is the rollback after the failure; nil: there was none. Its error is in BackErr.
	Back    *Applied
	BackErr error

	saved bool // the final state is written
}
