package plan

// EventKind says what happened during an apply.
type EventKind string

// The kinds of Event.
const (
	Started  EventKind = "started"
	Progress EventKind = "progress" // a line of news about a resource
	Done     EventKind = "done"
	FailedAt EventKind = "failed"
	Stopped  EventKind = "stopped" // begun; the run ended before AWS was done. Text says what it waited for
	Skipped  EventKind = "skipped" // not started; Text says why
	Phase    EventKind = "phase"   // the run as a whole: locking, planning, saving
	// for the whole run: somebody else holds the lock. Shown even in quiet mode
	Waiting EventKind = "waiting"
)

// Event is one event of a running apply, without times: the caller that shows it has a clock.
type Event struct {
	Kind     EventKind
	Resource string // its ID; "" for a Phase and Waiting
	Type     string
	Action   Action
	Text     string // of Progress, FailedAt, Stopped, Skipped and Phase
}
