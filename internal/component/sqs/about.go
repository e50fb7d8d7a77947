package sqs

import (
	"fmt"

	"github.com/company/deployer/internal/component"
)

// About says in one line what a queue will be.
func (s *Spec) About(component.Instance) string {
	text := "standard queue"
	if s.FIFO {
		text = "FIFO queue"
	}
	text += fmt.Sprintf(", keeps messages for %s", s.Retention)
	if s.DeadLetter != nil {
		text += fmt.Sprintf(", dead-letter queue after %d receives", s.DeadLetter.MaxReceives)
	}
	return text
}
