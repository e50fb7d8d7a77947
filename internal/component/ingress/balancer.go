package ingress

import (
	"strconv"
	"strings"
	"time"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/resource/wafv2"
	"github.com/company/deployer/internal/value"
)

// adder adds a resource of one load balancer.
type adder func(name, typ string, props any, after ...string) *resource.Resource

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
	if len(rules.hostsWithHTTPS) > 0 {
		opened = append(opened, openPort(add, ranges, from, group, "https", 443)...)
	}
	props := balancerProps(in, rules, kind, group)
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
		LoadBalancerARN: value.Expr[string](lb.Output("arn")), Port: 80, Protocol: "HTTP",
		DefaultAction: elbv2.NotFound(),
	})
	give(HTTPListener, http.Output("arn"))
	rules.records(in, lb.Output("dnsName"), lb.Output("zoneId"), out)
	if len(rules.hostsWithHTTPS) == 0 {
		return 0, problems
	}
	return secure(in, rules, add, lb, http, out), problems
}

// balancerProps are the properties of one load balancer.
func balancerProps(in component.Instance, rules *Rules, kind string, group *resource.Resource) elbv2.LoadBalancer {
	set := rules.set
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
	return props
}

// secure adds the listener for HTTPS with its certificates, and redirects from HTTP. It returns how many certificates
// there are.
func secure(
	in component.Instance, rules *Rules, add adder, lb, http *resource.Resource, out *component.Expansion,
) int {
	certificates := rules.certificates(in, out)
	https := add("https-listener", elbv2.ListenerType, elbv2.Listener{
		LoadBalancerARN: value.Expr[string](lb.Output("arn")), Port: 443, Protocol: "HTTPS",
		CertificateARN: value.Expr[string](certificates[0]), SSLPolicy: rules.set.TLSPolicy,
		DefaultAction: elbv2.NotFound(),
	})
	out.Outputs[OutputName(rules.public, HTTPSListener)] = https.Output("arn")
	// One set for all: only AWS knows which hosts share a wildcard certificate, and the certificate must stay until the
	// last of these hosts is gone. The set includes the default. Otherwise a host whose certificate stops being the
	// default would have no certificate until the set is updated.
	served := add("certificates", elbv2.ListenerCertificatesType, elbv2.ListenerCertificates{
		ListenerARN:     value.Expr[string](https.Output("arn")),
		CertificateARNs: value.Expr[[]string](value.NewList(certificates...)),
	})
	if !rules.set.redirects() {
		return len(certificates)
	}
	for _, host := range rules.hostsWithHTTPS {
		add("redirect-"+slug(host), elbv2.ListenerRuleType, elbv2.ListenerRule{
			ListenerARN:  value.Expr[string](http.Output("arn")),
			LoadBalancer: value.Expr[string](lb.Output("arnSuffix")),
			Priority:     rules.http["redirect "+host], Hosts: []string{host}, Action: elbv2.ToHTTPS(),
		}, served.ID()) // no redirect to HTTPS before it has a certificate
	}
	return len(certificates)
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

// openPort lets the world, or all ranges of the VPC, reach a port of the load balancer. It returns the rules' IDs.
func openPort(
	add adder, ranges []network.Range, from string, group *resource.Resource, name string, port int,
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
