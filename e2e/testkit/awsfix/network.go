package awsfix

import (
	"encoding/xml"
	"fmt"
	"net/url"

	"github.com/company/deployer/e2e/testkit/proxy"
)

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
	if err := ec2(c, &vpcs, "DescribeVpcs", "Filter.1.Name", "is-default", "Filter.1.Value.1", "true"); err != nil ||
		len(vpcs.IDs) == 0 {
		return err
	}
	vpc := vpcs.IDs[0]
	var gateways struct {
		IDs []string `xml:"internetGatewaySet>item>internetGatewayId"`
	}
	if err := ec2(c, &gateways, "DescribeInternetGateways", "Filter.1.Name", "attachment.vpc-id", "Filter.1.Value.1",
		vpc); err != nil || len(gateways.IDs) > 0 {
		return err
	}
	var tables struct {
		IDs []string `xml:"routeTableSet>item>routeTableId"`
	}
	if err := ec2(c, &tables, "DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc,
		"Filter.2.Name", "association.main", "Filter.2.Value.1", "true"); err != nil {
		return err
	}
	if len(tables.IDs) == 0 {
		return fmt.Errorf("the default VPC %s has no main route table", vpc)
	}
	var made struct {
		ID string `xml:"internetGateway>internetGatewayId"`
	}
	if err := ec2(c, &made, "CreateInternetGateway"); err != nil {
		return err
	}
	if err := ec2(c, nil, "AttachInternetGateway", "InternetGatewayId", made.ID, "VpcId", vpc); err != nil {
		return err
	}
	return ec2(c, nil, "CreateRoute", "RouteTableId", tables.IDs[0], "DestinationCidrBlock", "0.0.0.0/0", "GatewayId",
		made.ID)
}

// ec2 makes an EC2 call as the caller and decodes the XML answer into out, unless out is nil.
func ec2(c *proxy.Call, out any, action string, pairs ...string) error {
	answer, err := query(c, "ec2", "2016-11-15", action, pairs...)
	if err != nil || out == nil {
		return err
	}
	return xml.Unmarshal(answer, out)
}

// query makes a call of the query protocol as the caller and returns the XML answer.
func query(c *proxy.Call, service, version, action string, pairs ...string) ([]byte, error) {
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	answer, err := c.PostForm(service, form)
	if err != nil {
		return nil, err
	}
	if answer.Status >= 300 {
		return nil, fmt.Errorf("%s: %d: %s", action, answer.Status, answer.Body)
	}
	return answer.Body, nil
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
				return failure(c, err)
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
			if err := ec2(c, nil, "ModifySecurityGroupRules", pairs...); err != nil {
				return failure(c, err)
			}
			return answer
		})
	}
}
