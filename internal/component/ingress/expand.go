package ingress

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/acm"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/resource/route53"
	"github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/resource/wafv2"
	"github.com/company/deployer/internal/value"
)

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
			component.Generated{
				Name: kind + "from-http-*", Type: ec2.SecurityGroupRuleType,
				When: when + ", one for each further range of an existing VPC",
			},
			component.Generated{
				Name: kind + "from-https-*", Type: ec2.SecurityGroupRuleType,
				When: https + ", one for each further range of an existing VPC",
			},
			component.Generated{Name: kind + "load-balancer", Type: elbv2.LoadBalancerType, When: when},
			component.Generated{Name: kind + "http-listener", Type: elbv2.ListenerType, When: when},
			component.Generated{Name: kind + "https-listener", Type: elbv2.ListenerType, When: https},
			component.Generated{Name: kind + "certificates", Type: elbv2.ListenerCertificatesType, When: https},
			component.Generated{Name: kind + "redirect-*", Type: elbv2.ListenerRuleType, When: https},
			component.Generated{
				Name: kind + "log-bucket",
				Type: s3.BucketType,
				When: "with `accessLogs` without a bucket",
			},
			component.Generated{
				Name: kind + "log-bucket-policy",
				Type: s3.BucketPolicyType,
				When: "with `accessLogs` without a bucket",
			},
			component.Generated{Name: kind + "web-acl", Type: wafv2.AssociationType, When: "with `webAcl`"},
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
		Check:     check,
		Protected: func(in component.Instance, _ *Spec) bool { return in.Production },
		Expand: func(in component.Instance, s *Spec, c component.Context) (component.Expansion, []value.Problem) {
			out := component.Expansion{Outputs: map[string]value.Value{}}
			var over []value.Problem
			for _, public := range []bool{true, false} {
				rules := arrange(public, s.balancer(public), c.Demands)
				switch {
				case len(rules.needs) == 0:
				case rules.set.Existing != nil:
					rules.join(in, &out)
				default:
					certificates, problems := balancer(in, rules, c, &out)
					over = append(over, append(problems, rules.quotas(certificates)...)...)
				}
			}
			return out, over
		},
	})
}

// balancing is Elastic Load Balancing in Service Quotas.
const balancing = "elasticloadbalancing"

// Quotas of one Application Load Balancer ("Quotas for your Application Load Balancers"), with their defaults.
var (
	rulesQuota = component.Limited{ // without default actions
		Service: balancing, Code: "L-7EED9B64", Name: "Rules per Application Load Balancer", Default: 100,
	}
	targetGroupsQuota = component.Limited{
		Service: balancing, Code: "L-822D1B1B", Name: "Target Groups per Application Load Balancer", Default: 100,
		Fixed: true,
	}
	certificatesQuota = component.Limited{ // without the default ones
		Service: balancing, Code: "L-9365A611", Name: "Certificates per Application Load Balancer", Default: 25,
	}
)

// quotas finds where one load balancer exceeds AWS's default quotas.
func (r *Rules) quotas(certificates int) []value.Problem {
	var out []value.Problem
	check := func(count int, what string, quota component.Limited) {
		if count > quota.Default {
			out = append(out, component.OverQuota(nil, count, what+" of the "+scheme(r.public)+" load balancer", quota))
		}
	}
	check(len(r.http)+len(r.https), "rules", rulesQuota)
	check(len(r.needs), "target groups", targetGroupsQuota)
	check(certificates-1, "certificates", certificatesQuota)
	return out
}

// keptDays is how many days access logs are kept, unless the settings say so.
const keptDays = 90

// existing is the end of the name of the lookup of an existing load balancer.
const existing = "-existing"

// join finds the load balancer that somebody else has made. Only the records of the hosts are ours.
func (r *Rules) join(in component.Instance, out *component.Expansion) {
	want := elbv2.ListenerLookup{
		LoadBalancer: r.set.Existing.LoadBalancer, Listener: r.set.Existing.Listener, Scheme: elbv2.Internal,
		VPCID: value.Expr[string](network.Output(network.VPCID)),
		Tags:  map[string]string{resource.TagStack: in.Stack, resource.TagEnvironment: in.Environment},
	}
	if r.public {
		want.Scheme = elbv2.InternetFacing
	}
	for _, n := range r.needs {
		if n.Priority != 0 {
			want.Priorities = append(want.Priorities, n.Priority)
		}
	}
	slices.Sort(want.Priorities)
	found := in.Data(scheme(r.public)+existing, elbv2.LookupListener, want)
	out.Resources = append(out.Resources, found)
	for what, v := range map[string]value.Value{
		DNSName: found.Output("dnsName"), ZoneID: found.Output("zoneId"),
		SecurityGroup: found.Output("securityGroupId"),
		ARNSuffix:     value.NewString(elbv2.BalancerOf(r.set.Existing.arn())),
	} {
		out.Outputs[OutputName(r.public, what)] = v
	}
	r.records(in, found.Output("dnsName"), found.Output("zoneId"), out)
}

// slug turns a host into part of a resource name; distinct hosts stay distinct.
var slug = strings.NewReplacer("*", "_any", "?", "_one", "-", "--", ".", "-").Replace
