package service

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
)

// kindsOfEC2 are the kinds in the ARNs of EC2, by the beginning of their ids.
var kindsOfEC2 = map[string]string{
	"sg": "security-group", "sgr": "security-group-rule", "vpc": "vpc", "igw": "internet-gateway", "subnet": "subnet",
	"rtb": "route-table", "eipalloc": "elastic-ip", "nat": "natgateway", "vpce": "vpc-endpoint", "fl": "vpc-flow-log",
}

// arnOfEC2 is the ARN of an id; "" if the text is no id.
func arnOfEC2(b *access.Builder, id string) string {
	kind, _, found := strings.Cut(id, "-")
	if !found || kindsOfEC2[kind] == "" {
		return ""
	}
	return b.ARN(kindsOfEC2[kind] + "/" + id)
}

// createsOfEC2 are the calls that make an object of a VPC, with its kind.
var createsOfEC2 = map[string]string{
	"CreateVpc": "vpc", "CreateInternetGateway": "internet-gateway", "CreateSubnet": "subnet",
	"CreateRouteTable": "route-table", "AllocateAddress": "elastic-ip", "CreateNatGateway": "natgateway",
	"CreateVpcEndpoint": "vpc-endpoint", "CreateFlowLogs": "vpc-flow-log",
}

// accessVPC is what IAM checks for a call that names the parts of a VPC: each of them, and what it makes.
func accessVPC(b *access.Builder) {
	for _, key := range slices.Sorted(maps.Keys(b.Call.Form)) {
		route := strings.HasSuffix(b.Call.Operation, "Route")
		if strings.HasPrefix(key, "TagSpecification") || route && key != "RouteTableId" { // not the target of a route
			continue
		}
		if arn := arnOfEC2(b, b.Call.Form.Get(key)); arn != "" {
			b.On(arn)
		}
	}
	switch op := b.Call.Operation; op {
	case "DisassociateRouteTable": // by the id of the association
		var table struct {
			ID string `xml:"routeTableSet>item>routeTableId"`
		}
		if askEC2(b.Call, &table, "DescribeRouteTables", "Filter.1.Name", "association.route-table-association-id",
			"Filter.1.Value.1", b.Call.Form.Get("AssociationId")) == nil {
			b.On(b.ARN("route-table/" + table.ID))
		}
	case "CreateVpcEndpoint":
		if b.Call.Form.Get("PrivateDnsEnabled") == "true" {
			b.Ask("route53:AssociateVPCWithHostedZone", "arn:aws:route53:::hostedzone/aws")
		}
	case "CreateFlowLogs":
		b.Context("iam:PassedToService", "vpc-flow-logs.amazonaws.com")
		b.Ask("iam:PassRole", b.Call.Form.Get("DeliverLogsPermissionArn"))
		b.WithoutContext()
	}
	if kind := createsOfEC2[b.Call.Operation]; kind != "" {
		b.On(b.ARN(kind + "/new"))
		b.Context("ec2:CreateAction", b.Call.Operation)
		b.Tagging("ec2:CreateTags", b.ARN(kind+"/new"))
	}
}

func labelled(list []types.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range list {
		out[*t.Key] = aws.ToString(t.Value)
	}
	return out
}

// partsOfVPCs are all parts of VPCs but those that AWS makes itself.
type partsOfVPCs struct {
	vpcs      []types.Vpc
	subnets   []types.Subnet
	gateways  []types.InternetGateway
	tables    []types.RouteTable
	addresses []types.Address
	nats      []types.NatGateway
	endpoints []types.VpcEndpoint
	logs      []types.FlowLog
}

func listParts(l *inventory.Lister) (parts partsOfVPCs, err error) {
	client := ec2.NewFromConfig(l.Config)
	own := map[string]bool{} // the default VPC
	vpcs, err := client.DescribeVpcs(l, &ec2.DescribeVpcsInput{})
	if err != nil {
		return parts, err
	}
	for _, v := range vpcs.Vpcs {
		own[*v.VpcId] = aws.ToBool(v.IsDefault)
	}
	parts.vpcs = slices.DeleteFunc(vpcs.Vpcs, func(v types.Vpc) bool { return own[*v.VpcId] })
	subnets, err := client.DescribeSubnets(l, &ec2.DescribeSubnetsInput{})
	if err != nil {
		return parts, err
	}
	parts.subnets = slices.DeleteFunc(subnets.Subnets, func(s types.Subnet) bool { return own[*s.VpcId] })
	gateways, err := client.DescribeInternetGateways(l, &ec2.DescribeInternetGatewaysInput{})
	if err != nil {
		return parts, err
	}
	parts.gateways = slices.DeleteFunc(gateways.InternetGateways, func(g types.InternetGateway) bool {
		return len(g.Attachments) > 0 && own[aws.ToString(g.Attachments[0].VpcId)]
	})
	tables, err := client.DescribeRouteTables(l, &ec2.DescribeRouteTablesInput{})
	if err != nil {
		return parts, err
	}
	parts.tables = slices.DeleteFunc(tables.RouteTables, func(t types.RouteTable) bool {
		return own[*t.VpcId] || slices.ContainsFunc(t.Associations, func(a types.RouteTableAssociation) bool {
			return aws.ToBool(a.Main)
		})
	})
	addresses, err := client.DescribeAddresses(l, &ec2.DescribeAddressesInput{})
	if err != nil {
		return parts, err
	}
	parts.addresses = addresses.Addresses
	nats, err := client.DescribeNatGateways(l, &ec2.DescribeNatGatewaysInput{})
	if err != nil {
		return parts, err
	}
	parts.nats = slices.DeleteFunc(nats.NatGateways, func(n types.NatGateway) bool {
		return n.State == types.NatGatewayStateDeleted || n.State == types.NatGatewayStateDeleting
	})
	endpoints, err := client.DescribeVpcEndpoints(l, &ec2.DescribeVpcEndpointsInput{})
	if err != nil {
		return parts, err
	}
	parts.endpoints = slices.DeleteFunc(endpoints.VpcEndpoints, func(e types.VpcEndpoint) bool {
		return strings.HasPrefix(strings.ToLower(string(e.State)), "delet")
	})
	logs, err := client.DescribeFlowLogs(l, &ec2.DescribeFlowLogsInput{})
	parts.logs = logs.FlowLogs
	return parts, err
}

// label is the name of a part: the resource in its tags.
func label(list []types.Tag) string { return labelled(list)["deployer:resource"] }

func nameParts(l *inventory.Lister) error {
	parts, err := listParts(l)
	if err != nil {
		return err
	}
	for _, v := range parts.vpcs {
		l.Name(*v.VpcId, label(v.Tags))
	}
	for _, s := range parts.subnets {
		l.Name(*s.SubnetId, label(s.Tags))
	}
	for _, g := range parts.gateways {
		l.Name(*g.InternetGatewayId, label(g.Tags))
	}
	for _, t := range parts.tables {
		l.Name(*t.RouteTableId, label(t.Tags))
	}
	for _, a := range parts.addresses {
		l.Name(*a.AllocationId, label(a.Tags))
	}
	for _, n := range parts.nats {
		l.Name(*n.NatGatewayId, label(n.Tags))
	}
	for _, e := range parts.endpoints {
		l.Name(*e.VpcEndpointId, label(e.Tags))
	}
	return nil
}

func listVPCs(l *inventory.Lister) error {
	parts, err := listParts(l)
	if err != nil {
		return err
	}
	add := func(kind string, tags []types.Tag, facts ...any) {
		if err == nil {
			err = l.Add(kind, label(tags), append(facts, inventory.Tags(labelled(tags)))...)
		}
	}
	for _, v := range parts.vpcs {
		add("vpc", v.Tags, v.CidrBlock)
	}
	for _, s := range parts.subnets {
		add("subnet", s.Tags, s.VpcId, s.CidrBlock, s.AvailabilityZone)
	}
	for _, g := range parts.gateways {
		add("internet gateway", g.Tags, g.Attachments)
	}
	for _, t := range parts.tables {
		var facts []string
		for _, r := range t.Routes {
			if to := aws.ToString(r.GatewayId) + aws.ToString(r.NatGatewayId); to != "local" {
				facts = append(facts, fmt.Sprint(aws.ToString(r.DestinationCidrBlock), " to ", to))
			}
		}
		for _, a := range t.Associations {
			facts = append(facts, "for "+aws.ToString(a.SubnetId))
		}
		for i := range facts {
			facts[i] = l.Named(facts[i])
		}
		slices.Sort(facts)
		add("route table", t.Tags, t.VpcId, facts)
	}
	for _, a := range parts.addresses {
		add("elastic IP", a.Tags)
	}
	for _, n := range parts.nats {
		var addresses []string
		for _, a := range n.NatGatewayAddresses {
			addresses = append(addresses, aws.ToString(a.AllocationId))
		}
		add("NAT gateway", n.Tags, n.SubnetId, addresses)
	}
	for _, e := range parts.endpoints {
		var groups []string
		for _, g := range e.Groups {
			groups = append(groups, aws.ToString(g.GroupId))
		}
		lists := append(append(slices.Clone(e.RouteTableIds), e.SubnetIds...), groups...)
		for i := range lists {
			lists[i] = l.Named(lists[i])
		}
		slices.Sort(lists)
		add("VPC endpoint", e.Tags, e.VpcId, e.ServiceName, lists)
	}
	for _, f := range parts.logs {
		add("flow log", f.Tags, f.ResourceId, f.TrafficType, f.LogGroupName)
	}
	return err
}
