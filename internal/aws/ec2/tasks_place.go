package ec2

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
)

// placeTasks decides in which subnets tasks run. Tasks never go from private subnets to public ones unless the Network
// says so: in isolated subnets they need VPC endpoints, and the missing ones are an error.
func (a *api) placeTasks(
	ctx context.Context, ask model.SubnetsLookup, answer *model.Subnets,
	tables []types.RouteTable,
) error {
	switch {
	case ask.Tasks == "public":
		if len(answer.PublicSubnetIDs) == 0 {
			return misplaced(ask, "has no public subnets, and tasks: public asks for them",
				"remove tasks: public from the Network, or choose public subnets, too")
		}
		answer.TaskSubnetIDs, answer.AssignPublicIP = answer.PublicSubnetIDs, true
		return nil
	case len(answer.PrivateSubnetIDs) > 0:
		return nil
	case len(answer.IsolatedSubnetIDs) == 0:
		if ask.Tasks == "private" {
			return misplaced(ask, "has no private subnets, and tasks: private asks for them",
				"remove tasks: private from the Network, or choose private subnets, too")
		}
		return nil
	}
	answer.TaskSubnetIDs, answer.AssignPublicIP = answer.IsolatedSubnetIDs, false
	return a.reachAll(ctx, ask, answer, tables)
}

// choose decides about subnets that one component chooses.
func (a *api) choose(
	ctx context.Context, ask model.SubnetsLookup, answer *model.Subnets, tables []types.RouteTable,
) error {
	inside := slices.Concat(answer.PrivateSubnetIDs, answer.IsolatedSubnetIDs)
	switch public := answer.PublicSubnetIDs; {
	case len(public) > 0 && len(inside) > 0:
		return &resource.OpError{
			Operation: "ec2:DescribeSubnets",
			Message: fmt.Sprintf(
				"the subnets %s are public, and %s are not: tasks get a public IP everywhere or nowhere",
				strings.Join(public, ", "),
				strings.Join(inside, ", "),
			),
			Next: "choose only public subnets, or none of them, in subnets of the component",
		}
	case len(public) > 0:
		answer.TaskSubnetIDs, answer.AssignPublicIP = public, true
		return nil
	}
	answer.TaskSubnetIDs, answer.AssignPublicIP = inside, false
	slices.Sort(answer.TaskSubnetIDs)
	if len(answer.IsolatedSubnetIDs) == 0 {
		return nil
	}
	return a.reachAll(ctx, ask, answer, tables)
}

// reachAll checks that VPC endpoints lead from the isolated subnets to all that tasks need.
func (a *api) reachAll(
	ctx context.Context, ask model.SubnetsLookup, answer *model.Subnets, tables []types.RouteTable,
) error {
	if len(ask.Services) == 0 && len(ask.Internet) == 0 {
		return nil
	}
	have, err := a.reachable(ctx, ask.VPCID.Get(), answer.IsolatedSubnetIDs, tables)
	if err != nil {
		return err
	}
	missing := maps.Clone(ask.Services)
	maps.DeleteFunc(missing, func(name string, _ []string) bool { return have[name] == usable })
	var lacks, steps []string
	if len(missing) > 0 {
		lacks = append(lacks, "VPC endpoints that are not there or do not count: "+needs(missing, have))
		steps = append(steps, "add these VPC endpoints (interface endpoints with private DNS)")
	}
	if len(ask.Internet) > 0 {
		lacks = append(lacks, "images from the internet: "+needs(ask.Internet, nil))
		steps = append(steps, "copy the images to ECR")
	}
	if len(lacks) == 0 {
		return nil
	}
	next := strings.Join(steps, " and ") + "; or add a NAT gateway"
	if len(answer.PublicSubnetIDs) > 0 {
		next += ", or let tasks run in its public subnets with tasks: public in the Network"
	}
	return misplaced(ask, "has private subnets without a route to the internet, and tasks need "+
		strings.Join(lacks, ", and "), next)
}

func misplaced(ask model.SubnetsLookup, what, next string) error {
	return &resource.OpError{
		Operation: "ec2:DescribeSubnets", Err: resource.ErrNotFound, Message: "the VPC " + ask.VPCID.Get() + " " + what,
		Next: next,
	}
}

// needs is a list for people: "logs (web/api, web/worker)". why says more about some of it.
func needs(by map[string][]string, why map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		more := ""
		if why[name] != "" {
			more = "; " + why[name]
		}
		out = append(out, fmt.Sprintf("%s (%s%s)", name, strings.Join(by[name], ", "), more))
	}
	return strings.Join(out, ", ")
}

// usable is what reachable says of an endpoint that leads to its service.
const usable = "usable"

// reachable says of services, by short name, whether subnets reach them through VPC endpoints: usable, or why an
// endpoint does not count. An interface endpoint counts with private DNS, a gateway endpoint with a route from each of
// the subnets.
func (a *api) reachable(
	ctx context.Context, vpc string, subnets []string, tables []types.RouteTable,
) (map[string]string, error) {
	list, err := a.listEndpoints(ctx, []types.Filter{filter("vpc-id", vpc)})
	if err != nil {
		return nil, failed(err)
	}
	out := map[string]string{}
	for _, e := range list {
		parts := strings.SplitN(strings.TrimPrefix(aws.ToString(e.ServiceName), "cn."), ".", 4)
		if len(parts) < 4 || aws.ToString(e.VpcId) != vpc || out[parts[3]] == usable {
			continue
		}
		id := aws.ToString(e.VpcEndpointId)
		outside := slices.IndexFunc(subnets, func(id string) bool {
			table := tableOf(id, tables)
			return table == nil || !slices.Contains(e.RouteTableIds, aws.ToString(table.RouteTableId))
		})
		switch gateway := e.VpcEndpointType == types.VpcEndpointTypeGateway; {
		case stateOf(e) != "available":
			out[parts[3]] = id + " is " + stateOf(e)
		case gateway && outside >= 0:
			out[parts[3]] = id + " is not in the route table of " + subnets[outside]
		case !gateway && !aws.ToBool(e.PrivateDnsEnabled):
			out[parts[3]] = id + " has no private DNS"
		default:
			out[parts[3]] = usable
		}
	}
	return out, nil
}
