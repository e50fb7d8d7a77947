package ingress

import (
	"slices"
	"strconv"
	"strings"
	"time"

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
	check(len(r.http)+len(r.https), "rules", "Rules per Application Load Balancer", maxRules)
	check(len(r.needs), "target groups", "Target Groups per Application Load Balancer", maxTargetGroups)
	check(certificates-1, "certificates", "Certificates per Application Load Balancer", maxCertificates)
	return out
}

// balancer makes one load balancer with its shared parts, and returns how many certificates it has.
func balancer(
	in component.Instance, rules *Rules, c component.Context, out *component.Expansion,
) (int, []value.Problem) {
	set := rules.set
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
	ranges, from := network.Ranges(c), "the VPC"
	if rules.public {
		ranges, from = []network.Range{{CIDR: value.NewString("0.0.0.0/0")}}, "anywhere"
	}
	opened := openPort(add, ranges, from, group, "http", 80)
	ports := map[string]int{"http": 80}
	if len(rules.hostsWithHTTPS) > 0 {
		opened = append(opened, openPort(add, ranges, from, group, "https", 443)...)
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
	logs, problems := accessLogs(in, kind, set, out)
	if props.AccessLogs = logs.properties; logs.policy != nil {
		opened = append(opened, logs.policy.ID())
	}
	lb := add("load-balancer", elbv2.LoadBalancerType, props, opened...)
	out.Guarded = append(out.Guarded, lb.Name) // the services bring and remove listeners and rules
	if set.WebACL.IsSet() {
		add("web-acl", wafv2.AssociationType, wafv2.Association{
			ResourceARN: value.Expr[string](lb.Output("arn")), WebACLARN: set.WebACL,
		})
	}
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
		return 0, problems
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
	if !set.redirects() {
		return len(certificates), problems
	}
	for _, host := range rules.hostsWithHTTPS {
		add("redirect-"+slug(host), elbv2.ListenerRuleType, elbv2.ListenerRule{
			ListenerARN:  value.Expr[string](http.Output("arn")),
			LoadBalancer: value.Expr[string](lb.Output("arnSuffix")),
			Priority:     rules.http["redirect "+host], Hosts: []string{host}, Action: elbv2.ToHTTPS(),
		}, served.ID()) // no redirect to HTTPS before it has a certificate
	}
	return len(certificates), problems
}

// logging is what the access logs of one load balancer need.
type logging struct {
	properties *elbv2.AccessLogs
	policy     *resource.Resource // nil: the bucket is somebody else's
}

// maxBucketName is how long the name of a bucket may be.
const maxBucketName = 63

// accessLogs makes the bucket for access logs, unless the settings name one.
func accessLogs(
	in component.Instance, kind string, set Balancer, out *component.Expansion,
) (logging, []value.Problem) {
	if set.AccessLogs == nil {
		return logging{}, nil
	}
	props := &elbv2.AccessLogs{Bucket: set.AccessLogs.Bucket, Prefix: set.AccessLogs.Prefix}
	if props.Bucket.IsSet() {
		return logging{properties: props}, nil
	}
	name := in.ResourceName(maxBucketName, in.GlobalSeeds(), kind, "logs")
	if why := s3.UnfitName(name); why != "" {
		return logging{}, []value.Problem{component.Invalid([]string{kind, "accessLogs"},
			"the bucket would have the name %s, and %s: name a bucket with accessLogs.bucket", name, why)}
	}
	days := keptDays
	if set.AccessLogs.Retention != 0 {
		days = int(time.Duration(set.AccessLogs.Retention) / (24 * time.Hour))
	}
	bucket := in.Resource(kind+"-log-bucket", s3.BucketType, s3.Bucket{
		Name: name, Encryption: &s3.Encryption{Algorithm: "AES256"}, // all that ELB can write to
		Lifecycle: []s3.LifecycleRule{{ID: "expire", ExpireAfter: days, AbortUploadsAfter: 1}},
		// Logs keep coming. When the load balancer may be deleted, they may be, too.
		ForceDestroy: true,
	})
	prefix := "/"
	if props.Prefix != "" {
		prefix = "/" + props.Prefix + "/"
	}
	// AWS recommends this principal for all regions. Only the older ones also know accounts of ELB.
	policy := in.Resource(kind+"-log-bucket-policy", s3.BucketPolicyType, s3.BucketPolicy{
		Bucket: value.Expr[string](bucket.Output("name")),
		Policy: s3.Policy(s3.TLSOnly(bucket.Output("arn")), value.NewMap(map[string]value.Value{
			"Sid": value.NewString("AccessLogs"), "Effect": value.NewString("Allow"),
			"Principal": value.NewMap(map[string]value.Value{
				"Service": value.NewString("logdelivery.elasticloadbalancing.amazonaws.com"),
			}),
			"Action":   value.NewString("s3:PutObject"),
			"Resource": value.Concat(bucket.Output("arn"), prefix+"AWSLogs/"+in.Account+"/*"),
		})),
	})
	props.Bucket = value.Expr[string](bucket.Output("name"))
	out.Resources = append(out.Resources, bucket, policy)
	out.Guarded = append(out.Guarded, bucket.Name)
	return logging{props, policy}, nil
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

// openPort lets the world, or all ranges of the VPC, reach a port of the load balancer. It returns the rules' IDs.
func openPort(
	add func(string, string, any, ...string) *resource.Resource, ranges []network.Range, from string,
	group *resource.Resource, name string, port int,
) []string {
	var ids []string
	for i, each := range ranges {
		number := ""
		if i > 0 {
			number = "-" + strconv.Itoa(i+1)
		}
		rule := add("from-"+name+number, ec2.SecurityGroupRuleType, ec2.SecurityGroupRule{
			SecurityGroupID: value.Expr[string](group.Output("id")), Direction: ec2.Ingress, Protocol: "tcp",
			FromPort: value.Lit(port), ToPort: value.Lit(port), CIDR: value.Expr[string](each.CIDR),
			Description: strings.ToUpper(name) + " from " + from,
		})
		rule.Only = each.Only
		ids = append(ids, rule.ID())
	}
	return ids
}

// slug turns a host into part of a resource name; distinct hosts stay distinct.
var slug = strings.NewReplacer("*", "_any", "?", "_one", "-", "--", ".", "-").Replace
