package backend

import (
	"fmt"

	"github.com/company/deployer/internal/state"
)

// Named is a state with the name that people use for it.
type Named struct {
	Name string
	*state.Stored
}

// VersionOf is the name of a state in the history.
func VersionOf(s *state.Stored) string {
	if s.Payload.Status == state.InProgress {
		return fmt.Sprintf("v%d, which was in progress", s.Payload.Deployment+1)
	}
	return fmt.Sprintf("v%d", s.Payload.Deployment)
}
