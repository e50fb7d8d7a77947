package state

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/company/deployer/internal/diag"
)

// Errors that every Store returns, wrapped.
var (
	// ErrNotFound: there is no state (or no history of that name).
	ErrNotFound = errors.New("no such state")
	// ErrGone: the state that was read before has been deleted.
	ErrGone = errors.New("the state was deleted meanwhile")
)

// ConflictError says that somebody else wrote the state since it was read.
type ConflictError struct {
	Current *Snapshot // what is there now; nil when it could not be read
}

func (e *ConflictError) Error() string {
	if e.Current == nil {
		return "another run wrote the state"
	}
	return fmt.Sprintf("another run wrote the state: it has serial %d and fence %d",
		e.Current.Envelope.Serial, e.Current.Envelope.Fence)
}

// CorruptError says that the state is damaged. Version permits a Put that replaces it.
type CorruptError struct {
	Reason  string
	Version Version
	Raw     []byte
}

func (e *CorruptError) Error() string { return "the state is damaged: " + e.Reason }

// Lineage is the lineage of the damaged state, if that can still be read; else "".
func (e *CorruptError) Lineage() string {
	var format int
	var lineage string
	split(e.Raw, func(key []byte, value part) bool {
		var err error
		switch string(key) {
		case "formatVersion": // other tools have lineages, too
			err = json.Unmarshal(value.text, &format)
		case "lineage":
			err = json.Unmarshal(value.text, &lineage)
		}
		return err == nil && (format == 0 || lineage == "")
	})
	if format == 0 {
		return ""
	}
	return lineage
}

// FormatError says that another deployer wrote the state in a format that this one cannot read: a newer one, or one
// from before the first release.
type FormatError struct{ Format, MinReader int }

func (e *FormatError) Error() string {
	if e.Format < Format {
		return fmt.Sprintf("the state has format %d; this deployer reads %d", e.Format, Format)
	}
	return fmt.Sprintf("the state has format %d and needs a deployer that reads format %d; this one reads %d", e.Format,
		e.MinReader, Format)
}

func problem(cause error, summary, detail, next string) *diag.Diagnostic {
	d := diag.New(diag.Conflict, summary, detail, next)
	d.Cause = cause
	return d
}

func corrupt(where string, raw []byte, reason string) error {
	return problem(&CorruptError{Reason: reason, Raw: raw}, "State is damaged", where+": "+reason+".",
		"Nothing was changed. Restore an earlier version: deployer state restore")
}

// TooLarge is the error for a state with more than MaxSize bytes, which was not read; version permits replacing it.
func TooLarge(where string, version Version) error {
	return At(corrupt(where, nil, fmt.Sprintf("it has more than %d MiB", MaxSize>>20)), version)
}

// TooLargeError says that a state cannot be written, because no program could read it.
type TooLargeError struct{ What string }

func (e *TooLargeError) Error() string { return "the state would have " + e.What }

func tooLarge(size, intents, limit int) error {
	return tooMany(fmt.Sprintf("%.1f MiB and %d unfinished changes, but at most %d MiB and %d fit",
		float64(size)/(1<<20), intents, limit>>20, maxIntents))
}

func tooMany(what string) error {
	d := diag.New(diag.Invalid, "State would be too large", "It would have "+what+".",
		"Divide the stack into several, or deploy it in steps with --target.")
	d.Cause = &TooLargeError{what}
	return d
}

func older(where string, format, minReader int) error {
	return problem(&FormatError{format, minReader}, "State is of an older format",
		fmt.Sprintf("%s has format %d, of a deployer from before the first release; this one reads format %d.", where,
			format, Format),
		"Use the version of deployer that wrote it: either always, or to destroy the stack, and deploy it again with "+
			"this version.")
}

func newer(where string, format, minReader int) error {
	return problem(&FormatError{format, minReader}, "State is of a newer format",
		fmt.Sprintf("%s has format %d; this deployer reads up to format %d.", where, format, Format),
		"Update deployer to the version that wrote it, or a later one.")
}

// NotFound is the error of a Store that has no state at where.
func NotFound(where string) error { return fmt.Errorf("%s: %w", where, ErrNotFound) }

// Gone is the error of a Store whose state at where was deleted since it was read.
func Gone(where string) error {
	return problem(ErrGone, "State was deleted", where+" was deleted during this run.",
		"Find out who deleted it. `deployer state push` of the rescued file, or `deployer state restore`, "+
			"restores it.")
}

// Conflict is the error of a Store that finds current at where instead of what was read before; current may be nil.
func Conflict(where string, current *Snapshot) error {
	cause := &ConflictError{Current: current}
	return problem(cause, "State was changed by someone else", where+": "+cause.Error()+".",
		"Run the command again: it uses the present state.")
}

// At returns err, of Decode, with the version that permits replacing the state of a *CorruptError.
func At(err error, version Version) error {
	var c *CorruptError
	if errors.As(err, &c) {
		c.Version = version
	}
	return err
}
