package network

import (
	"fmt"
	"strings"

	"github.com/company/deployer/internal/component"
)

// About says in one line what a VPC of the stack's own will be.
func (s *Spec) About(in component.Instance) string {
	if s.VPC.CIDR == "" {
		return "" // it makes nothing
	}
	zones := 2
	switch {
	case len(s.VPC.Zones) > 0:
		zones = len(s.VPC.Zones)
	case s.VPC.AZs != nil:
		zones = *s.VPC.AZs
	}
	nat := map[string]string{
		noNAT: "no NAT gateway", singleNAT: "one NAT gateway", perZone: "a NAT gateway in each",
	}[s.nat(in)]
	text := fmt.Sprintf("VPC %s, public and private subnets in %d zones, %s", s.VPC.CIDR, zones, nat)
	if len(s.VPC.Endpoints) > 0 {
		text += ", endpoints of " + strings.Join(s.VPC.Endpoints, ", ")
	}
	return text
}
