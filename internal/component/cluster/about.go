package cluster

import "github.com/company/deployer/internal/component"

// About says in one line what the cluster is.
func (s *Spec) About(component.Instance) string {
	return "ECS cluster on Fargate, for all services of the stack"
}
