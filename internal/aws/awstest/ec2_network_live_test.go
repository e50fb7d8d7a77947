package awstest

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

var _ = liveObjects(answerNetwork,
	liveType{file: "EC2-VPC", typ: model.VPCType, explicit: []string{"dnsSupport", "dnsHostnames"}, props: liveVPC},
	liveType{file: "EC2-InternetGateway", typ: model.InternetGatewayType, props: func(l live) (any, string, string) {
		return model.InternetGateway{VPCID: lit(attached), Tags: l.Declared.tags()},
			l.Live.text("InternetGatewayId"), ""
	}},
	liveType{file: "EC2-Subnet", typ: model.SubnetType, props: func(l live) (any, string, string) {
		return model.Subnet{
			VPCID: lit(l.Live.text("VpcId")), CIDR: l.Declared.text("CidrBlock"),
			AvailabilityZone: lit(l.Live.text("AvailabilityZone")), Tags: l.Declared.tags(),
		}, l.Live.text("SubnetId"), ""
	}},
	liveType{file: "EC2-RouteTable", typ: model.RouteTableType, props: func(l live) (any, string, string) {
		return model.RouteTable{VPCID: lit(l.Live.text("VpcId")), Tags: l.Declared.tags()},
			l.Live.text("RouteTableId"), ""
	}},
	liveType{file: "EC2-Route", typ: model.RouteType, props: func(l live) (any, string, string) {
		return model.Route{
			RouteTableID: lit(l.Live.text("RouteTableId")), Destination: l.Declared.text("DestinationCidrBlock"),
			GatewayID: lit(l.Live.text("GatewayId")), NATGatewayID: lit(l.Live.text("NatGatewayId")),
		}, l.Live.text("RouteTableId") + "/" + l.Live.text("DestinationCidrBlock"), ""
	}},
	liveType{
		file: "EC2-SubnetRouteTableAssociation", typ: model.RouteTableAssociationType,
		props: func(l live) (any, string, string) {
			return model.RouteTableAssociation{
				SubnetID: lit(l.Live.text("SubnetId")), RouteTableID: lit(l.Live.text("RouteTableId")),
			}, l.Live.text("SubnetId") + "/route-table", ""
		},
	},
	liveType{file: "EC2-EIP", typ: model.ElasticIPType, props: func(l live) (any, string, string) {
		return model.ElasticIP{Tags: l.Declared.tags()}, l.Live.text("PublicIp"), ""
	}},
	liveType{file: "EC2-NatGateway", typ: model.NATGatewayType, props: func(l live) (any, string, string) {
		if l.Live.text("ConnectivityType") != "public" {
			return nil, "", "a private NAT gateway"
		}
		return model.NATGateway{
			SubnetID: lit(l.Live.text("SubnetId")), AllocationID: lit(l.Live.text("AllocationId")),
			Tags: l.Declared.tags(),
		}, l.Live.text("NatGatewayId"), ""
	}},
	liveType{
		file: "EC2-VPCEndpoint", typ: model.VPCEndpointType, props: liveVPCEndpoint,
		explicit: []string{"privateDns", "securityGroupIds"},
	},
	liveType{file: "EC2-FlowLog", typ: model.FlowLogType, props: func(l live) (any, string, string) {
		if l.Declared.text("LogDestinationType") != "cloud-watch-logs" {
			return nil, "", "a flow log elsewhere than in a log group"
		}
		return model.FlowLog{
			VPCID: lit(l.Live.text("ResourceId")), Traffic: strings.ToLower(l.Declared.text("TrafficType")),
			LogGroup: lit(l.Declared.text("LogGroupName")), RoleARN: lit(l.Live.text("DeliverLogsPermissionArn")),
			Tags: l.Declared.tags(),
		}, l.Live.text("Id"), ""
	}},
)

// attached is the VPC of all internet gateways: CloudFormation has the attachment apart.
const attached = "vpc-0123456789abcdef0"

func liveVPC(l live) (any, string, string) {
	out := model.VPC{CIDR: l.Declared.text("CidrBlock"), Tags: l.Declared.tags()}
	for name, into := range map[string]**bool{
		"EnableDnsSupport": &out.DNSSupport, "EnableDnsHostnames": &out.DNSHostnames,
	} {
		if _, given := l.Declared[name]; given {
			*into = aws.Bool(l.Declared.is(name))
		}
	}
	return out, l.Live.text("VpcId"), ""
}

func liveVPCEndpoint(l live) (any, string, string) {
	d := l.Declared
	out := model.VPCEndpoint{
		VPCID: lit(l.Live.text("VpcId")), ServiceName: lit(d.text("ServiceName")),
		EndpointType: strings.ToLower(d.text("VpcEndpointType")), Tags: d.tags(),
	}
	for _, list := range []struct {
		name string
		into *value.Of[[]string]
	}{
		{"RouteTableIds", &out.RouteTableIDs},
		{"SubnetIds", &out.SubnetIDs},
		{"SecurityGroupIds", &out.SecurityGroupIDs},
	} {
		if _, given := d[list.name]; given {
			*list.into = value.Lit(l.Live.texts(list.name))
		}
	}
	if _, given := d["PrivateDnsEnabled"]; given {
		out.PrivateDNS = aws.Bool(d.is("PrivateDnsEnabled"))
	}
	return out, l.Live.text("Id"), ""
}

func answerNetwork(l object, parameters any) (any, error) {
	switch in := parameters.(type) {
	case *ec2.DescribeVpcsInput:
		return &ec2.DescribeVpcsOutput{Vpcs: []ec2types.Vpc{into[ec2types.Vpc](l)}}, nil
	case *ec2.DescribeVpcAttributeInput:
		out := &ec2.DescribeVpcAttributeOutput{}
		if in.Attribute == ec2types.VpcAttributeNameEnableDnsSupport {
			out.EnableDnsSupport = &ec2types.AttributeBooleanValue{Value: aws.Bool(l.is("EnableDnsSupport"))}
		} else {
			out.EnableDnsHostnames = &ec2types.AttributeBooleanValue{Value: aws.Bool(l.is("EnableDnsHostnames"))}
		}
		return out, nil
	case *ec2.DescribeInternetGatewaysInput:
		gateway := into[ec2types.InternetGateway](l)
		gateway.Attachments = []ec2types.InternetGatewayAttachment{{VpcId: aws.String(attached)}}
		return &ec2.DescribeInternetGatewaysOutput{InternetGateways: []ec2types.InternetGateway{gateway}}, nil
	case *ec2.DescribeSubnetsInput:
		return &ec2.DescribeSubnetsOutput{Subnets: []ec2types.Subnet{into[ec2types.Subnet](l)}}, nil
	case *ec2.DescribeRouteTablesInput:
		table := into[ec2types.RouteTable](l)
		table.Associations = []ec2types.RouteTableAssociation{into[ec2types.RouteTableAssociation](l)}
		table.Routes = []ec2types.Route{into[ec2types.Route](l)}
		return &ec2.DescribeRouteTablesOutput{RouteTables: []ec2types.RouteTable{table}}, nil
	case *ec2.DescribeAddressesInput:
		address := into[ec2types.Address](l)
		address.AllocationId = address.PublicIp
		return &ec2.DescribeAddressesOutput{Addresses: []ec2types.Address{address}}, nil
	case *ec2.DescribeNatGatewaysInput:
		nat := into[ec2types.NatGateway](l)
		nat.State = ec2types.NatGatewayStateAvailable
		nat.NatGatewayAddresses = []ec2types.NatGatewayAddress{{AllocationId: aws.String(l.text("AllocationId"))}}
		return &ec2.DescribeNatGatewaysOutput{NatGateways: []ec2types.NatGateway{nat}}, nil
	case *ec2.DescribeVpcEndpointsInput:
		endpoint := ec2types.VpcEndpoint{
			VpcEndpointId: aws.String(l.text("Id")), VpcId: aws.String(l.text("VpcId")), State: "available",
			ServiceName:     aws.String(l.text("ServiceName")),
			VpcEndpointType: ec2types.VpcEndpointType(l.text("VpcEndpointType")),
			RouteTableIds:   l.texts("RouteTableIds"), SubnetIds: l.texts("SubnetIds"),
			PrivateDnsEnabled: aws.Bool(l.is("PrivateDnsEnabled")),
			Tags:              into[struct{ Tags []ec2types.Tag }](l).Tags,
		}
		for _, id := range l.texts("SecurityGroupIds") {
			endpoint.Groups = append(endpoint.Groups, ec2types.SecurityGroupIdentifier{GroupId: &id})
		}
		return &ec2.DescribeVpcEndpointsOutput{VpcEndpoints: []ec2types.VpcEndpoint{endpoint}}, nil
	case *ec2.DescribeFlowLogsInput:
		log := into[ec2types.FlowLog](l)
		log.FlowLogId = aws.String(l.text("Id"))
		return &ec2.DescribeFlowLogsOutput{FlowLogs: []ec2types.FlowLog{log}}, nil
	}
	return nil, nil
}
