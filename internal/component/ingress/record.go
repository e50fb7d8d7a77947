package ingress

import (
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/route53"
	"github.com/company/deployer/internal/value"
)

// NoZone is the Need.Zone of hosts without records.
const NoZone = "none"

// Recordable reports whether DNS can have a host: * stands only for the whole first label.
func Recordable(host string) bool { return !strings.ContainsAny(strings.TrimPrefix(host, "*."), "*?") }

var zoneID = regexp.MustCompile(`^[A-Z0-9]{8,32}$`)

// ZoneName reports whether a Need.Zone is the name of a zone.
func ZoneName(zone string) bool { return zone != "" && zone != NoZone && !zoneID.MatchString(zone) }

func sameZone(a, b Need) bool { return a.Zone == b.Zone && value.Equal(a.ZoneRole, b.ZoneRole) }

// hosts are all hosts of one load balancer, sorted, each with the first need that has it.
func (r *Rules) hosts() ([]string, map[string]Need) {
	by := map[string]Need{}
	for _, n := range r.needs {
		for _, host := range n.Hosts {
			if _, known := by[host]; !known {
				by[host] = n.Need
			}
		}
	}
	hosts := make([]string, 0, len(by))
	for host := range by {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return hosts, by
}

// records makes the DNS records of the hosts, where there is a hosted zone for them, and says which ones are left to
// make by hand. They belong to the load balancer and not to the services, because services may share a host.
func (r *Rules) records(in component.Instance, dnsName, zoneID value.Value, out *component.Expansion) {
	kind := scheme(r.public)
	var byHand []value.Value
	left := func(host, why string, when value.Value) {
		record := value.NewMap(map[string]value.Value{
			"name": value.NewString(host), "type": value.NewString("alias or CNAME"), "target": dnsName,
		})
		byHand = append(byHand, value.When(when, record))
		out.Notes = append(out.Notes, resource.Hint{When: when, Text: []value.Value{
			value.NewString(
				host + " " + why + ": make its records by hand, aliases (A and AAAA) of or a CNAME to ",
			), dnsName,
		}})
	}
	hosts, needs := r.hosts()
	for _, host := range hosts {
		need := needs[host]
		switch {
		case need.Zone == NoZone:
			left(host, "gets no records (zone: none)", value.NewBool(true))
			continue
		case !Recordable(host):
			left(host, "is a pattern, and DNS has records for names only", value.NewBool(true))
			continue
		}
		zone := r.zone(in, host, need, out)
		record := in.Resource(kind+"-record-"+slug(host), route53.RecordType, route53.Record{
			ZoneID: value.Expr[string](zone.Output("id")), Name: host, Types: []string{"A", "AAAA"},
			Alias: &route53.Alias{DNSName: value.Expr[string](dnsName), ZoneID: value.Expr[string](zoneID)},
			Role:  value.Expr[string](need.ZoneRole),
		})
		record.Only = zone.Output("found")
		out.Resources = append(out.Resources, record)
		left(host, "has no hosted zone in the account", zone.Output("missing"))
	}
	if len(byHand) > 0 {
		out.Outputs[OutputName(r.public, DNSRecords)] = value.Flatten(byHand...)
	}
}

// publicZone is the zone in which ACM looks for the record of a certificate. Private zones cannot be seen from outside.
func (r *Rules) publicZone(
	in component.Instance, host string, need Need, out *component.Expansion,
) *resource.Resource {
	if r.public {
		return in.Data(
			scheme(true)+"-zone-"+slug(host),
			route53.LookupZone,
			route53.ZoneLookup{},
		) // the one of the records
	}
	zone := in.Data(scheme(false)+"-public-zone-"+slug(host), route53.LookupZone,
		route53.ZoneLookup{Host: host, Role: value.Expr[string](need.ZoneRole)})
	out.Resources = append(out.Resources, zone)
	return zone
}

// zone looks for the hosted zone of a host: a public one for the public load balancer, else a private one of the VPC.
func (r *Rules) zone(in component.Instance, host string, need Need, out *component.Expansion) *resource.Resource {
	ask := route53.ZoneLookup{
		Host: host, Private: !r.public, Zone: need.Zone, Role: value.Expr[string](need.ZoneRole),
	}
	if !r.public {
		ask.VPCID = value.Expr[string](network.Output(network.VPCID))
	}
	zone := in.Data(scheme(r.public)+"-zone-"+slug(host), route53.LookupZone, ask)
	out.Resources = append(out.Resources, zone)
	return zone
}
