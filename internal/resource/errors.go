package resource

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/company/deployer/internal/diag"
)

// PartialError says that the object exists but is not as wanted: a rollout that failed. State holds the real object. It
// is recorded, reported and retried by the next run.
type PartialError struct {
	State State
	Err   error
}

func (e *PartialError) Error() string { return e.Err.Error() }

func (e *PartialError) Unwrap() error { return e.Err }

// OwnedError says that an object of the wanted name belongs to somebody else.
type OwnedError struct {
	Type, Name string
	Tags       map[string]string // of the object
	Next       string            // what to do about it; "": the usual
}

func (e *OwnedError) Error() string {
	if s := e.Tags[TagStack]; s != "" {
		return fmt.Sprintf("the name %s is taken by a %s of stack %s, environment %s, component %s (lineage %s)",
			e.Name, e.Type, s, e.Tags[TagEnvironment], e.Tags[TagComponent], e.Tags[TagLineage])
	}
	return fmt.Sprintf("the name %s is taken by a %s that deployer did not make", e.Name, e.Type)
}

// Errors that behaviours return wrapped, so that callers can tell them apart.
var (
	// ErrExists: AWS answered to a typed create that the name is taken. Typed then checks whose the object is.
	ErrExists = errors.New("an object of this name exists")
	// ErrNotFound is what a typed read or update returns when AWS says that the object is gone.
	ErrNotFound = errors.New("no such object")
	// ErrDeleting is what a typed read returns of an object that AWS is still deleting. It wraps ErrNotFound: nothing
	// can be made of the object any more. But it still has its name, and what it uses cannot be deleted.
	ErrDeleting = fmt.Errorf("AWS is deleting the object: %w", ErrNotFound)
)

// OpError is a failed AWS call.
type OpError struct {
	Operation string // "ecs:UpdateService"
	Code      string // AWS's error code
	RequestID string
	Message   string
	Next      string // what to do about the error, if that is known
	Err       error
}

func (e *OpError) Error() string {
	s := e.Operation + ": "
	if e.Code != "" {
		s += e.Code + ": "
	}
	return s + e.Message
}

func (e *OpError) Unwrap() error { return e.Err }

// Denied reports whether the credentials in use may not make the call.
func (e *OpError) Denied() bool {
	return strings.Contains(e.Code, "AccessDenied") || strings.Contains(e.Code, "Unauthorized") ||
		e.Code == "AuthorizationError"
}

// WaitError says that the run ends and nobody waits any longer for AWS to finish. Err is why the run ends.
type WaitError struct {
	What string // "load balancer x becomes active"
	Err  error
}

func (e *WaitError) Error() string { return "no longer waited for: " + e.What }

func (e *WaitError) Unwrap() error { return e.Err }

// Stopped reports whether a call ended with err because the run ended, and not because AWS refused anything or because
// something failed. AWS may go on with what was begun.
func Stopped(err error) bool {
	var known *diag.Diagnostic
	if errors.As(err, &known) && known.Code == diag.Failed {
		return false
	}
	var wait *WaitError
	return errors.As(err, &wait) || errors.Is(err, context.Canceled) || known != nil && known.Code == diag.Interrupted
}
