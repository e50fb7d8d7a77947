package service

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "ec2",
	NameBy: []string{
		"GroupName", "GroupId", "GroupId.1", "SecurityGroupRuleId.1", "VpcId", "VpcId.1", "SubnetId", "SubnetId.1",
		"ResourceId.1",
	},
	Fix: func(p *proxy.Proxy) {
		openDefaultVPCs(p)
		describeGroupRules(p)
		fixVPCs(p)
	},
	Tags: Tags{TooMany: "TagLimitExceeded"},
	Late: append([]late.Class{
		{Made: "ec2:CreateSecurityGroup", ID: regexp.MustCompile(`<groupId>(sg-[0-9a-f]+)<`), Unknown: []late.Ignorance{
			{
				Operations: []string{"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress"},
				Code:       "InvalidGroup.NotFound", Message: "The security group 'ID' does not exist",
			},
			{
				Operations: []string{"ec2:DescribeSecurityGroups"}, When: "GroupId.1=", Code: "InvalidGroup.NotFound",
				Message: "The security group 'ID' does not exist",
			},
			{
				Operations: []string{
					"elasticloadbalancing:CreateLoadBalancer",
					"elasticloadbalancing:SetSecurityGroups",
				},
				Code: "InvalidSecurityGroup", Message: "One or more security groups are invalid: ID",
			},
			{
				Operations: []string{"ecs:CreateService", "ecs:UpdateService"}, Code: "InvalidParameterException",
				Message: "The Security Group 'ID' does not exist",
			},
		}},
	}, lateVPCs...),
	Inventory: inventory.Source{Names: nameEC2, List: listEC2},
	Access: access.Rules{
		Requests: accessEC2,
		Tags:     tagsByKindOfEC2(),
	},
	Unasked: map[string]string{
		"ec2:DescribeRegions":      ForCaller,
		"ec2:DescribeTags":         "a run that was killed while it made a network",
		"ec2:DescribeVpcEndpoints": "subnets without a way to the internet",
	},
	Types: map[string]ByHand{
		"ec2/security-group":      {Needed: true},
		"ec2/security-group-rule": {Property: "description", To: "changed"},

		"ec2/vpc":                     {OwnVPC: true, Property: "dnsHostnames", To: false, Needed: true},
		"ec2/internet-gateway":        {OwnVPC: true, Needed: true},
		"ec2/subnet":                  {OwnVPC: true, Needed: true},
		"ec2/route-table":             {OwnVPC: true, Needed: true},
		"ec2/route":                   {OwnVPC: true, Property: "gatewayId"},
		"ec2/route-table-association": {OwnVPC: true, Property: "routeTableId"},
		"ec2/elastic-ip":              {OwnVPC: true, Needed: true},
		"ec2/nat-gateway":             {OwnVPC: true},
		"ec2/vpc-endpoint":            {OwnVPC: true, Property: "routeTableIds", To: []any{}},
		"ec2/flow-log":                {OwnVPC: true},
	},
})

func nameEC2(l *inventory.Lister) error {
	if err := nameSecurityGroups(l); err != nil {
		return err
	}
	return nameParts(l)
}

func listEC2(l *inventory.Lister) error {
	if err := listSecurityGroups(l); err != nil {
		return err
	}
	return listVPCs(l)
}

func nameSecurityGroups(l *inventory.Lister) error {
	groups, err := ec2.NewFromConfig(l.Config).DescribeSecurityGroups(l, &ec2.DescribeSecurityGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range groups.SecurityGroups {
		l.Name(*g.GroupId, *g.GroupName)
	}
	return nil
}

func listSecurityGroups(l *inventory.Lister) error {
	client := ec2.NewFromConfig(l.Config)
	groups, err := client.DescribeSecurityGroups(l, &ec2.DescribeSecurityGroupsInput{})
	if err != nil {
		return err
	}
	rules := map[string][]string{}
	for pages := ec2.NewDescribeSecurityGroupRulesPaginator(client,
		&ec2.DescribeSecurityGroupRulesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(l)
		if err != nil {
			return err
		}
		for _, r := range page.SecurityGroupRules {
			from := aws.ToString(r.CidrIpv4) + aws.ToString(r.CidrIpv6)
			if r.ReferencedGroupInfo != nil {
				from = aws.ToString(r.ReferencedGroupInfo.GroupId)
			}
			rules[*r.GroupId] = append(rules[*r.GroupId],
				l.Named(fmt.Sprintf("egress=%v %s %d-%d %s", aws.ToBool(r.IsEgress),
					aws.ToString(r.IpProtocol), aws.ToInt32(r.FromPort), aws.ToInt32(r.ToPort), from)))
		}
	}
	for _, g := range groups.SecurityGroups {
		if *g.GroupName == "default" {
			continue
		}
		slices.Sort(rules[*g.GroupId])
		labels := map[string]string{}
		for _, t := range g.Tags {
			labels[*t.Key] = *t.Value
		}
		if err := l.Add("security group", *g.GroupName, rules[*g.GroupId], inventory.Tags(labels)); err != nil {
			return err
		}
	}
	return nil
}

func accessEC2(b *access.Builder) {
	form := b.Call.Form
	group := b.ARN("security-group/" + form.Get("GroupId"))
	switch op := b.Call.Operation; {
	case op == "DescribeVpcAttribute":
		b.On(b.ARN("vpc/" + form.Get("VpcId")))
	case strings.HasPrefix(op, "Describe"):
		b.On("*")
	case op == "CreateSecurityGroup":
		b.On(b.ARN("security-group/new"), b.ARN("vpc/"+form.Get("VpcId")))
		b.Context("ec2:CreateAction", op)
		b.Tagging("ec2:CreateTags", b.ARN("security-group/new"))
	case strings.HasPrefix(op, "AuthorizeSecurityGroup"):
		b.On(group, b.ARN("security-group-rule/new"))
		b.Context("ec2:CreateAction", op)
		b.Tagging("ec2:CreateTags", b.ARN("security-group-rule/new"))
	case op == "ModifySecurityGroupRules":
		b.On(group)
		for _, id := range access.Members(form, "SecurityGroupRule", ".SecurityGroupRuleId") {
			b.On(b.ARN("security-group-rule/" + id))
		}
	case op == "CreateTags", op == "DeleteTags":
		for _, id := range access.Members(form, "ResourceId", "") {
			b.On(arnOfEC2(b, id))
		}
	case form.Get("GroupId") != "":
		b.On(group)
	default:
		accessVPC(b)
	}
}

func tagsByKindOfEC2() map[string]func(*proxy.Call, string, string) map[string]string {
	out := map[string]func(*proxy.Call, string, string) map[string]string{}
	for _, kind := range kindsOfEC2 {
		out[kind] = tagsOfEC2
	}
	return out
}

func tagsOfEC2(c *proxy.Call, _, id string) map[string]string {
	var out struct {
		Tags []struct {
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"tagSet>item"`
	}
	if askEC2(c, &out, "DescribeTags", "Filter.1.Name", "resource-id", "Filter.1.Value.1", id) != nil {
		return nil
	}
	tags := map[string]string{}
	for _, tag := range out.Tags {
		tags[tag.Key] = tag.Value
	}
	return tags
}

// openDefaultVPCs gives the default VPC of each account and region an internet gateway and a default route, at the
// first read of route tables. AWS makes both with the VPC; the emulator does not.
func openDefaultVPCs(p *proxy.Proxy) {
	done := map[string]bool{} // by caller and region; handlers and resets run one at a time
	p.OnReset(func() { clear(done) })
	p.Handle("ec2", "DescribeRouteTables", func(c *proxy.Call) *proxy.Response {
		if key := c.AccessKey + " " + c.Region; !done[key] {
			done[key] = true
			if err := openDefaultVPC(c); err != nil {
				return c.Failure(500, "InternalError", err.Error())
			}
		}
		return nil
	})
}

func openDefaultVPC(c *proxy.Call) error {
	var vpcs struct {
		IDs []string `xml:"vpcSet>item>vpcId"`
	}
	if err := askEC2(c, &vpcs, "DescribeVpcs", "Filter.1.Name", "is-default", "Filter.1.Value.1", "true"); err != nil ||
		len(vpcs.IDs) == 0 {
		return err
	}
	vpc := vpcs.IDs[0]
	var gateways struct {
		IDs []string `xml:"internetGatewaySet>item>internetGatewayId"`
	}
	if err := askEC2(c, &gateways, "DescribeInternetGateways", "Filter.1.Name", "attachment.vpc-id", "Filter.1.Value.1",
		vpc); err != nil || len(gateways.IDs) > 0 {
		return err
	}
	var tables struct {
		IDs []string `xml:"routeTableSet>item>routeTableId"`
	}
	if err := askEC2(c, &tables, "DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc,
		"Filter.2.Name", "association.main", "Filter.2.Value.1", "true"); err != nil {
		return err
	}
	if len(tables.IDs) == 0 {
		return fmt.Errorf("the default VPC %s has no main route table", vpc)
	}
	var made struct {
		ID string `xml:"internetGateway>internetGatewayId"`
	}
	if err := askEC2(c, &made, "CreateInternetGateway"); err != nil {
		return err
	}
	if err := askEC2(c, nil, "AttachInternetGateway", "InternetGatewayId", made.ID, "VpcId", vpc); err != nil {
		return err
	}
	return askEC2(
		c,
		nil,
		"CreateRoute",
		"RouteTableId",
		tables.IDs[0],
		"DestinationCidrBlock",
		"0.0.0.0/0",
		"GatewayId",
		made.ID,
	)
}

// askEC2 makes an EC2 call as the caller and decodes the XML answer into out, unless out is nil.
func askEC2(c *proxy.Call, out any, action string, pairs ...string) error {
	answer, err := c.Ask("ec2", "2016-11-15", action, pairs...)
	if err != nil || out == nil {
		return err
	}
	return xml.Unmarshal(answer, out)
}

// describeGroupRules keeps the description of a rule that names another security group. The emulator loses it at
// creation, but accepts it in an update.
func describeGroupRules(p *proxy.Proxy) {
	for _, operation := range []string{"AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"} {
		p.Handle("ec2", operation, func(c *proxy.Call) *proxy.Response {
			const from = "IpPermissions.1."
			text, other := c.Form.Get(from+"Groups.1.Description"), c.Form.Get(from+"Groups.1.GroupId")
			if text == "" || other == "" {
				return nil
			}
			answer, err := c.Forward()
			if err != nil {
				return c.Failed(err)
			}
			var made struct {
				ID string `xml:"securityGroupRuleSet>item>securityGroupRuleId"`
			}
			if answer.Status >= 300 || xml.Unmarshal(answer.Body, &made) != nil || made.ID == "" {
				return answer
			}
			const rule = "SecurityGroupRule.1.SecurityGroupRule."
			pairs := []string{
				"GroupId", c.Form.Get("GroupId"), "SecurityGroupRule.1.SecurityGroupRuleId", made.ID,
				rule + "IpProtocol", c.Form.Get(from + "IpProtocol"),
				rule + "ReferencedGroupId", other, rule + "Description", text,
			}
			for _, port := range []string{"FromPort", "ToPort"} {
				if n := c.Form.Get(from + port); n != "" {
					pairs = append(pairs, rule+port, n)
				}
			}
			if err := askEC2(c, nil, "ModifySecurityGroupRules", pairs...); err != nil {
				return c.Failed(err)
			}
			return answer
		})
	}
}
