package s3

import "github.com/company/deployer/internal/component"

// About says in one line what a bucket will be.
func (s *Spec) About(component.Instance) string {
	text := "private bucket"
	if s.Versioning {
		text += ", keeps old versions"
	}
	if len(s.Lifecycle) > 0 {
		text += ", with lifecycle rules"
	}
	if s.ForceDestroy {
		text += ", deleted with its objects"
	}
	return text
}
