package expr

import "fmt"

// Error is one thing wrong with a template, with the place in its text.
type Error struct {
	Offset  int // in bytes, from the start of the text
	Length  int // in bytes, 0 when unknown
	Message string
	Cause   error // what Lookup returned, when it was Lookup that failed
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Cause }

// Span is where in the text the error is, in bytes. Callers that must not import this package ask for it by interface.
func (e *Error) Span() (offset, length int) { return e.Offset, e.Length }

func errorf(offset, length int, format string, args ...any) *Error {
	return &Error{Offset: offset, Length: length, Message: fmt.Sprintf(format, args...)}
}
