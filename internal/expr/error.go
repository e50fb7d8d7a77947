package expr

import "fmt"

// Error is one problem of a template, with its place in the text.
type Error struct {
	Offset  int // in bytes, from the start of the text
	Length  int // in bytes, 0 when unknown
	Message string
	Cause   error // the error of Lookup, when Lookup failed
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Cause }

// Span is the place of the error in the text, in bytes. Callers that must not import this package use an interface.
func (e *Error) Span() (offset, length int) { return e.Offset, e.Length }

func errorf(offset, length int, format string, args ...any) *Error {
	return &Error{Offset: offset, Length: length, Message: fmt.Sprintf(format, args...)}
}
