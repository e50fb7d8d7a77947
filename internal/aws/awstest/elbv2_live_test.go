package awstest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

var _ = liveObjects(answerELB,
	liveType{
		file: "ElasticLoadBalancingV2-LoadBalancer", typ: model.LoadBalancerType, props: liveLoadBalancer,
		explicit: []string{"dropInvalidHeaders"},
	},
	liveType{
		file: "ElasticLoadBalancingV2-TargetGroup", typ: model.TargetGroupType, props: liveTargetGroup,
		explicit: []string{"targetType", "healthCheck.protocol"},
	},
	liveType{
		file: "ElasticLoadBalancingV2-Listener", typ: model.ListenerType, props: liveListener,
		explicit: []string{"sslPolicy"},
	},
	liveType{file: "ElasticLoadBalancingV2-ListenerRule", typ: model.ListenerRuleType, props: liveRule},
	liveType{
		file: "ElasticLoadBalancingV2-ListenerCertificate", typ: model.ListenerCertificatesType,
		props: func(l live) (any, string, string) {
			var arns []string
			for _, c := range l.Declared.list("Certificates") {
				arns = append(arns, c.text("CertificateArn"))
			}
			listener := l.Declared.text("ListenerArn")
			return model.ListenerCertificates{ListenerARN: lit(listener), CertificateARNs: value.Lit(arns)}, listener,
				""
		},
	},
)

const anyVPC = "vpc-0123456789abcdef0"

func liveLoadBalancer(l live) (any, string, string) {
	d := l.Declared
	if kind := l.Live.text("Type"); kind != "application" {
		return nil, "", "the type " + kind
	}
	b := model.LoadBalancer{
		Name: l.Live.text("LoadBalancerName"), Scheme: l.Live.text("Scheme"), VPCID: lit(anyVPC),
		Subnets: value.Lit(d.texts("Subnets")), SecurityGroups: value.Lit(l.Live.texts("SecurityGroups")),
		IPAddressType: d.text("IpAddressType"), Tags: d.tags(),
	}
	if groups := d.texts("SecurityGroups"); len(groups) > 0 {
		b.SecurityGroups = value.Lit(groups)
	}
	if scheme := d.text("Scheme"); scheme != "" {
		b.Scheme = scheme
	}
	for key, text := range d.pairs("LoadBalancerAttributes", "Key", "Value") {
		yes := text == "true"
		switch key {
		case "deletion_protection.enabled":
			b.DeletionProtection = &yes
		case "routing.http.drop_invalid_header_fields.enabled":
			b.DropInvalidHeaders = &yes
		case "routing.http2.enabled":
			b.HTTP2 = &yes
		case "routing.http.desync_mitigation_mode":
			b.DesyncMitigation = text
		case "idle_timeout.timeout_seconds":
			b.IdleTimeout, _ = strconv.Atoi(text)
		case "access_logs.s3.bucket", "access_logs.s3.prefix":
			if b.AccessLogs == nil {
				b.AccessLogs = &model.AccessLogs{}
			}
			if key == "access_logs.s3.bucket" {
				b.AccessLogs.Bucket = value.Lit(text)
			} else {
				b.AccessLogs.Prefix = text
			}
		}
	}
	return b, l.Live.text("LoadBalancerArn"), ""
}

func liveTargetGroup(l live) (any, string, string) {
	d := l.Declared
	if protocol := d.text("Protocol"); !strings.HasPrefix(protocol, "HTTP") {
		return nil, "", fmt.Sprintf("the protocol %q", protocol)
	}
	g := model.TargetGroup{
		Name: l.Live.text("TargetGroupName"), Port: d.int("Port"), Protocol: d.text("Protocol"),
		ProtocolVersion: d.text("ProtocolVersion"),
		VPCID:           lit(d.text("VpcId")), TargetType: d.text("TargetType"), Tags: d.tags(),
		HealthCheck: model.HealthCheck{
			Path: d.text("HealthCheckPath"), Port: d.text("HealthCheckPort"), Protocol: d.text("HealthCheckProtocol"),
			Interval: d.int("HealthCheckIntervalSeconds"), Timeout: d.int("HealthCheckTimeoutSeconds"),
			HealthyThreshold: d.int("HealthyThresholdCount"), UnhealthyThreshold: d.int("UnhealthyThresholdCount"),
			Matcher: d.at("Matcher").text("HttpCode") + d.at("Matcher").text("GrpcCode"),
		},
	}
	attributes := d.pairs("TargetGroupAttributes", "Key", "Value")
	if text, given := attributes["deregistration_delay.timeout_seconds"]; given {
		n, _ := strconv.Atoi(text)
		g.DeregistrationDelay = &n
	}
	g.SlowStart, _ = strconv.Atoi(attributes["slow_start.duration_seconds"])
	if attributes["stickiness.enabled"] == "true" {
		g.Stickiness = &model.Stickiness{Duration: 86400}
		if text, given := attributes["stickiness.lb_cookie.duration_seconds"]; given {
			g.Stickiness.Duration, _ = strconv.Atoi(text)
		}
	}
	return g, l.Live.text("TargetGroupArn"), ""
}

func liveAction(actions []object) (model.Action, string) {
	if len(actions) != 1 {
		return model.Action{}, "more than one action"
	}
	a := actions[0]
	switch a.text("Type") {
	case "forward":
		target := a.text("TargetGroupArn")
		if groups := a.at("ForwardConfig").list("TargetGroups"); len(groups) == 1 {
			target = groups[0].text("TargetGroupArn")
		} else if target == "" {
			return model.Action{}, "several target groups"
		}
		return model.Action{Forward: &model.Forward{TargetGroupARN: lit(target)}}, ""
	case "redirect":
		r := a.at("RedirectConfig")
		code, _ := strconv.Atoi(strings.TrimPrefix(r.text("StatusCode"), "HTTP_"))
		return model.Action{Redirect: &model.Redirect{
			Protocol: r.text("Protocol"), Host: r.text("Host"), Port: r.text("Port"), Path: r.text("Path"),
			Query: r.text("Query"), StatusCode: code,
		}}, ""
	case "fixed-response":
		f := a.at("FixedResponseConfig")
		return model.Action{FixedResponse: &model.FixedResponse{
			StatusCode: f.int("StatusCode"), ContentType: f.text("ContentType"), Body: f.text("MessageBody"),
		}}, ""
	}
	return model.Action{}, "the action " + a.text("Type")
}

func liveListener(l live) (any, string, string) {
	d := l.Declared
	action, why := liveAction(d.list("DefaultActions"))
	if protocol := d.text("Protocol"); !strings.HasPrefix(protocol, "HTTP") {
		why = fmt.Sprintf("the protocol %q", protocol)
	}
	p := model.Listener{
		LoadBalancerARN: lit(d.text("LoadBalancerArn")), Port: d.int("Port"), Protocol: d.text("Protocol"),
		SSLPolicy:     d.text("SslPolicy"),
		DefaultAction: action, Tags: d.tags(),
	}
	if certificates := d.list("Certificates"); len(certificates) > 0 {
		p.CertificateARN = lit(certificates[0].text("CertificateArn"))
	}
	return p, l.Live.text("ListenerArn"), why
}

func liveRule(l live) (any, string, string) {
	d := l.Declared
	action, why := liveAction(d.list("Actions"))
	if groups := l.Live.list("Actions")[0].at("ForwardConfig").list("TargetGroups"); len(groups) > 1 {
		why = "traffic that ECS shifts between two target groups"
	}
	p := model.ListenerRule{
		ListenerARN: lit(d.text("ListenerArn")), Priority: d.int("Priority"), Action: action, Tags: d.tags(),
	}
	for _, c := range d.list("Conditions") {
		switch c.text("Field") {
		case "host-header":
			p.Hosts = c.at("HostHeaderConfig").texts("Values")
		case "path-pattern":
			p.Paths = c.at("PathPatternConfig").texts("Values")
		default:
			why = "the condition " + c.text("Field")
		}
	}
	return p, l.Live.text("RuleArn"), why
}

func answerELB(l object, parameters any) (any, error) {
	switch in := parameters.(type) {
	case *elb.DescribeLoadBalancersInput:
		balancer := into[elbtypes.LoadBalancer](l)
		balancer.VpcId = aws.String(anyVPC) // CloudFormation does not show it
		for _, subnet := range l.texts("Subnets") {
			zone := elbtypes.AvailabilityZone{SubnetId: &subnet}
			balancer.AvailabilityZones = append(balancer.AvailabilityZones, zone)
		}
		return &elb.DescribeLoadBalancersOutput{LoadBalancers: []elbtypes.LoadBalancer{balancer}}, nil
	case *elb.DescribeLoadBalancerAttributesInput:
		attributes := into[[]elbtypes.LoadBalancerAttribute](l["LoadBalancerAttributes"])
		return &elb.DescribeLoadBalancerAttributesOutput{Attributes: attributes}, nil
	case *elb.DescribeTargetGroupsInput:
		group := into[elbtypes.TargetGroup](l)
		return &elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{group}}, nil
	case *elb.DescribeTargetGroupAttributesInput:
		attributes := into[[]elbtypes.TargetGroupAttribute](l["TargetGroupAttributes"])
		return &elb.DescribeTargetGroupAttributesOutput{Attributes: attributes}, nil
	case *elb.DescribeListenersInput:
		return &elb.DescribeListenersOutput{Listeners: []elbtypes.Listener{into[elbtypes.Listener](l)}}, nil
	case *elb.DescribeListenerCertificatesInput:
		certificates := into[[]elbtypes.Certificate](l["Certificates"])
		for i := range certificates {
			certificates[i].IsDefault = aws.Bool(false)
		}
		return &elb.DescribeListenerCertificatesOutput{Certificates: certificates}, nil
	case *elb.DescribeRulesInput:
		rule := object{}
		for key, v := range l {
			rule[key] = v
		}
		rule["Priority"] = l.text("Priority") // a text in the API
		return &elb.DescribeRulesOutput{Rules: []elbtypes.Rule{into[elbtypes.Rule](rule)}}, nil
	case *elb.DescribeTagsInput:
		var out []elbtypes.TagDescription
		for _, arn := range in.ResourceArns {
			out = append(out, elbtypes.TagDescription{ResourceArn: &arn, Tags: into[[]elbtypes.Tag](l["Tags"])})
		}
		return &elb.DescribeTagsOutput{TagDescriptions: out}, nil
	}
	return nil, nil
}
