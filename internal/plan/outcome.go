package plan

// Outcome is the result of a plan that was carried out: each of its changes is in one of the lists, in the plan's
// order.
type Outcome struct {
	Done, Failed []Step
	Stopped      []Step // begun when the run was stopped: AWS may go on with them
	NotStarted   []Step
}

// Step is one change of a plan.
type Step struct {
	Resource string // its ID
	Action   Action // what was really done, if it is done; NoOp: nothing was needed
	Reason   string // why it was not started
	Because  string // ID of the resource whose failure is the reason; "" when no step failed
}

// Summary counts what was done. A planned change that turned out to need nothing counts as unchanged.
func (o *Outcome) Summary() Summary {
	var s Summary
	for _, step := range o.Done {
		s.count(step.Action)
	}
	return s
}
