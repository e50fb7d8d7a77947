package ingress

import (
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/acm"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/resource/route53"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec. Without a manifest everything has its default.
type Spec struct {
	component.Common

	Public   Balancer `json:"public,omitempty" doc:"Settings of the load balancer that is reached from the internet."`
	Internal Balancer `json:"internal,omitempty" doc:"Settings of the load balancer that is reached from inside the network."`
}

// Balancer are the settings of one shared load balancer.
type Balancer struct {
	IdleTimeout        value.Duration `json:"idleTimeout,omitempty" min:"1s" max:"4000s" step:"1s" unset:"60s" doc:"How long a connection may be silent."`
	TLSPolicy          string         `json:"tlsPolicy,omitempty" pattern:"^ELBSecurityPolicy-[A-Za-z0-9-]+$" form:"the name of a security policy of Elastic Load Balancing" unset:"ELBSecurityPolicy-TLS13-1-2-2021-06" doc:"TLS versions and ciphers of HTTPS."`
	DeletionProtection *bool          `json:"deletionProtection,omitempty" unset:"true in production" doc:"AWS refuses to delete the load balancer. deployer switches it off before a delete that --allow-data-loss allows."`
	DropInvalidHeaders *bool          `json:"dropInvalidHeaders,omitempty" unset:"true" doc:"Header fields that are not valid HTTP do not reach the containers."`
	DesyncMitigation   string         `json:"desyncMitigation,omitempty" enum:"monitor,defensive,strictest" unset:"defensive" doc:"What happens to requests that could desynchronise proxies."`
}

func (s *Spec) balancer(public bool) Balancer {
	if public {
		return s.Public
	}
	return s.Internal
}

func generated() []component.Generated {
	var out []component.Generated
	for _, public := range []bool{true, false} {
		kind, when := scheme(public)+"-", "while a service needs it"
		https := when + ", with `certificate`"
		out = append(
			out,
			component.Generated{Name: kind + "security-group", Type: ec2.SecurityGroupType, When: when},
			component.Generated{Name: kind + "from-http", Type: ec2.SecurityGroupRuleType, When: when},
			component.Generated{Name: kind + "from-https", Type: ec2.SecurityGroupRuleType, When: https},
			component.Generated{Name: kind + "load-balancer", Type: elbv2.LoadBalancerType, When: when},
			component.Generated{Name: kind + "http-listener", Type: elbv2.ListenerType, When: when},
			component.Generated{Name: kind + "https-listener", Type: elbv2.ListenerType, When: https},
			component.Generated{Name: kind + "certificates", Type: elbv2.ListenerCertificatesType, When: https},
			component.Generated{Name: kind + "redirect-*", Type: elbv2.ListenerRuleType, When: https},
			component.Generated{
				Name: kind + "certificate-*",
				Type: acm.CertificateType,
				When: "with `certificate: auto`",
			},
			component.Generated{
				Name: kind + "record-*",
				Type: route53.RecordType,
				When: "for hosts with a hosted zone",
			},
		)
	}
	return out
}

func words() map[string]string {
	out := map[string]string{}
	for _, public := range []bool{true, false} {
		of := " of the " + scheme(public) + " load balancer."
		for what, text := range map[string]string{
			DNSName: "DNS name", ZoneID: "Hosted zone, for alias records,", ARNSuffix: "Name in CloudWatch",
			SecurityGroup: "Id of the security group", HTTPListener: "ARN of the HTTP listener",
			HTTPSListener: "ARN of the HTTPS listener", DNSRecords: "DNS records to make by hand for the hosts",
		} {
			out[OutputName(public, what)] = text + of
		}
	}
	return out
}

// Kind is the kind Ingress. A stack has one, with or without a manifest.
func Kind() component.Kind {
	var outputs []string
	for _, public := range []bool{true, false} {
		for _, what := range perScheme {
			outputs = append(outputs, OutputName(public, what))
		}
	}
	return component.Define(component.Definition[Spec]{
		Name: "Ingress", Group: "infra.deployer.io/v1", Synthetic: Address,
		Doc:       "The load balancers that the services of a stack share, one public and one internal.",
		Outputs:   outputs,
		Words:     words(),
		Resources: generated(),
		Demands: func(component.Instance, *Spec) []component.Demand {
			return []component.Demand{{Address: network.Address}}
		},
		Protected: func(in component.Instance, _ *Spec) bool { return in.Production },
		Expand: func(in component.Instance, s *Spec, c component.Context) (component.Expansion, []value.Problem) {
			out := component.Expansion{Outputs: map[string]value.Value{}}
			var over []value.Problem
			for _, public := range []bool{true, false} {
				if rules := Arrange(public, c.Demands); len(rules.needs) > 0 {
					over = append(over, rules.quotas(balancer(in, rules, s.balancer(public), &out))...)
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
func balancer(in component.Instance, rules *Rules, set Balancer, out *component.Expansion) int {
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
	if set.DeletionProtection != nil {
		props.DeletionProtection = set.DeletionProtection
	}
	props.IdleTimeout, props.DropInvalidHeaders = set.IdleTimeout.Seconds(), set.DropInvalidHeaders
	props.DesyncMitigation = set.DesyncMitigation
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
		CertificateARN: value.Expr[string](certificates[0]), SSLPolicy: set.TLSPolicy, DefaultAction: elbv2.NotFound(),
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
