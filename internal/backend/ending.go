package backend

import (
	"context"
	"errors"

	"github.com/company/deployer/internal/diag"
)

// Early is why a run ended that has changed nothing: what cut its calls off says more than they do.
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

// EndingWarnings are the warnings of what is done once everything is saved. What there was no time for is no news of
// its own.
func EndingWarnings(err error) diag.List {
	cut := false
	for _, part := range Split(err) {
		cut = cut || errors.Is(part, context.Canceled)
	}
	out := AsWarnings(err)
	if cut {
		d := diag.New(diag.Interrupted, "Stopped before everything was tidied up",
			"The state is saved. There was no time to hear that the lock is released, or to write the history "+
				"and the copy "+
				"for pulumi.",
			"The next run makes that good. If the lock is still held, it is taken over: on this machine at "+
				"once, elsewhere "+
				"within minutes.")
		d.Severity = diag.Warning
		out.Add(d)
	}
	return out
}

// AsWarnings are problems that do not make a run fail.
// What was cut off is none: what cut it off is told.
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

// Split takes joined errors apart, as long as the parts are not diagnostics of their own.
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
