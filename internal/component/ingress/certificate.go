package ingress

import (
	"slices"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/acm"
	"github.com/company/deployer/internal/value"
)

// certificates are the ARNs of all certificates, in the order of their hosts. Known ARNs are listed once. The first is
// the listener's default, for clients that name no host.
func (r *Rules) certificates(in component.Instance, out *component.Expansion) []value.Value {
	byHost := map[string]value.Value{}
	hostsOf := map[string][]string{} // by known ARN
	for _, n := range r.needs {
		for _, host := range n.Hosts {
			if n.HTTPS() && !n.Certificate.IsNull() {
				byHost[host] = n.Certificate // a certificate that a user names wins over a lookup
				if arn := n.Certificate.Str(); arn != "" && !slices.Contains(hostsOf[arn], host) {
					hostsOf[arn] = append(hostsOf[arn], host)
				}
			}
		}
	}
	_, needs := r.hosts()
	var all []value.Value
	for _, host := range r.hostsWithHTTPS {
		arn, named := byHost[host]
		switch {
		case !named:
			arn = r.requested(in, host, needs[host], out)
		case len(hostsOf[arn.Str()]) > 0 && hostsOf[arn.Str()][0] == host:
			r.verified(in, host, arn.Str(), hostsOf[arn.Str()], out)
		}
		if !slices.ContainsFunc(all, func(other value.Value) bool { return value.Equal(other, arn) }) {
			all = append(all, arn)
		}
	}
	return all
}

// verified checks the certificate that a user names, as early as the plan: its region and its state, which AWS would
// refuse, and its names, which only clients would.
func (r *Rules) verified(in component.Instance, host, arn string, hosts []string, out *component.Expansion) {
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !Recordable(host) })
	slices.Sort(hosts)
	found := in.Data(scheme(r.public)+"-verify-"+slug(host), acm.LookupCertificate,
		acm.CertificateLookup{ARN: arn, Hosts: hosts})
	out.Resources = append(out.Resources, found)
	out.Notes = append(out.Notes, resource.Hint{When: found.Output("partial"), Text: []value.Value{
		value.NewString("the certificate " + arn + " is not for "), found.Output("uncovered"),
		value.NewString(": browsers will refuse it there"),
	}})
}

// requested finds an issued certificate for a host, or requests one. It is validated by a record in a public zone.
// Where there is none, somebody makes the record by hand.
func (r *Rules) requested(in component.Instance, host string, need Need, out *component.Expansion) value.Value {
	kind := scheme(r.public)
	find := acm.CertificateLookup{Domain: host, Stack: in.Stack, Environment: in.Environment}
	found := in.Data(kind+"-find-"+slug(host), acm.LookupCertificate, find)
	missing := found.Output("missing")
	props := acm.Certificate{Domain: host}
	byHand := value.NewBool(true)
	if need.Zone != NoZone {
		zone := r.publicZone(in, host, need, out)
		byHand = zone.Output("missing")
		props.ZoneID = value.Expr[string](value.When(zone.Output("found"), zone.Output("id")))
		props.Role = value.Expr[string](need.ZoneRole)
	}
	certificate := in.Resource(kind+"-certificate-"+slug(host), acm.CertificateType, props)
	certificate.Only = missing
	out.Resources = append(out.Resources, found, certificate)
	byHand = value.When(missing, byHand)
	// The state of an apply that was interrupted early does not have the record yet.
	name := value.First(certificate.Output("recordName"), value.NewString("(the apply names it)"))
	target := value.First(certificate.Output("recordValue"), value.NewString("(the apply names it)"))
	out.Notes = append(out.Notes, resource.Hint{When: byHand, Text: []value.Value{
		value.NewString("make this DNS record by hand, and leave it: "), name, value.NewString(" CNAME "), target,
		value.NewString(". ACM validates and renews the certificate for " + host + " by it; an apply waits up to 30 " +
			"minutes for the validation"),
	}})
	if list := OutputName(r.public, DNSRecords); !out.Outputs[list].IsNull() {
		out.Outputs[list] = value.Flatten(out.Outputs[list], value.When(byHand, value.NewMap(map[string]value.Value{
			"name": certificate.Output("recordName"), "type": value.NewString("CNAME"),
			"target": certificate.Output("recordValue"),
		})))
	}
	return value.First(found.Output("arn"), certificate.Output("arn"))
}
