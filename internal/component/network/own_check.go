package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

func check(in component.Instance, s *Spec) []value.Problem {
	var problems value.Problems
	if s.VPC.CIDR == "" {
		return problems
	}
	network, err := netip.ParsePrefix(s.VPC.CIDR)
	switch {
	case err != nil || !network.Addr().Is4():
		problems.Bad("vpc.cidr", "%q is no IPv4 network such as 10.20.0.0/16", s.VPC.CIDR)
	case network.Bits() < widest:
		problems.Bad("vpc.cidr", "%s is too large: AWS allows /16 at most", network)
	case network.Bits() > narrowest:
		problems.Bad("vpc.cidr", "%s is too small: it has to hold subnets for %d zones, and load balancers need a /27 "+
			"in each. Take /%d or larger", network, slots, narrowest)
	case network != network.Masked():
		problems.Bad("vpc.cidr", "%s has bits after its prefix; the network is %s", network, network.Masked())
	case reserved(network):
		problems.Bad("vpc.cidr", "AWS allows no VPC in %s: the range is reserved", network)
	}
	if len(s.Subnets.IDs) > 0 || len(s.Subnets.Tags) > 0 {
		problems.Bad("subnets", "chooses subnets of an existing VPC, and vpc.cidr makes a VPC with subnets of its own")
	}
	problems = append(problems, s.checkZones(in.Region)...)
	for i, name := range s.VPC.Endpoints {
		at := fmt.Sprintf("vpc.endpoints.%d", i)
		switch {
		case slices.Contains(gateways, name):
			problems.Bad(at, "%s always has a gateway endpoint, which costs nothing: leave it out", name)
		case slices.Contains(s.VPC.Endpoints, "ecr") && strings.HasPrefix(name, "ecr."):
			problems.Bad(at, "ecr stands for ecr.api and ecr.dkr: leave %s out", name)
		}
	}
	return problems
}

// reserved reports whether AWS accepts no VPC in a range.
func reserved(network netip.Prefix) bool {
	for _, no := range []string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"} {
		if netip.MustParsePrefix(no).Overlaps(network) {
			return true
		}
	}
	return false
}

// privateRanges are the ranges for private networks: RFC 1918 and RFC 6598.
var privateRanges = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"}

func isPrivate(network netip.Prefix) bool {
	return slices.ContainsFunc(privateRanges, func(text string) bool {
		all := netip.MustParsePrefix(text)
		return all.Contains(network.Addr()) && all.Bits() <= network.Bits()
	})
}

func (s *Spec) checkZones(region string) []value.Problem {
	var problems value.Problems
	seen := map[int]string{}
	for i, zone := range s.VPC.Zones {
		at := fmt.Sprintf("vpc.zones.%d", i)
		slot := slotOf(zone)
		switch {
		case byID(zone) != byID(s.VPC.Zones[0]):
			problems.Bad(at, "give all zones by name or all by id: a zone's letter differs between accounts, so one "+
				"zone could be there twice")
		case !byID(zone) && region != "" && zone[:len(zone)-1] != region:
			problems.Bad(at, "the zone %s is not in the region %s", zone, region)
		case regionPart(zone) != regionPart(s.VPC.Zones[0]):
			problems.Bad(at, "%s and %s are in different regions", s.VPC.Zones[0], zone)
		case seen[slot] != "":
			problems.Bad(at, "%s and %s cannot both be zones of one region", seen[slot], zone)
		}
		seen[slot] = zone
	}
	return problems
}

// zone is one availability zone of a VPC of our own.
type zone struct {
	slot            int
	name            value.Value
	public, private *resource.Resource // the subnets
	table           *resource.Resource // of the private subnet
}

// key is the end of the names of the zone's resources. It follows from the zone, not from its place in a list.
func (z *zone) key() string { return strconv.Itoa(z.slot) }

// unusual warns of what works and is seldom meant.
func (s *Spec) unusual() []value.Problem {
	network, err := netip.ParsePrefix(s.VPC.CIDR)
	if err != nil || isPrivate(network) {
		return nil
	}
	return []value.Problem{component.Warn([]string{"vpc", "cidr"}, "%s is outside the private ranges %s: the VPC "+
		"cannot reach hosts of the internet that have addresses in it", network, strings.Join(privateRanges, ", "))}
}
