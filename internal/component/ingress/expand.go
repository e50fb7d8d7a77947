package ingress

import (
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

// Spec is empty: users do not write this component.
type Spec struct{ component.Common }

// Kind is the synthetic kind Ingress.
func Kind() component.Kind {
	var outputs []string
	for _, public := range []bool{true, false} {
		for _, what := range perScheme {
			outputs = append(outputs, OutputName(public, what))
		}
	}
	return component.Define(component.Definition[Spec]{
		Name: "Ingress", Synthetic: Address,
		Doc:     "The load balancers that the services of a stack share.",
		Outputs: outputs,
		Demands: func(component.Instance, *Spec) []component.Demand {
			return []component.Demand{{Address: network.Address}}
		},
		Protected: func(in component.Instance, _ *Spec) bool { return in.Production },
		Expand: func(in component.Instance, _ *Spec, c component.Context) (component.Expansion, []value.Problem) {
			out := component.Expansion{Outputs: map[string]value.Value{}}
			var over []value.Problem
			for _, public := range []bool{true, false} {
				if rules := Arrange(public, c.Demands); len(rules.needs) > 0 {
					over = append(over, rules.quotas(balancer(in, rules, &out))...)
				}
			}
			return out, over
		},
	})
}

// Default quotas of one Application Load Balancer ("Quotas for your Application Load Balancers").
const (
	maxRules        = 100 // without default actions
	maxTargetGroups = 100
	maxCertificates = 25 // without the default ones
)

// quotas finds where one load balancer exceeds AWS's default quotas.
func (r *Rules) quotas(certificates int) []value.Problem {
	var out []value.Problem
	check := func(count int, what, quota string, limit int) {
		if count > limit {
			out = append(out, component.OverQuota(nil, count, what+" of the "+scheme(r.public)+" load balancer", quota,
				limit))
		}
	}
	check(len(r.needs)+len(r.hostsWithHTTPS), "rules", "Rules per Application Load Balancer", maxRules)
	check(len(r.needs), "target groups", "Target Groups per Application Load Balancer", maxTargetGroups)
	check(certificates-1, "certificates", "Certificates per Application Load Balancer", maxCertificates)
	return out
}

// balancer makes one load balancer with its shared parts, and returns how many certificates it has.
func balancer(in component.Instance, rules *Rules, out *component.Expansion) int {
	kind := scheme(rules.public)
	add := func(name, typ string, props any, after ...string) *resource.Resource {
		r := in.Resource(kind+"-"+name, typ, props, after...)
		out.Resources = append(out.Resources, r)
		return r
	}
	give := func(what string, v value.Value) { out.Outputs[OutputName(rules.public, what)] = v }

	group := add("security-group", ec2.SecurityGroupType, ec2.SecurityGroup{
		GroupName: in.Prefix(kind), VPCID: value.Expr[string](network.Output(network.VPCID)),
		Description: "The " + kind + " load balancer of " + in.Stack + " in " + in.Environment,
	})
	opened := []string{openPort(add, rules.public, group, "http", 80)}
	ports := map[string]int{"http": 80}
	if len(rules.hostsWithHTTPS) > 0 {
		opened = append(opened, openPort(add, rules.public, group, "https", 443))
		ports["https"] = 443
	}
	props := elbv2.LoadBalancer{
		// A name has only 32 characters, and AWS shows the scheme beside it, so the scheme may be cut off. The stack
		// comes first, so that IAM policies can match the stack's load balancers by name.
		Name: strings.Join([]string{in.Stack, in.Environment, kind}, resource.PartSeparator), Scheme: elbv2.Internal,
		VPCID:          value.Expr[string](network.Output(network.VPCID)),
		Subnets:        value.Expr[[]string](network.Output(network.InternalBalancerSubnetIDs)),
		SecurityGroups: value.Expr[[]string](value.NewList(group.Output("id"))),
	}
	if rules.public {
		props.Scheme = elbv2.InternetFacing
		props.Subnets = value.Expr[[]string](network.Output(network.PublicBalancerSubnetIDs))
	}
	if in.Production {
		props.DeletionProtection = &in.Production
	}
	lb := add("load-balancer", elbv2.LoadBalancerType, props, opened...)
	out.Guarded = append(out.Guarded, lb.Name) // the services bring and remove listeners and rules
	give(DNSName, lb.Output("dnsName"))
	give(ZoneID, lb.Output("zoneId"))
	give(ARNSuffix, lb.Output("arnSuffix"))
	give(SecurityGroup, group.Output("id"))

	http := add("http-listener", elbv2.ListenerType, elbv2.Listener{
		LoadBalancerARN: value.Expr[string](lb.Output("arn")), Port: ports["http"], Protocol: "HTTP",
		DefaultAction: elbv2.NotFound(),
	})
	give(HTTPListener, http.Output("arn"))
	rules.records(in, lb.Output("dnsName"), lb.Output("zoneId"), out)
	if len(rules.hostsWithHTTPS) == 0 {
		return 0
	}
	certificates := rules.certificates(in, out)
	https := add("https-listener", elbv2.ListenerType, elbv2.Listener{
		LoadBalancerARN: value.Expr[string](lb.Output("arn")), Port: ports["https"], Protocol: "HTTPS",
		CertificateARN: value.Expr[string](certificates[0]), DefaultAction: elbv2.NotFound(),
	})
	give(HTTPSListener, https.Output("arn"))
	// One set for all: only AWS knows which hosts share a wildcard certificate, and the certificate must stay until the
	// last of these hosts is gone. The set includes the default. Otherwise a host whose certificate stops being the
	// default would have no certificate until the set is updated.
	served := add("certificates", elbv2.ListenerCertificatesType, elbv2.ListenerCertificates{
		ListenerARN:     value.Expr[string](https.Output("arn")),
		CertificateARNs: value.Expr[[]string](value.NewList(certificates...)),
	})
	for _, host := range rules.hostsWithHTTPS {
		add("redirect-"+slug(host), elbv2.ListenerRuleType, elbv2.ListenerRule{
			ListenerARN:  value.Expr[string](http.Output("arn")),
			LoadBalancer: value.Expr[string](lb.Output("arnSuffix")),
			Priority:     rules.http["redirect "+host], Hosts: []string{host}, Action: elbv2.ToHTTPS(),
		}, served.ID()) // no redirect to HTTPS before it has a certificate
	}
	return len(certificates)
}

// openPort lets the world, or the VPC, reach a port of the load balancer. It returns the last rule's ID.
func openPort(
	add func(string, string, any, ...string) *resource.Resource, public bool, group *resource.Resource, name string,
	port int,
) string {
	cidr := network.Output(network.CIDR)
	from := "the VPC"
	if public {
		cidr, from = value.NewString("0.0.0.0/0"), "anywhere"
	}
	return add("from-"+name, ec2.SecurityGroupRuleType, ec2.SecurityGroupRule{
		SecurityGroupID: value.Expr[string](group.Output("id")), Direction: ec2.Ingress, Protocol: "tcp",
		FromPort: value.Lit(port), ToPort: value.Lit(port), CIDR: value.Expr[string](cidr),
		Description: strings.ToUpper(name) + " from " + from,
	}).ID()
}

// slug turns a host into part of a resource name; distinct hosts stay distinct.
var slug = strings.NewReplacer("*", "_any", "?", "_one", "-", "--", ".", "-").Replace
