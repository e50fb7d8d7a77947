package state

import (
	"encoding/json"
	"fmt"

	"github.com/company/deployer/internal/diag"
)

// Stored is a state of a stack in an environment, and where it was read.
type Stored struct {
	Snapshot *Snapshot
	Payload  *Payload
}

// ForeignError says that a state belongs to another stack or environment.
type ForeignError struct{ Found Key }

func (e *ForeignError) Error() string { return "it is the state of " + e.Found.String() }

// Load reads the payload of the state of a key; nil when there is none. A state of another stack or environment is a
// ForeignError.
func Load(key Key, e *Envelope) (*Stored, error) {
	if e == nil {
		return nil, nil
	}
	payload, err := e.Decode()
	if err != nil {
		return nil, err
	}
	if payload.Stack != key.Stack || payload.Environment != key.Environment {
		d := diag.New(diag.Conflict, "Foreign state",
			fmt.Sprintf("In the place of the state of %s is the state of %s/%s: somebody copied it there.", key,
				payload.Stack,
				payload.Environment), "Restore the right version: deployer state restore")
		d.Cause = &ForeignError{Key{Stack: payload.Stack, Environment: payload.Environment}}
		return nil, d
	}
	return &Stored{Snapshot: &Snapshot{Envelope: e}, Payload: payload}, nil
}

// Same reports whether two values have the same JSON.
func Same(a, b any) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
}
