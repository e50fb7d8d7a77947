package ingress

import "github.com/company/deployer/internal/component"

// About says in one line what the component is.
func (s *Spec) About(component.Instance) string {
	return "load balancers that all services of the stack share"
}
