package access

import (
	"bytes"
	"encoding/json"
	"strings"
)

// The resources that each service checks a call against, according to AWS's service authorization reference. Ids that
// AWS has not generated yet are "new".

func (b *builder) s3() {
	bucket, _, _ := strings.Cut(b.call.Resource, "/")
	arn := "arn:aws:s3:::" + b.call.Resource
	switch b.call.Operation {
	case "DeleteObjects":
		arn = "arn:aws:s3:::" + bucket + "/any-object"
	case "CreateBucket":
		if bytes.Contains(b.call.Body, []byte("<Tag>")) {
			b.ask("s3:TagResource", arn)
		}
	case "ListObjectsV2", "ListObjects", "ListObjectVersions", "HeadBucket":
		arn = "arn:aws:s3:::" + bucket
	}
	b.on(arn)
}

func (b *builder) logs() {
	group := first(b.text("logGroupName"), b.text("logGroupIdentifier"))
	arn := first(b.text("resourceArn"), b.arn("log-group:"+group))
	switch b.call.Operation {
	case "DescribeLogGroups":
		arn = "*"
	case "GetLogEvents":
		arn += ":log-stream:" + b.text("logStreamName")
	}
	b.on(arn)
	b.tagging("logs:TagResource", arn)
}

func (b *builder) ecs() {
	cluster := tail(first(b.text("cluster"), b.text("clusterName")))
	named := func(kind, name string) string {
		if strings.HasPrefix(name, "arn:") {
			return name
		}
		return b.arn(kind + "/" + name)
	}
	inCluster := func(kind string, names ...string) []string {
		var out []string
		for _, name := range names {
			if !strings.HasPrefix(name, "arn:") {
				name = b.arn(kind + "/" + cluster + "/" + name)
			}
			out = append(out, name)
		}
		return out
	}
	var on []string
	switch b.call.Operation {
	case "CreateCluster", "UpdateCluster", "DeleteCluster", "PutClusterCapacityProviders":
		on = []string{named("cluster", cluster)}
	case "DescribeClusters":
		for _, name := range b.texts("clusters") {
			on = append(on, named("cluster", name))
		}
	case "RegisterTaskDefinition":
		on = []string{b.arn("task-definition/" + b.text("family") + ":1")}
		b.context("iam:PassedToService", "ecs-tasks.amazonaws.com")
		for _, role := range []string{b.text("taskRoleArn"), b.text("executionRoleArn")} {
			if role != "" {
				b.ask("iam:PassRole", role)
			}
		}
		b.ctx = nil
	case "DeleteTaskDefinitions":
		for _, name := range b.texts("taskDefinitions") {
			on = append(on, named("task-definition", name))
		}
	case "CreateService", "UpdateService", "DeleteService", "ListServiceDeployments":
		on = inCluster("service", first(b.text("serviceName"), b.text("service")))
	case "DescribeServices":
		on = inCluster("service", b.texts("services")...)
	case "StopServiceDeployment":
		on = []string{b.text("serviceDeploymentArn")}
	case "DescribeTasks":
		on = inCluster("task", b.texts("tasks")...)
	case "ListTasks", "ListServices":
		b.context("ecs:cluster", b.arn("cluster/"+cluster))
		on = []string{"*"}
	case "TagResource", "UntagResource", "ListTagsForResource":
		on = []string{b.text("resourceArn")}
	default: // DescribeTaskDefinition, ListTaskDefinitions, DeregisterTaskDefinition have no resource
		on = []string{"*"}
	}
	b.on(on...)
	b.tagging("ecs:TagResource", on...)
}

func (b *builder) elb() {
	form := b.call.Form
	balancer := form.Get("LoadBalancerArn")
	var on, tagged []string
	switch op := b.call.Operation; {
	case strings.HasPrefix(op, "Describe"):
		on = []string{"*"}
	case op == "CreateLoadBalancer":
		on = []string{b.arn("loadbalancer/app/" + form.Get("Name") + "/new")}
		tagged = on
	case op == "CreateTargetGroup":
		on = []string{b.arn("targetgroup/" + form.Get("Name") + "/new")}
		tagged = on
	case op == "CreateListener":
		on = []string{balancer}
		tagged = []string{strings.Replace(balancer, ":loadbalancer/", ":listener/", 1) + "/new"}
	case op == "CreateRule":
		on = []string{form.Get("ListenerArn")}
		tagged = []string{strings.Replace(on[0], ":listener/", ":listener-rule/", 1) + "/new"}
	case op == "SetRulePriorities":
		on = members(form, "RulePriorities", ".RuleArn")
	case op == "AddTags", op == "RemoveTags":
		on = members(form, "ResourceArns", "")
	default:
		on = []string{first(form.Get("RuleArn"), form.Get("ListenerArn"), form.Get("TargetGroupArn"), balancer)}
	}
	b.on(on...)
	b.tagging("elasticloadbalancing:AddTags", tagged...)
	b.tags = nil
	for _, action := range looksAround[b.call.Operation] {
		b.ask(action, "*")
	}
	if b.call.Operation == "CreateLoadBalancer" || b.call.Operation == "SetSecurityGroups" {
		b.ask("ec2:GetSecurityGroupsForVpc", "arn:aws:ec2:"+b.call.Region+":"+b.Account+":vpc/of-the-load-balancer")
	}
}

// looksAround are the calls that ELB makes in the name of the caller, according to its table of API permissions.
var looksAround = map[string][]string{
	"CreateLoadBalancer": {
		"ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways",
		"ec2:DescribeSecurityGroups",
		"ec2:DescribeSubnets", "ec2:DescribeVpcs",
	},
	"CreateTargetGroup": {"ec2:DescribeInternetGateways", "ec2:DescribeVpcs"},
	"SetIpAddressType":  {"ec2:DescribeSubnets"},
	"SetSubnets":        {"ec2:DescribeSubnets"},
}

func (b *builder) ec2() {
	form := b.call.Form
	group := b.arn("security-group/" + form.Get("GroupId"))
	switch op := b.call.Operation; {
	case op == "DescribeVpcAttribute":
		b.on(b.arn("vpc/" + form.Get("VpcId")))
	case strings.HasPrefix(op, "Describe"):
		b.on("*")
	case op == "CreateSecurityGroup":
		b.on(b.arn("security-group/new"), b.arn("vpc/"+form.Get("VpcId")))
		b.context("ec2:CreateAction", op)
		b.tagging("ec2:CreateTags", b.arn("security-group/new"))
	case strings.HasPrefix(op, "AuthorizeSecurityGroup"):
		b.on(group, b.arn("security-group-rule/new"))
		b.context("ec2:CreateAction", op)
		b.tagging("ec2:CreateTags", b.arn("security-group-rule/new"))
	case op == "ModifySecurityGroupRules":
		b.on(group)
		for _, id := range members(form, "SecurityGroupRule", ".SecurityGroupRuleId") {
			b.on(b.arn("security-group-rule/" + id))
		}
	case op == "CreateTags", op == "DeleteTags":
		for _, id := range members(form, "ResourceId", "") {
			kind := "security-group/"
			if strings.HasPrefix(id, "sgr-") {
				kind = "security-group-rule/"
			}
			b.on(b.arn(kind + id))
		}
	default:
		b.on(group)
	}
}

func (b *builder) scaling() {
	op := b.call.Operation
	if strings.HasPrefix(op, "Describe") {
		b.on("*")
		return
	}
	arn := b.text("ResourceARN")
	if arn == "" {
		// AWS uses an id of its own; Tags knows the target by this name, too
		arn = b.arn("scalable-target/" + b.text("ResourceId"))
		b.context("application-autoscaling:service-namespace", b.text("ServiceNamespace"))
	}
	b.on(arn)
	b.tagging("application-autoscaling:TagResource", arn)
	if op == "RegisterScalableTarget" {
		// AWS checks that the caller has the permissions that scaling will use.
		_, service, _ := strings.Cut(b.text("ResourceId"), "/")
		b.tags = nil
		for _, action := range []string{"ecs:DescribeServices", "ecs:UpdateService"} {
			b.ask(action, "arn:aws:ecs:"+b.call.Region+":"+b.Account+":service/"+service)
		}
	}
}

func (b *builder) cloudMap() {
	id := first(b.text("Id"), b.text("ServiceId"))
	switch b.call.Operation {
	case "GetNamespace", "DeleteNamespace":
		b.on(b.arn("namespace/" + id))
	case "GetService", "DeleteService", "UpdateService":
		b.on(b.arn("service/" + id))
	case "CreateService":
		b.on(b.arn("namespace/"+first(b.text("NamespaceId"), b.namespaceOfDNS())), b.arn("service/new"))
	default:
		b.on("*")
	}
	b.tagging("servicediscovery:TagResource", "*")
}

func (b *builder) namespaceOfDNS() string {
	var in struct{ DNSConfig struct{ NamespaceID string } }
	_ = json.Unmarshal(b.call.Body, &in) // the SDK's own JSON
	return in.DNSConfig.NamespaceID
}
