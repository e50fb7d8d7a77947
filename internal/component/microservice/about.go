package microservice

import (
	"fmt"
	"strings"

	"github.com/company/deployer/internal/component"
)

// About says in one line what a service will be, and where it can be reached.
func (s *Spec) About(component.Instance) string {
	text := s.Summary(&s.Scaling.Scaling)
	in := s.Ingress
	if in == nil {
		var ports []string
		for _, p := range s.Ports {
			ports = append(ports, fmt.Sprint(p.Port))
		}
		return text + "; inside only, port " + strings.Join(ports, ", ")
	}
	hosts := in.Hosts
	if in.Host != "" {
		hosts = append([]string{in.Host}, hosts...)
	}
	where := "any host"
	if len(hosts) > 0 {
		where = strings.Join(hosts, ", ")
	}
	if in.Path != "" && in.Path != "/" {
		where += " below " + in.Path
	}
	if !in.Public {
		where += ", inside only"
	}
	return text + "; at " + where
}
