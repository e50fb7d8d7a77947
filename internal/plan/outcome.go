package plan

// Outcome is what became of a plan that was carried out: each of its changes is in one of the three, in the plan's
// order.
type Outcome struct {
	Done, Failed, NotStarted []Step
}

// Step is one change of a plan.
type Step struct {
	Resource string // its ID
	Action   Action // of one that is done: what was really done; NoOp: it turned out to need nothing
	Reason   string // why it was not started
	Because  string // ID of the resource whose failure is why; "" when no step failed
}

// Summary counts what was done. A resource that was to be changed, and turned out to need nothing, counts as unchanged.
func (o *Outcome) Summary() Summary {
	var s Summary
	for _, step := range o.Done {
		s.count(step.Action)
	}
	return s
}
