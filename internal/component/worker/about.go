package worker

import "github.com/company/deployer/internal/component"

// About says in one line what a worker will be.
func (s *Spec) About(component.Instance) string {
	text := s.Summary(&s.Scaling.Scaling)
	if s.Scaling.Queue != "" {
		text += "; scales by " + s.Scaling.Queue
	}
	return text
}
