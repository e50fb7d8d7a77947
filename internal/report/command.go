package report

import "time"

// Ran is what came of a command in a task of its own.
type Ran struct {
	Component      string   `json:"component"`
	Command        []string `json:"command"` // empty: the container's own
	Task           string   `json:"task"`    // ARN
	TaskDefinition string   `json:"taskDefinition"`
	Container      string   `json:"container"`
	LogGroup       string   `json:"logGroup,omitempty"`
	LogStream      string   `json:"logStream,omitempty"`
	ExitCode       *int     `json:"exitCode"`          // null: nobody waited, or the container never ran
	Problem        string   `json:"problem,omitempty"` // why it never ran
	Next           string   `json:"-"`                 // what to do about the problem
}

// Command is the record of a command that somebody ran in a component.
type Command struct {
	At        time.Time  `json:"at"`
	Who       string     `json:"who"`
	What      string     `json:"what"` // run, exec, port-forward
	Component string     `json:"component"`
	Command   []string   `json:"command"`
	Task      string     `json:"task,omitempty"`
	Container string     `json:"container,omitempty"`
	Version   Version    `json:"version"`
	Detached  bool       `json:"detached,omitempty"` // nobody waited for the end
	Ended     *time.Time `json:"ended"`              // null: it still runs, or deployer died
	ExitCode  *int       `json:"exitCode"`           // null: unknown
	Problem   string     `json:"problem,omitempty"`
}
