package rds

import (
	"fmt"

	"github.com/company/deployer/internal/component"
)

// About says in one line what a database will be, and where it can be reached.
func (s *Spec) About(component.Instance) string {
	if s.Existing != nil {
		return s.Engine + ", the existing database " + s.Existing.Identifier
	}
	text := s.Engine + " " + s.Version + ", "
	switch {
	case s.aurora() && s.Capacity != nil:
		text += fmt.Sprintf("%v to %v capacity units", s.Capacity.Min, s.Capacity.Max)
	case s.aurora():
		text += s.class()
	default:
		text += fmt.Sprintf("%s, %d GiB", s.class(), s.storage())
		if s.MaxStorage != nil {
			text += fmt.Sprintf(" that grow to %d", *s.MaxStorage)
		}
	}
	switch {
	case s.aurora() && s.Replicas == 1:
		text += ", a writer and 1 replica"
	case s.aurora() && s.Replicas > 1:
		text += fmt.Sprintf(", a writer and %d replicas", s.Replicas)
	case s.aurora():
		text += ", one instance"
	case s.MultiAZ:
		text += ", with a standby in another zone"
	default:
		text += ", in one zone"
	}
	if s.RestoreFrom != "" {
		text += ", from the snapshot " + s.RestoreFrom
	}
	return fmt.Sprintf("%s; inside only, port %d", text, s.port())
}
