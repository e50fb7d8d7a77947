package backend

import (
	"context"
	"errors"

	"github.com/company/deployer/internal/diag"
)

// Early is why a run ended before it changed anything: the cause of an interruption says more than the failed calls.
func Early(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || !errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
		return err
	}
	var known *diag.Diagnostic
	if errors.As(cause, &known) && known.Code != diag.Interrupted {
		return cause
	}
	d := diag.New(diag.Interrupted, "Interrupted", "Nothing was changed.", "")
	d.Cause = cause
	return d
}

// EndingWarnings are the warnings of the work after everything is saved. Work that had no time left gets no warning.
func EndingWarnings(err error) diag.List {
	cut := false
	for _, part := range Split(err) {
		cut = cut || errors.Is(part, context.Canceled)
	}
	out := AsWarnings(err)
	if cut {
		d := diag.New(diag.Interrupted, "Stopped before the end of the run was recorded",
			"The state is saved. There was no time to confirm that the lock is released, or to write the history "+
				"and the copy for pulumi.",
			"The next run does this. If the lock is still held, the next run takes it over: on this machine at "+
				"once, elsewhere within minutes.")
		d.Severity = diag.Warning
		out.Add(d)
	}
	return out
}

// AsWarnings turns errors that do not make a run fail into warnings. An interrupted call gives none: the cause of the
// interruption is reported.
func AsWarnings(err error) diag.List {
	var out diag.List
	for _, part := range Split(err) {
		if errors.Is(part, context.Canceled) {
			continue
		}
		for _, d := range diag.From(part) {
			w := *d
			w.Severity = diag.Warning
			out.Add(&w)
		}
	}
	return out
}

// Split takes joined errors apart, down to diagnostics.
func Split(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost may be a join
		var out []error
		for _, part := range joined.Unwrap() {
			out = append(out, Split(part)...)
		}
		return out
	}
	return []error{err}
}
