package plan

// Outcome is what became of a plan that was carried out: each of its changes is in one of the three, in the plan's order.
type Outcome struct {
	Done, Failed, NotStarted []Step
}

// Step is one change of a plan.
type Step struct {
	Resource string // its ID
	Action   Action
	Reason   string // why it was not started
	Because  string // ID of the resource whose failure is why; "" when no step failed
}
