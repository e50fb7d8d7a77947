package state

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Command is the record of a command that somebody ran in a component. It is written when the command begins, and again
// when it ends: without an end, nobody knows how it ended.
type Command struct {
	At        time.Time  `json:"at"`
	Who       string     `json:"who"`
	What      string     `json:"what"` // run, exec, port-forward
	Component string     `json:"component"`
	Words     []string   `json:"command"` // empty: the container's own command, or a shell
	Task      string     `json:"task,omitempty"`
	Container string     `json:"container,omitempty"`
	Version   int        `json:"version"`            // the deployment that was in the state
	Detached  bool       `json:"detached,omitempty"` // nobody waits for the end
	Ended     *time.Time `json:"ended,omitempty"`
	ExitCode  *int       `json:"exitCode,omitempty"`
	Problem   string     `json:"problem,omitempty"` // why it did not end as usual
}

// CommandEntry is the name of a record in a listing.
type CommandEntry struct {
	Name string // "2024-01-15-10-30-00-1f3a"
	At   time.Time
}

var commandName = regexp.MustCompile(`^(\d{4}(?:-\d\d){5})-[0-9a-f]{4,32}$`)

// CommandName returns the name of a record. id tells records of the same second apart.
func CommandName(at time.Time, id string) string {
	id = strings.ReplaceAll(id, "-", "")
	return HistoryName(at) + "-" + id[:min(len(id), 8)]
}

// ParseCommandName is the reverse of CommandName; ok is false for other names.
func ParseCommandName(name string) (at time.Time, ok bool) {
	if m := commandName.FindStringSubmatch(name); m != nil {
		return ParseHistoryName(m[1])
	}
	return time.Time{}, false
}

// maxCommand is how many bytes a record has at most.
const maxCommand = 64 << 10

// Encode returns the record as it is kept.
func (c Command) Encode() ([]byte, error) {
	for len(c.Words) > 1 {
		body, err := json.MarshalIndent(c, "", "  ")
		if err != nil || len(body) <= maxCommand {
			return body, err
		}
		c.Words = []string{c.Words[0], "…"}
	}
	return json.MarshalIndent(c, "", "  ")
}

// DecodeCommand reads a record.
func DecodeCommand(body []byte) (c Command, err error) {
	if len(body) > 2*maxCommand {
		return c, fmt.Errorf("a record of a command with %d bytes", len(body))
	}
	return c, json.Unmarshal(body, &c)
}
