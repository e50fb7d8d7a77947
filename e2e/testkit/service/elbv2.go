package service

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

const (
	elbName    = "elasticloadbalancing"
	elbVersion = "2015-12-01"
)

var _ = register(Service{
	Name: elbName, ID: "Elastic Load Balancing v2",
	NameBy: []string{
		"RuleArn", "RuleArns.member.1", "ListenerArn", "ListenerArns.member.1", "TargetGroupArn",
		"TargetGroupArns.member.1", "LoadBalancerArn", "LoadBalancerArns.member.1", "ResourceArns.member.1", "Name",
		"Names.member.1",
	},
	Fix: func(p *proxy.Proxy) {
		repeatLoadBalancers(p)
		limitWildcards(p)
		addFiftyTags(p)
		keepCertificates(p)
	},
	Tags: Tags{TooMany: "TooManyTags", Existing: map[string]func(*proxy.Call) []string{"AddTags": tagsOfELB}},
	Late: []late.Class{
		{
			Made: "elasticloadbalancing:CreateTargetGroup", ID: regexp.MustCompile(`<TargetGroupArn>([^<]+)<`),
			Unknown: []late.Ignorance{
				{
					Operations: []string{
						"elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateRule",
						"elasticloadbalancing:ModifyRule",
						"elasticloadbalancing:ModifyTargetGroupAttributes",
					},
					Code: "TargetGroupNotFound", Message: "Target groups 'ID' not found",
				},
				{
					Operations: []string{"ecs:CreateService", "ecs:UpdateService"}, Code: "InvalidParameterException",
					Message: "The target group with targetGroupArn ID does not have an associated load balancer.",
				},
			},
		},
		{
			Made: "elasticloadbalancing:CreateLoadBalancer", ID: regexp.MustCompile(`<LoadBalancerArn>([^<]+)<`),
			Unknown: []late.Ignorance{
				{
					Operations: []string{
						"elasticloadbalancing:CreateListener", "elasticloadbalancing:ModifyLoadBalancerAttributes",
						"elasticloadbalancing:DescribeLoadBalancers",
					},
					Code: "LoadBalancerNotFound", Message: "Load balancer 'ID' not found",
				},
			},
		},
		{
			Made: "elasticloadbalancing:CreateListener",
			ID:   regexp.MustCompile(`<ListenerArn>([^<]+)<`),
			Unknown: []late.Ignorance{
				{
					Operations: []string{
						"elasticloadbalancing:CreateRule",
						"elasticloadbalancing:AddListenerCertificates",
					},
					Code: "ListenerNotFound", Message: "One or more listeners not found",
				},
			},
		},
	},
	Inventory: inventory.Source{Names: nameLoadBalancers, List: listLoadBalancers},
	Access:    access.Rules{Requests: accessELB},
	Unasked: map[string]string{
		"elasticloadbalancing:ModifyRule":        "a rule that takes more requests than before",
		"elasticloadbalancing:ModifyListener":    "a certificate that changes",
		"elasticloadbalancing:SetIpAddressType":  "overrides, or drift",
		"elasticloadbalancing:SetSecurityGroups": "drift",
		"elasticloadbalancing:SetSubnets":        "a Network with other subnets",
	},
	Types: map[string]ByHand{
		"elbv2/listener":              {Property: "port", To: 81, Needed: true},
		"elbv2/listener-certificates": {Property: "certificateArns"}, // all but the first
		"elbv2/listener-rule":         {Property: "priority", To: 77},
		"elbv2/load-balancer":         {Property: "idleTimeout", To: 99, Needed: true, Indexed: true},
		"elbv2/target-group":          {Property: "deregistrationDelay", To: 99, Needed: true, Indexed: true},
	},
})

func nameLoadBalancers(l *inventory.Lister) error {
	client := elb.NewFromConfig(l.Config)
	groups, err := client.DescribeTargetGroups(l, &elb.DescribeTargetGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range groups.TargetGroups {
		l.Name(*g.TargetGroupArn, *g.TargetGroupName)
		l.Name(inventory.Last(*g.TargetGroupArn, ":"), *g.TargetGroupName)
	}
	balancers, err := client.DescribeLoadBalancers(l, &elb.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	for _, b := range balancers.LoadBalancers {
		l.Name(*b.LoadBalancerArn, *b.LoadBalancerName)
		_, label, _ := strings.Cut(*b.LoadBalancerArn, ":loadbalancer/")
		l.Name(label, *b.LoadBalancerName)
	}
	return nil
}

func listLoadBalancers(l *inventory.Lister) error {
	client := elb.NewFromConfig(l.Config)
	groups, err := client.DescribeTargetGroups(l, &elb.DescribeTargetGroupsInput{})
	if err != nil {
		return err
	}
	balancers, err := client.DescribeLoadBalancers(l, &elb.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	serves := map[string]bool{} // target group and load balancer
	for _, b := range balancers.LoadBalancers {
		listeners, err := client.DescribeListeners(l,
			&elb.DescribeListenersInput{LoadBalancerArn: b.LoadBalancerArn})
		if err != nil {
			return err
		}
		var rules []string
		for _, at := range listeners.Listeners {
			found, err := client.DescribeRules(l, &elb.DescribeRulesInput{ListenerArn: at.ListenerArn})
			if err != nil {
				return err
			}
			for _, r := range found.Rules {
				text := fmt.Sprintf("%d %s", *at.Port, *r.Priority)
				for _, c := range r.Conditions {
					if c.PathPatternConfig != nil {
						text += fmt.Sprint(" ", c.PathPatternConfig.Values)
					}
					if c.HostHeaderConfig != nil {
						text += fmt.Sprint(" ", c.HostHeaderConfig.Values)
					}
				}
				for _, a := range r.Actions {
					text += " " + string(a.Type) + " " + l.Named(aws.ToString(a.TargetGroupArn))
					serves[aws.ToString(a.TargetGroupArn)+" "+*b.LoadBalancerArn] = true
				}
				rules = append(rules, text)
			}
		}
		slices.Sort(rules)
		settings, err := attributesOf(l, client, b.LoadBalancerArn)
		if err != nil {
			return err
		}
		if err := l.Add("load balancer", *b.LoadBalancerName, b.Scheme, rules, len(b.SecurityGroups),
			settings); err != nil {
			return err
		}
	}
	for _, g := range groups.TargetGroups {
		// The emulator still names load balancers that are deleted, or whose rules are.
		g.LoadBalancerArns = slices.DeleteFunc(g.LoadBalancerArns, func(arn string) bool {
			return !serves[*g.TargetGroupArn+" "+arn]
		})
		slices.Sort(g.LoadBalancerArns)
		g.LoadBalancerArns = slices.Compact(g.LoadBalancerArns) // the emulator repeats one that is made again
		if err := l.Add("target group", *g.TargetGroupName, g.Port, g.Protocol, g.TargetType, g.HealthCheckPath,
			g.HealthCheckIntervalSeconds, g.LoadBalancerArns); err != nil {
			return err
		}
	}
	return nil
}

// attributesOf are the settings of a load balancer, sorted.
func attributesOf(l *inventory.Lister, client *elb.Client, arn *string) ([]string, error) {
	found, err := client.DescribeLoadBalancerAttributes(l,
		&elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: arn})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range found.Attributes {
		out = append(out, aws.ToString(a.Key)+"="+aws.ToString(a.Value))
	}
	slices.Sort(out)
	return out, nil
}

func accessELB(b *access.Builder) {
	form := b.Call.Form
	balancer := form.Get("LoadBalancerArn")
	var on, tagged []string
	switch op := b.Call.Operation; {
	case strings.HasPrefix(op, "Describe"):
		on = []string{"*"}
	case op == "CreateLoadBalancer":
		on = []string{b.ARN("loadbalancer/app/" + form.Get("Name") + "/new")}
		tagged = on
	case op == "CreateTargetGroup":
		on = []string{b.ARN("targetgroup/" + form.Get("Name") + "/new")}
		tagged = on
	case op == "CreateListener":
		on = []string{balancer}
		tagged = []string{strings.Replace(balancer, ":loadbalancer/", ":listener/", 1) + "/new"}
	case op == "CreateRule":
		on = []string{form.Get("ListenerArn")}
		tagged = []string{strings.Replace(on[0], ":listener/", ":listener-rule/", 1) + "/new"}
	case op == "SetRulePriorities":
		on = access.Members(form, "RulePriorities", ".RuleArn")
	case op == "AddTags", op == "RemoveTags":
		on = access.Members(form, "ResourceArns", "")
	default:
		on = []string{access.First(form.Get("RuleArn"), form.Get("ListenerArn"), form.Get("TargetGroupArn"), balancer)}
	}
	b.On(on...)
	b.Tagging("elasticloadbalancing:AddTags", tagged...)
	b.RequestTags = nil
	for _, action := range looksAround[b.Call.Operation] {
		b.Ask(action, "*")
	}
	if b.Call.Operation == "CreateLoadBalancer" || b.Call.Operation == "SetSecurityGroups" {
		b.Ask("ec2:GetSecurityGroupsForVpc", "arn:aws:ec2:"+b.Call.Region+":"+b.Account+":vpc/of-the-load-balancer")
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

// keepCertificates lets a listener that is modified keep its list of certificates. The emulator leaves the default one
// only.
func keepCertificates(p *proxy.Proxy) {
	p.Handle(elbName, "ModifyListener", func(c *proxy.Call) *proxy.Response {
		arn := c.Form.Get("ListenerArn")
		before, err := c.Ask(elbName, elbVersion, "DescribeListenerCertificates", "ListenerArn", arn)
		if err != nil {
			return nil // there is no such listener
		}
		certificates, err := proxy.Flatten(before, "Certificates", "member")
		if err != nil {
			return c.Failed(err)
		}
		answer, err := c.Forward()
		if err != nil || answer.Status != http.StatusOK || len(certificates) == 0 {
			return answer
		}
		add := []string{"ListenerArn", arn}
		for i, one := range certificates {
			add = append(add, "Certificates.member."+strconv.Itoa(i+1)+".CertificateArn", one["CertificateArn"])
		}
		if _, err := c.Ask(elbName, elbVersion, "AddListenerCertificates", add...); err != nil {
			return c.Failed(err)
		}
		return answer
	})
}

// limitWildcards refuses more than six wildcards in a rule. The emulator accepts them.
func limitWildcards(p *proxy.Proxy) {
	p.Interpose(func(c *proxy.Call) *proxy.Response {
		if c.Service != elbName || c.Operation != "CreateRule" && c.Operation != "ModifyRule" {
			return nil
		}
		wildcards := 0
		for key := range c.Form {
			if conditionValue.MatchString(key) {
				wildcards += strings.Count(c.Form.Get(key), "*") + strings.Count(c.Form.Get(key), "?")
			}
		}
		if wildcards <= 6 {
			return nil
		}
		return c.Failure(http.StatusBadRequest, "ValidationError", "A rule can only have '6' condition wildcards")
	})
}

// addFiftyTags lifts the emulator's limit of ten tags.
func addFiftyTags(p *proxy.Proxy) {
	p.Handle(elbName, "AddTags", func(c *proxy.Call) *proxy.Response {
		// The emulator takes any number of tags on an object that has none.
		there := tagsOfELB(c)
		arn := c.Form.Get("ResourceArns.member.1")
		if len(there) == 0 || c.Form.Has("ResourceArns.member.2") {
			return nil
		}
		found, err := c.Ask(elbName, elbVersion, "DescribeTags", "ResourceArns.member.1", arn)
		if err != nil {
			return c.Failed(err)
		}
		tags, err := proxy.Flatten(found, "Tags", "member")
		if err != nil {
			return c.Failed(err)
		}
		all := map[string]string{}
		for _, tag := range tags {
			all[tag["Key"]] = tag["Value"]
		}
		for n := 1; c.Form.Has("Tags.member." + strconv.Itoa(n) + ".Key"); n++ {
			member := "Tags.member." + strconv.Itoa(n)
			all[c.Form.Get(member+".Key")] = c.Form.Get(member + ".Value")
		}
		remove, add := []string{"ResourceArns.member.1", arn}, []string{"ResourceArns.member.1", arn}
		for i, key := range there {
			remove = append(remove, "TagKeys.member."+strconv.Itoa(i+1), key)
		}
		n := 0
		for key, text := range all {
			n++
			member := "Tags.member." + strconv.Itoa(n)
			add = append(add, member+".Key", key, member+".Value", text)
		}
		if _, err := c.Ask(elbName, elbVersion, "RemoveTags", remove...); err != nil {
			return c.Failed(err)
		}
		answer, err := c.Ask(elbName, elbVersion, "AddTags", add...)
		if err != nil {
			return c.Failed(err)
		}
		return proxy.XMLResponse(string(answer))
	})
}

var conditionValue = regexp.MustCompile(`^Conditions\.member\.\d+\..*Values\.member\.\d+$`)

var tagsOfELB = queriedTags(elbName, elbVersion, "DescribeTags", "ResourceArns.member.1")

// repeatLoadBalancers makes CreateLoadBalancer and CreateListener return an existing object with the same settings, and
// refuse when the settings differ. The emulator makes a second load balancer of the name and a second listener on the
// port.
func repeatLoadBalancers(p *proxy.Proxy) {
	p.Handle(elbName, "CreateLoadBalancer", func(c *proxy.Call) *proxy.Response {
		name := c.Form.Get("Name")
		// Like AWS, the emulator returns an error when no load balancer has the name: then nothing is repeated.
		found, err := c.Ask(elbName, elbVersion, "DescribeLoadBalancers", "Names.member.1", name)
		if err != nil {
			return nil
		}
		there, err := proxy.Flatten(found, "LoadBalancers", "member")
		if err != nil || len(there) == 0 {
			return nil
		}
		settings := under(c.Form, "Scheme", "Type", "IpAddressType")
		if !within(settings, there[0]) || !sameSet(listed(c.Form, "SecurityGroups"),
			suffixed(there[0], "SecurityGroups.member.", "")) ||
			!sameSet(listed(c.Form, "Subnets"), suffixed(there[0], "AvailabilityZones.member.", ".SubnetId")) {
			return c.Failure(400, "DuplicateLoadBalancerName",
				"A load balancer with the same name '"+name+"' exists, but with different settings")
		}
		return proxy.Renamed(found, "DescribeLoadBalancers", "CreateLoadBalancer")
	})
	p.Handle(elbName, "SetSubnets", stayInVPC)
	p.Handle(elbName, "DeleteLoadBalancer", keepProtected)
	p.Handle(elbName, "CreateListener", func(c *proxy.Call) *proxy.Response {
		found, err := c.Ask(elbName, elbVersion, "DescribeListeners", "LoadBalancerArn",
			c.Form.Get("LoadBalancerArn"))
		if err != nil {
			return nil
		}
		there, err := proxy.Flatten(found, "Listeners", "member")
		if err != nil {
			return nil
		}
		i := slices.IndexFunc(there, func(l map[string]string) bool { return l["Port"] == c.Form.Get("Port") })
		if i < 0 {
			return nil
		}
		if !within(under(c.Form, "Protocol", "SslPolicy", "Certificates", "DefaultActions"), there[i]) {
			return c.Failure(400, "DuplicateListener", "A listener already exists on this port for this load balancer")
		}
		one, err := c.Ask(elbName, elbVersion, "DescribeListeners", "ListenerArns.member.1",
			there[i]["ListenerArn"])
		if err != nil {
			return nil
		}
		return proxy.Renamed(one, "DescribeListeners", "CreateListener")
	})
}

// keepProtected refuses to delete a load balancer with deletion protection, which the emulator ignores.
func keepProtected(c *proxy.Call) *proxy.Response {
	arn := c.Form.Get("LoadBalancerArn")
	found, err := c.Ask(elbName, elbVersion, "DescribeLoadBalancerAttributes", "LoadBalancerArn", arn)
	if err != nil {
		return nil // it does not exist
	}
	attributes, err := proxy.Flatten(found, "Attributes", "member")
	if err != nil {
		return nil
	}
	for _, a := range attributes {
		if a["Key"] == "deletion_protection.enabled" && a["Value"] == "true" {
			return c.Failure(400, "OperationNotPermitted",
				"Load balancer '"+arn+"' cannot be deleted because deletion protection is enabled")
		}
	}
	return nil
}

// stayInVPC refuses subnets of another VPC than the load balancer's. The emulator accepts them.
func stayInVPC(c *proxy.Call) *proxy.Response {
	found, err := c.Ask(elbName, elbVersion, "DescribeLoadBalancers", "LoadBalancerArns.member.1",
		c.Form.Get("LoadBalancerArn"))
	if err != nil {
		return nil
	}
	there, err := proxy.Flatten(found, "LoadBalancers", "member")
	if err != nil || len(there) == 0 {
		return nil
	}
	pairs := []string{}
	for i, id := range listed(c.Form, "Subnets") {
		pairs = append(pairs, "SubnetId."+strconv.Itoa(i+1), id)
	}
	var subnets struct {
		VPCs []string `xml:"subnetSet>item>vpcId"`
	}
	if err := askEC2(c, &subnets, "DescribeSubnets", pairs...); err != nil {
		return nil
	}
	if slices.ContainsFunc(subnets.VPCs, func(vpc string) bool { return vpc != there[0]["VpcId"] }) {
		return c.Failure(400, "InvalidConfigurationRequest",
			"The subnets must be in the VPC of the load balancer, "+there[0]["VpcId"])
	}
	return nil
}

// under returns the parameters of a form with those names, and the parameters below them.
func under(form map[string][]string, names ...string) map[string]string {
	out := map[string]string{}
	for key, texts := range form {
		top, _, _ := strings.Cut(key, ".")
		if slices.Contains(names, top) && len(texts) > 0 {
			out[key] = texts[0]
		}
	}
	return out
}

// within reports whether there has all parameters of asked. It may have defaults in addition.
func within(asked, there map[string]string) bool {
	for key, text := range asked {
		if there[key] != text {
			return false
		}
	}
	return true
}

// listed returns the elements of a list in a form.
func listed(form map[string][]string, name string) []string {
	return slices.Collect(maps.Values(under(form, name)))
}

// suffixed returns the texts whose keys have that prefix and suffix, and no dot between.
func suffixed(there map[string]string, prefix, suffix string) []string {
	var out []string
	for key, text := range there {
		middle, found := strings.CutPrefix(key, prefix)
		if !found {
			continue
		}
		if middle, found = strings.CutSuffix(middle, suffix); found && !strings.Contains(middle, ".") {
			out = append(out, text)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
