package backend

import (
	"fmt"

	"github.com/company/deployer/internal/state"
)

// Named is a state with what people call it.
type Named struct {
	Name string
	*state.Stored
}

// VersionOf is what a state is called in the history.
func VersionOf(s *state.Stored) string {
	if s.Payload.Status == state.InProgress {
		return fmt.Sprintf("v%d, which was under way", s.Payload.Deployment+1)
	}
	return fmt.Sprintf("v%d", s.Payload.Deployment)
}
