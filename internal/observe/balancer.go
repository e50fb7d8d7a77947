package observe

import (
	"github.com/company/deployer/internal/component/ingress"
	"github.com/company/deployer/internal/state"
)

// ForDNS returns the outputs of a shared component that people need for their DNS records: names of load balancers, and
// zones for alias records.
func ForDNS(c state.Component) map[string]any {
	out := map[string]any{}
	if c.Address != ingress.Address {
		return out
	}
	for _, public := range []bool{true, false} {
		for _, what := range []string{ingress.DNSName, ingress.ZoneID} {
			name := ingress.OutputName(public, what)
			if given, ok := c.Outputs[name]; ok {
				out[name] = given
			}
		}
	}
	return out
}
