// Package diag is how every stage tells people what is wrong: what happened, where, why, and what to do next.
//
// In: nothing; stages build Diagnostics. Out: data that package view renders for people and as JSON. It must not
// render, print or decide exit codes by looking at texts.
package diag

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Severity of a Diagnostic.
type Severity string

// The severities. Only Error stops the run.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Code is the class of an error; the command line maps it to an exit code, once.
type Code string

// The classes, with their exit codes as the spec gives them.
const (
	Failed      Code = "failed"      // 1: a rollout, an AWS error, no approval
	Invalid     Code = "invalid"     // 3: configuration, input, usage, credentials, account or region
	Locked      Code = "locked"      // 4: somebody else holds the lock
	Conflict    Code = "conflict"    // 5: fenced out, stale plan, state newer, truncated or foreign
	Interrupted Code = "interrupted" // 130
)

// Position is a place in a file. Lines and columns count from 1; zero means the file as a whole.
type Position struct {
	File   string `json:"file"` // relative to the repository where possible
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Length int    `json:"length,omitempty"` // of the marked text, in characters
}

func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Excerpt is the source around a position.
type Excerpt struct {
	FirstLine int      `json:"firstLine"`
	Lines     []string `json:"lines"`
}

// Diagnostic is one problem.
type Diagnostic struct {
	Severity  Severity `json:"severity"`
	Code      Code     `json:"code"`
	Summary   string   `json:"summary"`             // a few fixed words: "Unknown kind"
	Detail    string   `json:"detail,omitempty"`    // what exactly and why, sentences
	Next      string   `json:"next,omitempty"`      // what to do about it
	Component string   `json:"component,omitempty"` // its address, when it concerns one
	Operation string   `json:"operation,omitempty"` // the AWS operation: "ecs:UpdateService"
	RequestID string   `json:"requestId,omitempty"` // what AWS support asks for
	// Environments are those that have the problem, where it was looked for in several and not all have it.
	Environments []string `json:"environments,omitempty"`

	Position *Position `json:"position,omitempty"`
	Excerpt  *Excerpt  `json:"excerpt,omitempty"`
	Lines    []string  `json:"lines,omitempty"` // verbatim material: a task's last log lines, a cycle
	Cause    error     `json:"-"`
}

// Error makes a Diagnostic an error; it is the plain one-line form.
func (d *Diagnostic) Error() string {
	var parts []string
	if d.Position != nil {
		parts = append(parts, d.Position.String())
	}
	if d.Component != "" {
		parts = append(parts, d.Component)
	}
	parts = append(parts, d.Summary)
	if d.Detail != "" {
		parts = append(parts, d.Detail)
	}
	return strings.Join(parts, ": ")
}

func (d *Diagnostic) Unwrap() error { return d.Cause }

// List is all the problems of a stage. A nil List is none.
type List []*Diagnostic

// Add appends problems.
func (l *List) Add(more ...*Diagnostic) { *l = append(*l, more...) }

// HasErrors reports whether any is an Error.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d *Diagnostic) bool { return d.Severity != Warning })
}

// Err returns the list as an error when it has errors, else nil.
func (l List) Err() error {
	if !l.HasErrors() {
		return nil
	}
	return l
}

// Error makes a List an error.
func (l List) Error() string {
	texts := make([]string, len(l))
	for i, d := range l {
		texts[i] = d.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap gives errors.Is and errors.As the single problems.
func (l List) Unwrap() []error {
	out := make([]error, len(l))
	for i, d := range l {
		out[i] = d
	}
	return out
}

// Sort orders by file, line and column, problems without a place last, and drops repeats.
func (l List) Sort() List {
	sorted := slices.Clone(l)
	slices.SortStableFunc(sorted, func(a, b *Diagnostic) int {
		switch {
		case a.Position == nil && b.Position == nil:
			return 0
		case a.Position == nil:
			return 1
		case b.Position == nil:
			return -1
		}
		if c := strings.Compare(a.Position.File, b.Position.File); c != 0 {
			return c
		}
		if c := a.Position.Line - b.Position.Line; c != 0 {
			return c
		}
		return a.Position.Column - b.Position.Column
	})
	seen := make(map[string]bool, len(sorted))
	return slices.DeleteFunc(sorted, func(d *Diagnostic) bool {
		text := d.Error()
		again := seen[text]
		seen[text] = true
		return again
	})
}

// Join puts together what several independent checks found; nil when none found anything.
func Join(errs ...error) error {
	var all List
	for _, err := range errs {
		all.Add(From(err)...)
	}
	return all.Err()
}

// New returns an error diagnostic.
func New(code Code, summary, detail, next string) *Diagnostic {
	return &Diagnostic{Severity: Error, Code: code, Summary: summary, Detail: detail, Next: next}
}

// At returns d with a position.
func (d *Diagnostic) At(p Position) *Diagnostic { d.Position = &p; return d }

// For returns d with the address of the component that it concerns.
func (d *Diagnostic) For(component string) *Diagnostic { d.Component = component; return d }

// From turns any error into a list: Lists and Diagnostics as they are, anything else as a Failed one.
func From(err error) List {
	if err == nil {
		return nil
	}
	var l List
	if errors.As(err, &l) {
		return l
	}
	var d *Diagnostic
	if errors.As(err, &d) {
		return List{d}
	}
	if d := File(Failed, "Cannot use a file", err); d != nil {
		return List{d}
	}
	if errors.Is(err, context.Canceled) { // the words of Go and the SDK for it say nothing to people
		d := New(Failed, "Stopped", "A call was given up before it was answered.", "Run the command again.")
		d.Cause = err
		return List{d}
	}
	return List{{Severity: Error, Code: Failed, Summary: err.Error(), Cause: err}}
}

// File is the diagnostic for what the operating system says of a file; nil when err is about something else.
func File(code Code, summary string, err error) *Diagnostic {
	var at *fs.PathError
	var between *os.LinkError
	d := New(code, summary, "", "Check the path and its permissions.")
	d.Cause = err
	switch {
	case errors.As(err, &at):
		d.Detail = fmt.Sprintf("%s: %s.", at.Path, at.Err)
	case errors.As(err, &between):
		d.Detail = fmt.Sprintf("%s: %s.", between.New, between.Err)
	default:
		return nil
	}
	return d
}
