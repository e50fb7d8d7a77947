package service

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// lateVPCs are the parts of new VPCs that other calls do not know yet.
var lateVPCs = []late.Class{
	{Made: "ec2:CreateVpc", ID: regexp.MustCompile(`<vpcId>(vpc-[0-9a-f]+)<`), Unknown: []late.Ignorance{
		{
			Operations: []string{
				"ec2:DescribeVpcAttribute", "ec2:ModifyVpcAttribute", "ec2:AttachInternetGateway", "ec2:CreateSubnet",
				"ec2:CreateRouteTable", "ec2:CreateSecurityGroup",
			},
			Code: "InvalidVpcID.NotFound", Message: "The vpc Id 'ID' does not exist",
		},
		{
			Operations: []string{"elasticloadbalancing:CreateTargetGroup"}, Code: "ValidationError",
			Message: "The VPC Id 'ID' is not found",
		},
	}},
	{Made: "ec2:CreateSubnet", ID: regexp.MustCompile(`<subnetId>(subnet-[0-9a-f]+)<`), Unknown: []late.Ignorance{
		{
			Operations: []string{"ec2:AssociateRouteTable", "ec2:CreateNatGateway"}, Code: "InvalidSubnetID.NotFound",
			Message: "The subnet Id 'ID' does not exist",
		},
		{
			Operations: []string{"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:SetSubnets"},
			Code:       "SubnetNotFound", Message: "The subnet Id 'ID' does not exist",
		},
	}},
	{ // a subnet that becomes public
		Made: "ec2:AssociateRouteTable", Asked: true, ID: regexp.MustCompile(`SubnetId=(subnet-[0-9a-f]+)`),
		Unknown: []late.Ignorance{{
			Operations: []string{"elasticloadbalancing:CreateLoadBalancer"}, When: "Scheme=internet-facing",
			Code: "InvalidSubnet", Message: "VPC vpc-of-the-subnets has no internet gateway",
		}},
	},
}

// fixVPCs makes the emulator answer about the parts of VPCs as EC2 does.
func fixVPCs(p *proxy.Proxy) {
	repeatByToken(p)
	slowly(p)
	listEndpointServices(p)
	freeAddresses(p)
	routeEndpoints(p)
	keepUsed(p)
}

// repeatByToken makes creates of EC2 with a client token return the object that the token has made. The emulator makes
// another one.
func repeatByToken(p *proxy.Proxy) {
	type intent struct{ caller, operation, token string }
	made := map[intent]*proxy.Response{}
	p.OnReset(func() { clear(made) })
	p.Interpose(func(c *proxy.Call) *proxy.Response {
		token := c.Form.Get("ClientToken")
		if c.Service != "ec2" || token == "" {
			return nil
		}
		return made[intent{c.AccessKey + c.Region, c.Operation, token}]
	})
	p.Watch(func(c *proxy.Call, answer *proxy.Response) {
		if c.Service != "ec2" || answer.Status >= 300 {
			return
		}
		if token := c.Form.Get("ClientToken"); token != "" {
			made[intent{c.AccessKey + c.Region, c.Operation, token}] = answer
		}
		if !strings.HasPrefix(c.Operation, "Delete") {
			return
		}
		// AWS ties a token to the intent, too, but the tests use one token for all.
		for key, values := range c.Form {
			if !strings.Contains(key, "Id") {
				continue
			}
			for i, answer := range made {
				if strings.Contains(string(answer.Body), ">"+values[0]+"<") {
					delete(made, i)
				}
			}
		}
	})
}

// slowly answers the state of a new object as it is before it is ready, and of a deleted one before it is gone: once
// each. The emulator is ready at once.
func slowly(p *proxy.Proxy) {
	owed := map[string]string{} // by id: the state to answer once
	p.OnReset(func() { clear(owed) })
	for _, o := range []struct {
		made, gone, listed string
		id                 *regexp.Regexp
		item               string
	}{
		{
			"CreateNatGateway", "DeleteNatGateway", "DescribeNatGateways",
			regexp.MustCompile(`<natGatewayId>(nat-[0-9a-f]+)<`), "natGatewayId",
		},
		{
			"CreateVpcEndpoint", "DeleteVpcEndpoints", "DescribeVpcEndpoints",
			regexp.MustCompile(`<vpcEndpointId>(vpce-[0-9a-f]+)<`), "vpcEndpointId",
		},
	} {
		p.Watch(func(c *proxy.Call, answer *proxy.Response) {
			if c.Service != "ec2" || answer.Status >= 300 {
				return
			}
			switch c.Operation {
			case o.made:
				if m := o.id.FindSubmatch(answer.Body); m != nil {
					owed[string(m[1])] = "pending"
				}
			case o.gone:
				for key, values := range c.Form {
					if strings.HasPrefix(key, "NatGatewayId") || strings.HasPrefix(key, "VpcEndpointId") {
						owed[values[0]] = "deleting"
					}
				}
			}
		})
		p.Handle("ec2", o.listed, func(c *proxy.Call) *proxy.Response {
			answer, err := c.PostForm("ec2", withoutEC2Filter(c.Form, "vpc-endpoint-id"))
			if err != nil {
				return c.Failed(err)
			}
			body := string(answer.Body)
			for id, state := range owed {
				mark := "<" + o.item + ">" + id + "<"
				at := strings.Index(body, mark)
				if at < 0 {
					continue
				}
				end := len(body)
				if next := strings.Index(body[at+len(mark):], "<"+o.item+">"); next >= 0 {
					end = at + len(mark) + next
				}
				item := regexp.MustCompile(`<state>[a-zA-Z]+</state>`).ReplaceAllString(body[at:end],
					"<state>"+state+"</state>")
				body = body[:at] + item + body[end:]
				delete(owed, id)
			}
			answer.Body = []byte(body)
			answer.Header.Del("Content-Length")
			return answer
		})
	}
}

// withoutFilter is a request without a filter that the emulator does not have. Callers of that filter look at the ids.
func withoutEC2Filter(form url.Values, name string) url.Values {
	out, n := url.Values{}, 0
	for key, values := range form {
		if !strings.HasPrefix(key, "Filter.") {
			out[key] = values
		}
	}
	for i := 1; form.Get(fmt.Sprintf("Filter.%d.Name", i)) != ""; i++ {
		if form.Get(fmt.Sprintf("Filter.%d.Name", i)) == name {
			continue
		}
		n++
		for key, values := range form {
			if rest, found := strings.CutPrefix(key, fmt.Sprintf("Filter.%d.", i)); found {
				out[fmt.Sprintf("Filter.%d.%s", n, rest)] = values
			}
		}
	}
	return out
}

// freeAddresses frees the elastic IP address of a NAT gateway that is deleted. In the emulator it stays associated.
func freeAddresses(p *proxy.Proxy) {
	p.Handle("ec2", "DeleteNatGateway", func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		for _, nat := range ec2Items(c, "natGatewaySet", "DescribeNatGateways", "", "") {
			if !strings.Contains(nat.text, ">"+c.Form.Get("NatGatewayId")+"<") {
				continue
			}
			for _, address := range ec2Items(c, "addressesSet", "DescribeAddresses", "", "") {
				id, association := inner(address.text, "allocationId"), inner(address.text, "associationId")
				if association != "" && strings.Contains(nat.text, ">"+id+"<") {
					if err := askEC2(c, nil, "DisassociateAddress", "AssociationId", association); err != nil {
						return c.Failed(err)
					}
				}
			}
		}
		return answer
	})
}

// routeEndpoints makes the routes of a gateway endpoint follow its route tables when they change. The emulator changes
// the list only, and then cannot delete the endpoint.
func routeEndpoints(p *proxy.Proxy) {
	p.Handle("ec2", "ModifyVpcEndpoint", func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		if answer.Status >= 300 {
			return answer
		}
		id := c.Form.Get("VpcEndpointId")
		for _, endpoint := range ec2Items(c, "vpcEndpointSet", "DescribeVpcEndpoints", "", "") {
			if inner(endpoint.text, "vpcEndpointId") != id {
				continue
			}
			lists := ec2Items(c, "prefixListSet", "DescribeManagedPrefixLists", "prefix-list-name",
				inner(endpoint.text, "serviceName"))
			if len(lists) == 0 {
				continue // an interface endpoint
			}
			to := inner(lists[0].text, "prefixListId")
			for _, table := range access.Members(c.Form, "AddRouteTableId", "") {
				if err := askEC2(c, nil, "CreateRoute", "RouteTableId", table, "DestinationPrefixListId", to,
					"GatewayId", id); err != nil {
					return c.Failed(err)
				}
			}
			for _, table := range access.Members(c.Form, "RemoveRouteTableId", "") {
				if err := askEC2(c, nil, "DeleteRoute", "RouteTableId", table, "DestinationPrefixListId",
					to); err != nil {
					return c.Failed(err)
				}
			}
		}
		return answer
	})
}

// inner is the text of the first element of a name.
func inner(text, name string) string {
	_, rest, _ := strings.Cut(text, "<"+name+">")
	found, _, _ := strings.Cut(rest, "<")
	return found
}

// listEndpointServices answers with all services to which endpoints can lead: the emulator fails with the filter by
// name.
func listEndpointServices(p *proxy.Proxy) {
	p.Handle("ec2", "DescribeVpcEndpointServices", func(c *proxy.Call) *proxy.Response {
		answer, err := c.PostForm("ec2", withoutEC2Filter(c.Form, "service-name"))
		if err != nil {
			return c.Failed(err)
		}
		return answer
	})
}

// keepUsed refuses to delete objects of a VPC that something uses, as EC2 does. The emulator deletes them.
func keepUsed(p *proxy.Proxy) {
	p.Handle("ec2", "DeleteVpc", refuseVPC)
	p.Handle("ec2", "DeleteSubnet", refuseSubnet)
	p.Handle("ec2", "DetachInternetGateway", refuseDetach)
	p.Handle("ec2", "ReleaseAddress", refuseRelease)
	p.Handle("ec2", "DeleteSecurityGroup", refuseGroup)
}

// refuseVPC refuses to delete a VPC in which something is left.
func refuseVPC(c *proxy.Call) *proxy.Response {
	vpc := c.Form.Get("VpcId")
	for _, q := range []struct{ action, filter, list string }{
		{"DescribeSubnets", "vpc-id", "subnetSet"},
		{"DescribeInternetGateways", "attachment.vpc-id", "internetGatewaySet"},
		{"DescribeSecurityGroups", "vpc-id", "securityGroupInfo"},
		{"DescribeRouteTables", "vpc-id", "routeTableSet"},
	} {
		for _, found := range ec2Items(c, q.list, q.action, q.filter, vpc) {
			main := strings.Contains(found.text, "<main>true")
			if !main && !strings.Contains(found.text, "<groupName>default<") {
				return dependency(c, "The vpc '"+vpc+"'", q.list)
			}
		}
	}
	if by := aliveIn(c, "vpc-id", vpc); by != "" {
		return dependency(c, "The vpc '"+vpc+"'", by)
	}
	return nil
}

// refuseSubnet refuses to delete a subnet that something uses.
func refuseSubnet(c *proxy.Call) *proxy.Response {
	subnet := c.Form.Get("SubnetId")
	if by := aliveIn(c, "subnet-id", subnet); by != "" {
		return dependency(c, "The subnet '"+subnet+"'", by)
	}
	if by := balancerWith(c, func(b map[string]string) bool {
		return slices.Contains(suffixed(b, "AvailabilityZones.member.", ".SubnetId"), subnet)
	}); by != "" {
		return dependency(c, "The subnet '"+subnet+"'", by)
	}
	return nil
}

// refuseDetach refuses to detach an internet gateway while something has a public address.
func refuseDetach(c *proxy.Call) *proxy.Response {
	vpc := c.Form.Get("VpcId")
	by := aliveIn(c, "vpc-id", vpc, "natGatewaySet")
	if by == "" {
		by = balancerWith(c, func(b map[string]string) bool {
			return b["VPCId"] == vpc && b["Scheme"] == "internet-facing" || b["VpcId"] == vpc &&
				b["Scheme"] == "internet-facing"
		})
	}
	if by != "" {
		return c.Failure(400, "DependencyViolation", "Network "+vpc+" has some mapped public address(es) ("+by+
			"). Please unmap those public address(es) before detaching the gateway.")
	}
	return nil
}

// refuseRelease refuses to release the address of a NAT gateway.
func refuseRelease(c *proxy.Call) *proxy.Response {
	id := c.Form.Get("AllocationId")
	for _, found := range ec2Items(c, "natGatewaySet", "DescribeNatGateways", "", "") {
		if strings.Contains(found.text, id) && !strings.Contains(found.text, "<state>deleted") {
			return c.Failure(400, "InvalidIPAddress.InUse", "Address "+id+" is in use.")
		}
	}
	return nil
}

// refuseGroup refuses to delete a security group that something uses.
func refuseGroup(c *proxy.Call) *proxy.Response {
	group := c.Form.Get("GroupId")
	used := func(by string) *proxy.Response {
		return c.Failure(400, "DependencyViolation", "resource "+group+" has a dependent object ("+by+")")
	}
	if by := balancerWith(c, func(b map[string]string) bool {
		return slices.Contains(suffixed(b, "SecurityGroups.member.", ""), group)
	}); by != "" {
		return used(by)
	}
	for _, found := range ec2Items(c, "vpcEndpointSet", "DescribeVpcEndpoints", "", "") {
		if strings.Contains(found.text, group) && !strings.Contains(found.text, "<state>deleted") {
			return used("a VPC endpoint")
		}
	}
	for _, found := range ec2Items(c, "securityGroupInfo", "DescribeSecurityGroups", "ip-permission.group-id",
		group) {
		if !strings.Contains(found.text, "<groupId>"+group+"</groupId><groupName>") &&
			!strings.HasPrefix(found.text, "<groupId>"+group) {
			return used("a rule of another group")
		}
	}
	return nil
}

// dependency is AWS's refusal to delete what something else uses.
func dependency(c *proxy.Call, what, by string) *proxy.Response {
	return c.Failure(400, "DependencyViolation", what+" has a dependency ("+by+") and cannot be deleted.")
}

// aliveIn names a NAT gateway or an endpoint in a VPC or a subnet; "" if there is none.
func aliveIn(c *proxy.Call, by, id string, lists ...string) string {
	for _, q := range []struct{ action, list string }{
		{"DescribeNatGateways", "natGatewaySet"}, {"DescribeVpcEndpoints", "vpcEndpointSet"},
	} {
		if len(lists) > 0 && !slices.Contains(lists, q.list) {
			continue
		}
		for _, found := range ec2Items(c, q.list, q.action, "", "") {
			if strings.Contains(found.text, ">"+id+"<") && !strings.Contains(found.text, "<state>deleted") {
				return q.list
			}
		}
	}
	return ""
}

// balancerWith names a load balancer that fits; "" if there is none.
func balancerWith(c *proxy.Call, fits func(map[string]string) bool) string {
	answer, err := c.Ask(elbName, elbVersion, "DescribeLoadBalancers")
	if err != nil {
		return ""
	}
	found, err := proxy.Flatten(answer, "LoadBalancers", "member")
	if err != nil {
		return ""
	}
	for _, b := range found {
		if fits(b) {
			return b["LoadBalancerArn"]
		}
	}
	return ""
}

type ec2Item struct{ text string }

// ec2Items are the items of a list of EC2, as XML.
func ec2Items(c *proxy.Call, list, action, filter, of string) []ec2Item {
	var pairs []string
	if filter != "" {
		pairs = []string{"Filter.1.Name", filter, "Filter.1.Value.1", of}
	}
	answer, err := c.Ask("ec2", "2016-11-15", action, pairs...)
	if err != nil {
		return nil
	}
	var found struct {
		Lists []struct {
			XMLName xml.Name
			Items   []struct {
				Text string `xml:",innerxml"`
			} `xml:"item"`
		} `xml:",any"`
	}
	if xml.Unmarshal(answer, &found) != nil {
		return nil
	}
	var out []ec2Item
	for _, l := range found.Lists {
		if l.XMLName.Local == list {
			for _, i := range l.Items {
				out = append(out, ec2Item{strings.Join(strings.Fields(i.Text), "")})
			}
		}
	}
	return out
}
