package ec2

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

type (
	endpointCall = resource.Call[model.VPCEndpoint, model.VPCEndpointOutputs]
	vpcEndpoint  struct {
		api *api
		*objects[types.VpcEndpoint]
	}
)

func newVPCEndpoint(api *api) resource.Behaviour {
	e := vpcEndpoint{api, batched(api, objects[types.VpcEndpoint]{
		noun: "VPC endpoint", operation: "DescribeVpcEndpoints", missing: "InvalidVpcEndpointId.NotFound",
		idFilter: "vpc-endpoint-id",
		id:       func(e types.VpcEndpoint) *string { return e.VpcEndpointId },
		tags:     func(e types.VpcEndpoint) []types.Tag { return e.Tags },
		list:     api.listEndpoints,
	})}
	return &resource.Typed[model.VPCEndpoint, model.VPCEndpointOutputs]{
		Def: resource.Definition{
			Type: model.VPCEndpointType, Version: 1,
			// A VPC has one interface endpoint with private DNS for a service, and one route to a service for a gateway
			// endpoint in each table. So the old one goes first, unless the new one is elsewhere.
			ReplaceOn:           []string{"vpcId", "serviceName", "endpointType"},
			DeleteBeforeReplace: true, Beside: resource.AnyOf("vpcId", "serviceName"),
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"},
				Codes: []string{
					"InvalidVpcID.NotFound", "InvalidVpcId.NotFound", "InvalidSubnetID.NotFound",
					"InvalidSubnetId.NotFound", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.NotFound",
					"InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound", "InvalidSecurityGroupId.NotFound",
				},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(scoped(s, "vpc-endpoint", "CreateVpcEndpoint",
					[]string{"ec2:DeleteVpcEndpoints", "ec2:ModifyVpcEndpoint"}, "ec2:DescribeVpcEndpoints"),
					within(s, "CreateVpcEndpoint", "vpc", "subnet", "route-table", "security-group"),
					within(s, "ModifyVpcEndpoint", "subnet", "route-table", "security-group"),
					resource.Statement{
						On:      []string{"arn:" + s.Partition() + ":route53:::hostedzone/*"},
						Actions: []string{"route53:AssociateVPCWithHostedZone"},
						Why:     "AWS gives an interface endpoint its private DNS name in the name of the caller",
					})
			},
		},
		CheckProps: checkEndpoint, CreateObject: e.create, ReadObject: e.read, UpdateObject: e.update,
		AwaitReady: e.ready, DeleteObject: e.delete,
		Find: func(ctx context.Context, c endpointCall) (string, map[string]string, error) {
			return e.findFor(ctx, c.Request, endpointLives)
		},
		Taggable: true,
	}
}

func checkEndpoint(p *model.VPCEndpoint) []value.Problem {
	var problems value.Problems
	p.RouteTableIDs = value.AsSet(p.RouteTableIDs)
	if p.EndpointType == model.GatewayEndpoint {
		if p.SubnetIDs.IsSet() || p.SecurityGroupIDs.IsSet() || p.PrivateDNS != nil {
			problems.Bad("endpointType", "a gateway endpoint has route tables only")
		}
		return problems
	}
	if p.RouteTableIDs.IsSet() {
		problems.Bad("routeTableIds", "an interface endpoint has no route tables")
	}
	if p.PrivateDNS == nil {
		yes := true
		p.PrivateDNS = &yes
	}
	p.SubnetIDs, p.SecurityGroupIDs = value.AsSet(p.SubnetIDs), value.AsSet(p.SecurityGroupIDs)
	return problems
}

// sorted are ids in the order of value.AsSet.
func sorted(ids []string) value.Of[[]string] { return value.Lit(slices.Sorted(slices.Values(ids))) }

func (a *api) listEndpoints(ctx context.Context, filters []types.Filter) ([]types.VpcEndpoint, error) {
	in := &ec2.DescribeVpcEndpointsInput{Filters: filters}
	return call.All(ctx, a.client.DescribeVpcEndpoints, in, &in.NextToken,
		func(page *ec2.DescribeVpcEndpointsOutput) ([]types.VpcEndpoint, *string) {
			return page.VpcEndpoints, page.NextToken
		})
}

// EC2 documents the states of endpoints with capitals, and returns them without.
func stateOf(e types.VpcEndpoint) string { return strings.ToLower(string(e.State)) }

// endpointLives reports whether an endpoint is or becomes usable. AWS lists deleted ones for a while.
func endpointLives(e types.VpcEndpoint) bool {
	return !slices.Contains([]string{"deleting", "deleted", "failed", "rejected", "expired"}, stateOf(e))
}

func (e vpcEndpoint) create(ctx context.Context, c endpointCall) (string, model.VPCEndpointOutputs, error) {
	in := &ec2.CreateVpcEndpointInput{
		VpcId: aws.String(c.Props.VPCID.Get()), ServiceName: aws.String(c.Props.ServiceName.Get()),
		VpcEndpointType: types.VpcEndpointTypeGateway, RouteTableIds: c.Props.RouteTableIDs.Get(),
		ClientToken:       call.Token(c.Token, 64),
		TagSpecifications: specification(types.ResourceTypeVpcEndpoint, tagging.Wanted(c.Tags, c.Props.Tags)),
	}
	if c.Props.EndpointType == model.InterfaceEndpoint {
		in.VpcEndpointType = types.VpcEndpointTypeInterface
		in.SubnetIds, in.SecurityGroupIds = c.Props.SubnetIDs.Get(), c.Props.SecurityGroupIDs.Get()
		in.PrivateDnsEnabled = c.Props.PrivateDNS
	}
	made, err := e.api.client.CreateVpcEndpoint(ctx, in)
	if err != nil {
		return "", model.VPCEndpointOutputs{}, failed(err)
	}
	id := aws.ToString(made.VpcEndpoint.VpcEndpointId)
	return id, model.VPCEndpointOutputs{ID: id}, nil
}

// endpointPace is for interface endpoints: they need one to a few minutes.
var endpointPace = call.Pace{First: time.Second, Longest: 10 * time.Second, Limit: 15 * time.Minute}

func (e vpcEndpoint) ready(ctx context.Context, c endpointCall) (model.VPCEndpointOutputs, error) {
	_, err := e.known(ctx, endpointPace, c.ID, "is available", func(found types.VpcEndpoint) (bool, error) {
		if !endpointLives(found) {
			why := ""
			if found.LastError != nil {
				why = ": " + aws.ToString(found.LastError.Message)
			}
			return false, &resource.OpError{
				Operation: "ec2:CreateVpcEndpoint",
				Message:   fmt.Sprintf("the VPC endpoint %s is %s%s", c.ID, stateOf(found), why),
				Next:      "apply again after the cause is gone: the next apply makes another VPC endpoint",
			}
		}
		return stateOf(found) == "available", nil
	})
	return model.VPCEndpointOutputs{ID: c.ID}, err
}

func (e vpcEndpoint) read(ctx context.Context, c endpointCall) (model.VPCEndpoint, model.VPCEndpointOutputs, error) {
	found, err := e.get(ctx, c.ID)
	switch {
	case err == nil && stateOf(found) == "deleting":
		err = call.Deleting("the VPC endpoint " + c.ID)
	case err == nil && !endpointLives(found):
		err = e.gone(c.ID)
	}
	if err != nil {
		return model.VPCEndpoint{}, model.VPCEndpointOutputs{}, err
	}
	out := model.VPCEndpoint{
		VPCID: value.Lit(aws.ToString(found.VpcId)), ServiceName: value.Lit(aws.ToString(found.ServiceName)),
		EndpointType: strings.ToLower(string(found.VpcEndpointType)),
		Tags:         tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}
	if out.EndpointType == model.GatewayEndpoint {
		out.RouteTableIDs = sorted(found.RouteTableIds)
	} else {
		out.SubnetIDs = sorted(found.SubnetIds)
		out.PrivateDNS = found.PrivateDnsEnabled
		groups := make([]string, len(found.Groups))
		for i, g := range found.Groups {
			groups[i] = aws.ToString(g.GroupId)
		}
		out.SecurityGroupIDs = sorted(groups)
	}
	return out, model.VPCEndpointOutputs{ID: c.ID}, nil
}

func (e vpcEndpoint) update(ctx context.Context, c endpointCall) (model.VPCEndpointOutputs, error) {
	in := &ec2.ModifyVpcEndpointInput{VpcEndpointId: &c.ID}
	changes := false
	list := func(old, wanted value.Of[[]string], add, remove *[]string) {
		for _, id := range wanted.Get() {
			if !slices.Contains(old.Get(), id) {
				*add, changes = append(*add, id), true
			}
		}
		for _, id := range old.Get() {
			if !slices.Contains(wanted.Get(), id) {
				*remove, changes = append(*remove, id), true
			}
		}
	}
	is, _, err := e.read(ctx, c) // a repeated change adds and removes nothing twice
	if err != nil {
		return c.Out, err
	}
	list(is.RouteTableIDs, c.Props.RouteTableIDs, &in.AddRouteTableIds, &in.RemoveRouteTableIds)
	list(is.SubnetIDs, c.Props.SubnetIDs, &in.AddSubnetIds, &in.RemoveSubnetIds)
	list(is.SecurityGroupIDs, c.Props.SecurityGroupIDs, &in.AddSecurityGroupIds, &in.RemoveSecurityGroupIds)
	if c.Props.PrivateDNS != nil && aws.ToBool(is.PrivateDNS) != *c.Props.PrivateDNS {
		in.PrivateDnsEnabled, changes = c.Props.PrivateDNS, true
	}
	if changes {
		if _, err := e.api.client.ModifyVpcEndpoint(ctx, in); err != nil {
			return c.Out, failed(err)
		}
	}
	return c.Out, e.api.retag(ctx, c.ID, c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags))
}

// delete waits until the endpoint is gone: until then its network interfaces use their subnets and groups.
func (e vpcEndpoint) delete(ctx context.Context, c endpointCall) error {
	if found, err := e.get(ctx, c.ID); err != nil {
		return err
	} else if stateOf(found) != "deleting" && stateOf(found) != "deleted" {
		out, err := e.api.client.DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{c.ID}})
		if err != nil {
			return failed(err)
		}
		if err := unsuccessful("DeleteVpcEndpoints", out.Unsuccessful); err != nil {
			return err
		}
	}
	return call.Wait(ctx, endpointPace, "the VPC endpoint "+c.ID+" is deleted",
		func(ctx context.Context) (bool, error) {
			list, err := e.list(ctx, []types.Filter{filter(e.idFilter, c.ID)})
			if err != nil {
				return false, failed(err)
			}
			return !slices.ContainsFunc(list, func(item types.VpcEndpoint) bool {
				return aws.ToString(item.VpcEndpointId) == c.ID && stateOf(item) != "deleted"
			}), nil
		})
}
