package network

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/resource/logs"
	"github.com/company/deployer/internal/value"
)

// How private subnets reach the internet.
const (
	noNAT     = "none"
	singleNAT = "single"
	perZone   = "perAz"
)

// Where tasks run.
const (
	inPrivate = "private"
	inPublic  = "public"
)

const anywhere = "0.0.0.0/0"

// gateways are the services with gateway endpoints. These cost nothing.
var gateways = []string{"s3", "dynamodb"}

func resources() []component.Generated {
	const own = "with `vpc.cidr`"
	return []component.Generated{
		{Name: "vpc", Type: ec2.VPCType, When: own},
		{Name: "internet-gateway", Type: ec2.InternetGatewayType, When: own},
		{Name: "public-subnet-*", Type: ec2.SubnetType, When: own + ", one for each zone"},
		{Name: "private-subnet-*", Type: ec2.SubnetType, When: own + ", one for each zone"},
		{Name: "public-table", Type: ec2.RouteTableType, When: own},
		{Name: "private-table-*", Type: ec2.RouteTableType, When: own + ", one for each zone"},
		{Name: "public-route", Type: ec2.RouteType, When: own},
		{Name: "private-route-*", Type: ec2.RouteType, When: "with NAT gateways, one for each zone"},
		{Name: "public-association-*", Type: ec2.RouteTableAssociationType, When: own + ", one for each zone"},
		{Name: "private-association-*", Type: ec2.RouteTableAssociationType, When: own + ", one for each zone"},
		{Name: "nat-*", Type: ec2.NATGatewayType, When: "as `vpc.natGateways` says"},
		{Name: "nat-ip-*", Type: ec2.ElasticIPType, When: "one for each NAT gateway"},
		{Name: "endpoint-*", Type: ec2.VPCEndpointType, When: own + ", for S3, DynamoDB and each of `vpc.endpoints`"},
		{Name: "endpoints-security-group", Type: ec2.SecurityGroupType, When: "with `vpc.endpoints`"},
		{Name: "endpoints-from-vpc", Type: ec2.SecurityGroupRuleType, When: "with `vpc.endpoints`"},
		{Name: "flow-log", Type: ec2.FlowLogType, When: "with `vpc.flowLogs`"},
		{Name: "flow-log-group", Type: logs.LogGroupType, When: "with `vpc.flowLogs`"},
		{Name: "flow-log-role", Type: iam.RoleType, When: "with `vpc.flowLogs`"},
		{Name: "flow-log-policy", Type: iam.RolePolicyType, When: "with `vpc.flowLogs`"},
	}
}

// own makes a VPC with all its parts.
//
// The ids of subnets that it gives are those of associations with route tables: whatever is in a subnet waits until the
// subnet's routes and endpoints work, and is deleted before them.
func (s *Spec) own(in component.Instance, c component.Context) (component.Expansion, []value.Problem) {
	b := builder{in: in, spec: s, nat: s.nat(in)}
	problems := s.unusual()
	problems = append(problems, s.ways(b.nat, c.Demands)...)
	b.cidr, _ = netip.ParsePrefix(s.VPC.CIDR)
	b.vpc = b.add("vpc", "", ec2.VPCType, ec2.VPC{CIDR: b.cidr.String()})
	b.vpcID = value.Expr[string](b.vpc.Output("id"))
	b.zones()
	b.publicSide()
	b.privateSide()
	if s.VPC.FlowLogs != nil {
		b.flowLogs()
	}
	public, private := value.NewList(b.public...), value.NewList(b.private...)
	tasks := private
	if s.Tasks == inPublic {
		tasks = public
	}
	overlap := in.Data(
		"overlap",
		ec2.OverlapLookupType,
		ec2.OverlapLookup{CIDR: b.cidr.String(), Tags: map[string]string{
			resource.TagStack: in.Stack, resource.TagEnvironment: in.Environment, resource.TagComponent: in.Address,
		}},
	)
	b.made = append(b.made, overlap)
	notes := []resource.Hint{{When: overlap.Output("found"), Text: []value.Value{
		value.NewString("vpc.cidr " + b.cidr.String() + " overlaps the range of "), overlap.Output("with"),
		value.NewString(": the two VPCs can never be connected"),
	}}}
	return component.Expansion{Resources: b.made, Notes: notes, Outputs: map[string]value.Value{
		VPCID: b.vpc.Output("id"), CIDR: value.NewString(b.cidr.String()),
		CIDRs:           value.Strings(b.cidr.String()),
		PublicSubnetIDs: public, PrivateSubnetIDs: private,
		DataSubnetIDs: private, TaskSubnetIDs: tasks, AssignPublicIP: value.NewBool(s.Tasks == inPublic),
		PublicBalancerSubnetIDs: public, InternalBalancerSubnetIDs: private,
	}}, problems
}

// nat says how private subnets reach the internet.
func (s *Spec) nat(in component.Instance) string {
	switch {
	case s.VPC.NATGateways != "":
		return s.VPC.NATGateways
	case in.Production:
		return perZone
	default:
		return singleNAT
	}
}

// builder makes the parts of a VPC.
type builder struct {
	in   component.Instance
	spec *Spec
	nat  string

	cidr            netip.Prefix
	vpc             *resource.Resource
	vpcID           value.Of[string]
	all             []*zone
	gateway         *resource.Resource
	table           *resource.Resource // of the public subnets
	public, private []value.Value      // ids of the subnets, known when their routes work
	made            []*resource.Resource
}

// maxUserTags is how many tags leave room for one more.
const maxUserTags = 44

// add makes a resource. label is what the AWS console shows as its name, after stack and environment.
func (b *builder) add(name, label, typ string, props any, after ...string) *resource.Resource {
	in := b.in
	if _, has := in.Tags["Name"]; !has && len(in.Tags) < maxUserTags {
		in.Tags = maps.Clone(in.Tags)
		if in.Tags == nil {
			in.Tags = map[string]string{}
		}
		in.Tags["Name"] = strings.Join(slices.DeleteFunc([]string{in.Stack, in.Environment, label},
			func(part string) bool { return part == "" }), "-")
	}
	r := in.Resource(name, typ, props, after...)
	b.made = append(b.made, r)
	return r
}

// zones are those of the spec, or the first of the region.
func (b *builder) zones() {
	vpc := b.spec.VPC
	ask := ec2.ZonesLookup{Zones: vpc.Zones, Count: len(vpc.Zones)}
	if ask.Count == 0 {
		ask.Count = 2
		if vpc.AZs != nil {
			ask.Count = *vpc.AZs
		}
		ask.Tags = map[string]string{
			resource.TagStack: b.in.Stack, resource.TagEnvironment: b.in.Environment,
			resource.TagComponent: b.in.Address,
		}
	}
	for i := range ask.Count {
		z := &zone{slot: i + 1}
		if len(vpc.Zones) > 0 {
			z.slot = slotOf(vpc.Zones[i])
		} else {
			ask.Resources = append(ask.Resources, b.in.Address+":private-subnet-"+z.key())
		}
		b.all = append(b.all, z)
	}
	found := b.in.Data("zones", ec2.ZonesLookupType, ask)
	b.made = append(b.made, found)
	for i, z := range b.all {
		z.name = value.Select(found.Output("names"), strconv.Itoa(i))
	}
}

// publicSide are the internet gateway and the public subnets.
func (b *builder) publicSide() {
	b.gateway = b.add("internet-gateway", "", ec2.InternetGatewayType, ec2.InternetGateway{VPCID: b.vpcID})
	b.table = b.add("public-table", inPublic, ec2.RouteTableType, ec2.RouteTable{VPCID: b.vpcID})
	route := b.add("public-route", "", ec2.RouteType, ec2.Route{
		RouteTableID: value.Expr[string](b.table.Output("id")), Destination: anywhere,
		GatewayID: value.Expr[string](b.gateway.Output("id")),
	})
	for _, z := range b.all {
		z.public = b.subnet(inPublic, z, publicRange(b.cidr, z.slot))
		b.public = append(b.public, b.associate(inPublic, z, z.public, b.table, route.ID()))
	}
}

func (b *builder) subnet(side string, z *zone, cidr string) *resource.Resource {
	return b.add(side+"-subnet-"+z.key(), side+"-"+z.key(), ec2.SubnetType, ec2.Subnet{
		VPCID: b.vpcID, CIDR: cidr, AvailabilityZone: value.Expr[string](z.name),
	})
}

// associate returns the id of the subnet, known when the subnet uses the route table.
func (b *builder) associate(side string, z *zone, subnet, table *resource.Resource, after ...string) value.Value {
	return b.add(side+"-association-"+z.key(), "", ec2.RouteTableAssociationType, ec2.RouteTableAssociation{
		SubnetID:     value.Expr[string](subnet.Output("id")),
		RouteTableID: value.Expr[string](table.Output("id")),
	}, after...).Output("subnetId")
}

// privateSide are the private subnets, and their ways out.
func (b *builder) privateSide() {
	tables, subnets := []value.Value{b.table.Output("id")}, []value.Value(nil)
	for _, z := range b.all {
		z.private = b.subnet(inPrivate, z, privateRange(b.cidr, z.slot))
		z.table = b.add("private-table-"+z.key(), inPrivate+"-"+z.key(), ec2.RouteTableType,
			ec2.RouteTable{VPCID: b.vpcID})
		subnets, tables = append(subnets, z.private.Output("id")), append(tables, z.table.Output("id"))
	}
	after := b.endpoints(subnets, tables)
	var nat *resource.Resource
	for i, z := range b.all {
		if b.nat == perZone || b.nat == singleNAT && i == 0 {
			nat = b.natGateway(i, z)
		}
		way := after
		if nat != nil {
			way = append(slices.Clone(after), b.add("private-route-"+z.key(), "", ec2.RouteType, ec2.Route{
				RouteTableID: value.Expr[string](z.table.Output("id")), Destination: anywhere,
				NATGatewayID: value.Expr[string](nat.Output("id")),
			}).ID())
		}
		b.private = append(b.private, b.associate(inPrivate, z, z.private, z.table, way...))
	}
}

func (b *builder) natGateway(i int, z *zone) *resource.Resource {
	address := b.add("nat-ip-"+z.key(), "nat-"+z.key(), ec2.ElasticIPType, ec2.ElasticIP{}, b.gateway.ID())
	return b.add("nat-"+z.key(), "nat-"+z.key(), ec2.NATGatewayType, ec2.NATGateway{
		SubnetID: value.Expr[string](b.public[i]), AllocationID: value.Expr[string](address.Output("id")),
	})
}

// endpoints returns the IDs of the endpoints, for which private subnets wait.
func (b *builder) endpoints(subnets, tables []value.Value) []string {
	interfaces := expanded(b.spec.VPC.Endpoints)
	found := b.in.Data("endpoint-services", ec2.ServicesLookupType,
		ec2.EndpointServices{Services: slices.Concat(gateways, interfaces)})
	b.made = append(b.made, found)
	var ids []string
	add := func(service string, props ec2.VPCEndpoint, after ...string) {
		props.VPCID = b.vpcID
		props.ServiceName = value.Expr[string](value.Select(found.Output("names"), service))
		name := strings.ReplaceAll(service, ".", "-")
		ids = append(ids, b.add("endpoint-"+name, name, ec2.VPCEndpointType, props, after...).ID())
	}
	for _, service := range gateways {
		add(service, ec2.VPCEndpoint{
			EndpointType: ec2.GatewayEndpoint, RouteTableIDs: value.Expr[[]string](value.NewList(tables...)),
		})
	}
	if len(interfaces) == 0 {
		return ids
	}
	group := b.add("endpoints-security-group", "", ec2.SecurityGroupType, ec2.SecurityGroup{
		GroupName: b.in.Prefix("endpoints"), VPCID: b.vpcID,
		Description: "VPC endpoints of " + b.in.Stack + " in " + b.in.Environment,
	})
	rule := b.add("endpoints-from-vpc", "", ec2.SecurityGroupRuleType, ec2.SecurityGroupRule{
		SecurityGroupID: value.Expr[string](group.Output("id")), Direction: ec2.Ingress, Protocol: "tcp",
		FromPort: value.Lit(443), ToPort: value.Lit(443), CIDR: value.Lit(b.cidr.String()),
		Description: "HTTPS from the VPC",
	})
	for _, service := range interfaces {
		add(service, ec2.VPCEndpoint{
			EndpointType: ec2.InterfaceEndpoint, SubnetIDs: value.Expr[[]string](value.NewList(subnets...)),
			SecurityGroupIDs: value.Expr[[]string](value.NewList(group.Output("id"))),
		}, rule.ID())
	}
	return ids
}

// expanded are the services of a list in which ecr stands for two.
func expanded(list []string) []string {
	var out []string
	for _, name := range list {
		if name == "ecr" {
			out = append(out, "ecr.api", "ecr.dkr")
			continue
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (b *builder) flowLogs() {
	in := b.in
	group := b.add("flow-log-group", "flow-logs", logs.LogGroupType, logs.LogGroup{
		Name: logs.Name(in.Stack, in.Environment, in.Service, in.Name), RetentionDays: b.spec.VPC.FlowLogs.Retention,
	})
	role := b.add("flow-log-role", "flow-logs", iam.RoleType, iam.Role{
		Name: in.Prefix("flow-log", in.Region), Description: "Writes the flow log of " + in.Address,
		AssumeRolePolicy: value.NewMap(map[string]value.Value{
			"Version": value.NewString("2012-10-17"),
			"Statement": value.NewList(value.NewMap(map[string]value.Value{
				"Effect": value.NewString("Allow"), "Action": value.NewString("sts:AssumeRole"),
				"Principal": value.NewMap(map[string]value.Value{
					"Service": value.NewString("vpc-flow-logs.amazonaws.com"),
				}),
				"Condition": value.NewMap(map[string]value.Value{
					"StringEquals": value.NewMap(map[string]value.Value{
						"aws:SourceAccount": value.NewString(in.Account),
					}),
					"ArnLike": value.NewMap(map[string]value.Value{
						"aws:SourceArn": value.NewString(in.ARN("ec2", "vpc-flow-log/*")),
					}),
				}),
			})),
		}),
	})
	policy := b.add("flow-log-policy", "", iam.RolePolicyType, iam.RolePolicy{
		Role: value.Expr[string](role.Output("name")), Name: "write",
		Policy: component.Statements(component.Statement{
			Actions: []string{
				"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams",
			},
			Resources: []value.Value{value.Concat(group.Output("arn"), ":*")},
		}, component.Statement{
			Actions: []string{"logs:DescribeLogGroups"}, Resources: []value.Value{value.NewString("*")},
		}),
	})
	b.add("flow-log", "flow-logs", ec2.FlowLogType, ec2.FlowLog{
		VPCID: b.vpcID, Traffic: b.spec.VPC.FlowLogs.Traffic, LogGroup: value.Expr[string](group.Output("name")),
		RoleARN: value.Expr[string](role.Output("arn")),
	}, policy.ID())
}
