package report

import "time"

// The types of a LogEntry.
const (
	LogLine = "line"
	// LogStart: the tasks of a version begin to write.
	LogStart = "start"
	// LogStop: a task has ended; Message says why.
	LogStop = "stop"
)

// LogEntry is one line of a log, or something that happened between two lines.
type LogEntry struct {
	Type      string    `json:"type"`
	At        time.Time `json:"at"`
	Component string    `json:"component"`
	Container string    `json:"container,omitempty"`
	Task      string    `json:"task,omitempty"`
	Version   Version   `json:"version,omitzero"`   // that made what runs; left out: not known
	Revision  string    `json:"revision,omitempty"` // of what runs
	Message   string    `json:"message"`
	Group     string    `json:"group,omitempty"`
	Stream    string    `json:"stream,omitempty"`
	ID        string    `json:"id,omitempty"` // CloudWatch's id of the line
}
