package engine

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// StepError is a step that failed. Err is what the behaviour returned: *resource.OpError, *resource.PartialError,
// *resource.OwnedError and so on are found by errors.As.
type StepError struct {
	Resource string // its ID
	Type     string
	Action   plan.Action
	Err      error
}

func (e *StepError) Error() string {
	return fmt.Sprintf("%s: cannot %s %s: %s", e.Resource, e.Action, e.Type, clean(e.Err.Error()))
}
func (e *StepError) Unwrap() error { return e.Err }

// ProtectedError names every protected resource that a run would delete or replace, or whose data it would delete.
// Nothing was touched.
type ProtectedError struct {
	Resources []string // IDs, sorted
	Emptied   bool     // at least one of them would only lose data
}

func (e *ProtectedError) Error() string {
	return "protected: " + strings.Join(e.Resources, ", ") + " would be deleted or replaced"
}

// ProblemError says what is wrong with the properties of one resource. Nothing was done to it.
type ProblemError struct {
	Resource string
	Type     string
	Problems []value.Problem
}

func (e *ProblemError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.Error()
	}
	return e.Resource + ": " + strings.Join(texts, "; ")
}

// NeededError says that a resource was not deleted because another one may need it, which an interrupted run was about
// to create.
type NeededError struct {
	By  string // ID of the other one
	Err error  // why nobody knows whether it is there; nil: it is there
}

func (e *NeededError) Error() string {
	if e.Err == nil {
		return "an interrupted run had begun to create " + e.By + ", which needs it, and it has appeared only now"
	}
	return "an interrupted run may have created " + e.By + ", which needs it: " + e.Err.Error()
}
func (e *NeededError) Unwrap() error { return e.Err }

// ResolveError says that a property of a resource cannot be computed.
type ResolveError struct {
	Resource string
	Err      error
}

func (e *ResolveError) Error() string { return e.Resource + ": " + e.Err.Error() }
func (e *ResolveError) Unwrap() error { return e.Err }

// RefusedError is what AWS would refuse of a plan that has other problems, too, so that all are reported together.
type RefusedError struct {
	Refusals []resource.Refusal
}

func (e *RefusedError) Error() string {
	texts := make([]string, len(e.Refusals))
	for i, r := range e.Refusals {
		texts[i] = r.Resource + ": " + r.What
	}
	return strings.Join(texts, "; ")
}

// StoppedError says that the run ended early because its context ended. Steps in flight were finished and are in the
// state.
type StoppedError struct{ Cause error }

func (e *StoppedError) Error() string {
	return "stopped before everything was done: " + e.Cause.Error()
}
func (e *StoppedError) Unwrap() error { return e.Cause }

// InternalError is an error of the Pulumi engine itself that none of our checks found first.
type InternalError struct{ Text string }

func (e *InternalError) Error() string { return "the embedded engine stopped: " + e.Text }

var markup = regexp.MustCompile(`<\{%[^%]*%\}>`)

// clean removes what only users of the pulumi CLI understand: colour markup, and lines that suggest its commands.
func clean(text string) string {
	var lines []string
	for line := range strings.Lines(markup.ReplaceAllString(text, "")) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(strings.ToLower(line), "pulumi") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

func joined(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
