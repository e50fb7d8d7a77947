package ec2

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

func subnetsLookup(api *api) resource.Lookup {
	return resource.Lookup{
		Type: model.SubnetsLookupType, Outputs: value.Fields[model.Subnets](),
		Permissions: func(resource.Scope) []resource.Statement {
			return []resource.Statement{
				{Actions: []string{"ec2:DescribeSubnets", "ec2:DescribeRouteTables"}},
				{
					Actions: []string{"ec2:DescribeVpcEndpoints"},
				},
			}
		},
		Read: func(ctx context.Context, props value.Value) (value.Value, error) {
			var ask model.SubnetsLookup
			if err := decode(model.SubnetsLookupType, props, &ask); err != nil {
				return value.NullValue, err
			}
			var subnets []types.Subnet
			var tables []types.RouteTable
			group, groupCtx := errgroup.WithContext(ctx)
			group.Go(func() (err error) {
				subnets, err = api.subnets(groupCtx, ask)
				return err
			})
			group.Go(func() (err error) {
				tables, err = api.routeTables(groupCtx, ask.VPCID.Get())
				return err
			})
			if err := group.Wait(); err != nil {
				return value.NullValue, err
			}
			var out []string
			if !ask.SubnetIDs.IsSet() { // subnets named by the user are kept: AWS reports if it cannot use them
				subnets, out = ordinary(subnets, api.cfg.Region)
			}
			answer := sortOut(subnets, tables)
			if ask.Chosen {
				if err := api.choose(ctx, ask, &answer, tables); err != nil {
					return value.NullValue, err
				}
				return value.Encode(answer), nil
			}
			if ask.Data {
				if len(answer.Zones) < 2 {
					return value.NullValue, tooFewZones(ask, answer, nil)
				}
				placeData(&answer, subnets)
				return value.Encode(answer), nil
			}
			if err := api.placeTasks(ctx, ask, &answer, tables); err != nil {
				return value.NullValue, err
			}
			if !ask.SubnetIDs.IsSet() {
				leaveOut(ctx, &answer, subnets, len(ask.Services) > 0)
			}
			if len(answer.Zones) < 2 {
				return value.NullValue, tooFewZones(ask, answer, out)
			}
			if len(out) > 0 {
				resource.Note(ctx, "the Network leaves out the subnets "+strings.Join(out, ", ")+
					": tasks, load balancers and data stores cannot all be there")
			}
			return value.Encode(answer), nil
		},
	}
}

// placeData puts a data store into all subnets, which are in the order of their zones: some want one of each zone.
func placeData(answer *model.Subnets, subnets []types.Subnet) {
	answer.DataSubnetIDs, answer.PrivateZoneSubnetIDs = nil, nil
	last := ""
	for _, s := range subnets {
		id, zone := aws.ToString(s.SubnetId), aws.ToString(s.AvailabilityZone)
		answer.DataSubnetIDs = append(answer.DataSubnetIDs, id)
		if zone != last {
			answer.PrivateZoneSubnetIDs, last = append(answer.PrivateZoneSubnetIDs, id), zone
		}
	}
}

func (a *api) subnets(ctx context.Context, ask model.SubnetsLookup) ([]types.Subnet, error) {
	ids := ask.SubnetIDs.Get()
	in := &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("vpc-id", ask.VPCID.Get())}}
	if len(ids) > 0 {
		in.Filters = append(in.Filters, filter("subnet-id", ids...))
	}
	for _, key := range tagging.Keys(ask.Tags) {
		in.Filters = append(in.Filters, filter("tag:"+key, ask.Tags[key]))
	}
	found, err := call.All(ctx, a.client.DescribeSubnets, in, &in.NextToken,
		func(page *ec2.DescribeSubnetsOutput) ([]types.Subnet, *string) { return page.Subnets, page.NextToken })
	if err != nil {
		return nil, failed(err)
	}
	var missing []string
	for _, id := range ids {
		if !slices.ContainsFunc(found, func(s types.Subnet) bool { return aws.ToString(s.SubnetId) == id }) {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return nil, &resource.OpError{
			Operation: "ec2:DescribeSubnets", Code: "InvalidSubnetID.NotFound", Err: resource.ErrNotFound,
			Message: fmt.Sprintf("the VPC %s has no subnets %s", ask.VPCID.Get(), strings.Join(missing, ", ")),
			Next: "correct the subnet ids of " + whose(ask) + "; list them with: aws ec2 describe-subnets --filters " +
				"Name=vpc-id,Values=" + ask.VPCID.Get(),
		}
	}
	return found, nil
}

// whose choice of subnets it is, for people.
func whose(ask model.SubnetsLookup) string {
	if ask.Chosen || ask.Data {
		return "the component"
	}
	return "the Network"
}

func (a *api) routeTables(ctx context.Context, vpc string) ([]types.RouteTable, error) {
	in := &ec2.DescribeRouteTablesInput{Filters: []types.Filter{filter("vpc-id", vpc)}}
	found, err := call.All(ctx, a.client.DescribeRouteTables, in, &in.NextToken,
		func(page *ec2.DescribeRouteTablesOutput) ([]types.RouteTable, *string) {
			return page.RouteTables, page.NextToken
		})
	return found, failed(err)
}

// ordinary returns the subnets in which everything of a stack can be, and for people the others, each with the reason.
func ordinary(subnets []types.Subnet, region string) (in []types.Subnet, out []string) {
	for _, s := range subnets {
		var why string
		zone := aws.ToString(s.AvailabilityZone)
		letter, here := strings.CutPrefix(zone, region)
		switch {
		case aws.ToString(s.OutpostArn) != "":
			why = "on an Outpost"
		case !here || len(letter) != 1: // a Local Zone, such as us-west-2-lax-1a, or a Wavelength Zone
			why = "in " + zone + ", which is no availability zone"
		case aws.ToBool(s.Ipv6Native):
			why = "without IPv4"
		default:
			in = append(in, s)
			continue
		}
		out = append(out, aws.ToString(s.SubnetId)+" ("+why+")")
	}
	slices.Sort(out)
	return in, out
}

// tooFewZones is the error for subnets in one zone or none. out are subnets that do not count, for people.
func tooFewZones(ask model.SubnetsLookup, answer model.Subnets, out []string) error {
	which := "the VPC " + ask.VPCID.Get()
	if ask.SubnetIDs.IsSet() || len(ask.Tags) > 0 {
		which = "the choice of subnets of the VPC " + ask.VPCID.Get()
	}
	next := "add a subnet in another zone, choose more subnets in the Network, or name another VPC there: vpc: " +
		"{id: vpc-...}"
	if ask.Data {
		next = "choose a subnet in another zone, too, in subnets of the component"
	}
	have := "no subnets"
	if len(answer.Zones) > 0 {
		have = "subnets in " + strings.Join(answer.Zones, ", ") + " only"
	}
	if len(out) > 0 {
		have += ", beside " + strings.Join(out, ", ")
	}
	return &resource.OpError{
		Operation: "ec2:DescribeSubnets", Err: resource.ErrNotFound,
		Message: which + " has " + have + "; load balancers and databases need two availability zones",
		Next:    next,
	}
}

// withoutFargate are the zones in which Fargate runs no Linux tasks, by their ids, which are the same in every account.
// Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html, and Fargate's own
// answers in use1-az3.
var withoutFargate = map[string]bool{
	"use1-az3": true, "usw1-az2": true, "apne1-az3": true, "cnn1-az3": true,
	"cnn1-az4": true,
}

// leaveOut removes subnets in zones without Fargate from those of tasks, if others remain, and tells when there are
// tasks.
func leaveOut(ctx context.Context, answer *model.Subnets, subnets []types.Subnet, tasks bool) {
	zones := map[string]string{} // without Fargate, by subnet
	for _, s := range subnets {
		if id := aws.ToString(s.AvailabilityZoneId); withoutFargate[id] {
			zones[aws.ToString(s.SubnetId)] = aws.ToString(s.AvailabilityZone) + " (" + id + ")"
		}
	}
	left := map[string]bool{}
	kept := slices.DeleteFunc(slices.Clone(answer.TaskSubnetIDs), func(id string) bool {
		if zones[id] != "" {
			left[zones[id]] = true
		}
		return zones[id] != ""
	})
	if len(left) == 0 || len(kept) == 0 {
		return
	}
	answer.TaskSubnetIDs = kept
	if tasks {
		resource.Note(ctx, "tasks cannot run in "+strings.Join(slices.Sorted(maps.Keys(left)), ", ")+
			": Fargate is not available there")
	}
}

// reach is what a subnet's default route can reach.
type reach int

const (
	isolated reach = iota
	private
	public
)

// sortOut puts subnets into the lists of the answer.
func sortOut(subnets []types.Subnet, tables []types.RouteTable) model.Subnets {
	slices.SortFunc(subnets, func(a, b types.Subnet) int {
		return cmp.Or(cmp.Compare(aws.ToString(a.AvailabilityZone), aws.ToString(b.AvailabilityZone)),
			cmp.Compare(aws.ToString(a.SubnetId), aws.ToString(b.SubnetId)))
	})
	ids := map[reach][]string{}
	byZone := map[reach][]string{}
	zoneSeen := map[reach]map[string]bool{isolated: {}, private: {}, public: {}}
	zones := map[string]bool{}
	zoneOf := map[string]string{}
	for _, s := range subnets {
		id, zone, r := aws.ToString(s.SubnetId), aws.ToString(s.AvailabilityZone),
			reachOf(aws.ToString(s.SubnetId), tables)
		ids[r] = append(ids[r], id)
		zones[zone], zoneOf[id] = true, zone
		if !zoneSeen[r][zone] {
			zoneSeen[r][zone] = true
			byZone[r] = append(byZone[r], id)
		}
	}
	for _, id := range byZone[isolated] {
		if !zoneSeen[private][zoneOf[id]] {
			byZone[private] = append(byZone[private], id)
		}
	}
	byZoneAndID := func(a, b string) int { return cmp.Or(cmp.Compare(zoneOf[a], zoneOf[b]), cmp.Compare(a, b)) }
	slices.SortFunc(byZone[private], byZoneAndID)
	out := model.Subnets{
		PublicSubnetIDs: ids[public], PrivateSubnetIDs: ids[private], IsolatedSubnetIDs: ids[isolated],
		PublicZoneSubnetIDs: byZone[public], PrivateZoneSubnetIDs: byZone[private],
		TaskSubnetIDs: ids[private], HasPrivateRoute: len(ids[private]) > 0,
		Zones: slices.Sorted(maps.Keys(zones)),
	}
	if !out.HasPrivateRoute {
		out.TaskSubnetIDs, out.AssignPublicIP = ids[public], len(ids[public]) > 0
	}
	out.TaskSubnetIDs = besidePublic(out.TaskSubnetIDs, zoneOf, zoneSeen[public])
	out.PrivateZoneSubnetIDs = slices.SortedFunc(slices.Values(withZonesOf(out.TaskSubnetIDs, byZone[private],
		byZone[public], zoneOf)), byZoneAndID)
	out.DataSubnetIDs = slices.SortedFunc(slices.Values(slices.Concat(ids[private], ids[isolated])), byZoneAndID)
	if len(byZone[private]) < 2 {
		out.DataSubnetIDs = slices.SortedFunc(slices.Values(slices.Concat(ids[private], ids[isolated], ids[public])),
			byZoneAndID)
	}
	return out
}

// besidePublic removes the subnets in zones without a public one, if two zones remain: a public load balancer never
// sends requests to tasks in a zone where it has no subnet.
func besidePublic(ids []string, zoneOf map[string]string, publicZones map[string]bool) []string {
	near := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !publicZones[zoneOf[id]] })
	zones := map[string]bool{}
	for _, id := range near {
		zones[zoneOf[id]] = true
	}
	if len(zones) < 2 {
		return ids
	}
	return near
}

// withZonesOf adds public subnets to private ones: one for each zone that has tasks but no private subnet. An internal
// load balancer, too, needs a subnet in every zone of its targets. An empty list stays empty.
func withZonesOf(tasks, private, public []string, zoneOf map[string]string) []string {
	in := func(id string) func(string) bool {
		return func(other string) bool { return zoneOf[other] == zoneOf[id] }
	}
	out := slices.Clone(private)
	for _, id := range public {
		if len(private) > 0 && slices.ContainsFunc(tasks, in(id)) && !slices.ContainsFunc(private, in(id)) {
			out = append(out, id)
		}
	}
	return out
}

// tableOf returns the route table that applies to the subnet; nil: none.
func tableOf(subnet string, tables []types.RouteTable) *types.RouteTable {
	var inForce *types.RouteTable
	for i, table := range tables {
		for _, association := range table.Associations {
			if aws.ToString(association.SubnetId) == subnet {
				inForce = &tables[i]
			}
			if aws.ToBool(association.Main) && inForce == nil {
				inForce = &tables[i]
			}
		}
	}
	return inForce
}

// reachOf follows the default route of the route table that applies to the subnet.
func reachOf(subnet string, tables []types.RouteTable) reach {
	inForce := tableOf(subnet, tables)
	if inForce == nil {
		return isolated
	}
	for _, route := range inForce.Routes {
		if aws.ToString(route.DestinationCidrBlock) != "0.0.0.0/0" || route.State == types.RouteStateBlackhole {
			continue
		}
		if strings.HasPrefix(aws.ToString(route.GatewayId), "igw-") {
			return public
		}
		return private
	}
	return isolated
}
