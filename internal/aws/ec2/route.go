package ec2

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

type (
	routeCall = resource.Call[model.Route, struct{}]
	route     struct {
		api *api
		*objects[types.RouteTable]
	}
)

func newRoute(api *api, tables *objects[types.RouteTable]) resource.Behaviour {
	r := route{api, tables}
	return &resource.Typed[model.Route, struct{}]{
		Def: resource.Definition{
			Type: model.RouteType, Version: 1, ReplaceOn: []string{"routeTableId", "destination"},
			FoundBy: []string{"routeTableId"},
			// Another gateway does not know the connections that go through the old one.
			Consequence: resource.Causes(plan.Restart, "gatewayId", "natGatewayId"),
			Remark:      func(resource.Change) string { return "open connections to the internet break" },
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:CreateRoute", "ec2:ReplaceRoute"},
				Codes: []string{
					"InvalidRouteTableID.NotFound", "InvalidGatewayID.NotFound", "InvalidInternetGatewayID.NotFound",
					"InvalidNatGatewayID.NotFound", "NatGatewayNotFound",
				},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{
						On: []string{s.ARN("ec2", "route-table/*")}, When: s.Tagged(),
						Actions: []string{"ec2:CreateRoute", "ec2:ReplaceRoute", "ec2:DeleteRoute"},
					},
					{Actions: []string{"ec2:DescribeRouteTables"}},
				}
			},
		},
		CheckProps: func(p *model.Route) []value.Problem {
			var problems value.Problems
			if p.GatewayID.IsSet() == p.NATGatewayID.IsSet() {
				problems.Bad("gatewayId", "exactly one of gatewayId and natGatewayId must be set")
			}
			return problems
		},
		CreateObject: r.create, ReadObject: r.read, UpdateObject: r.update, DeleteObject: r.delete, Find: r.find,
	}
}

// A route has no id of its own: it is known by its table and its destination.
func routeID(table, destination string) string { return table + "/" + destination }

func (r route) create(ctx context.Context, c routeCall) (string, struct{}, error) {
	_, err := r.api.client.CreateRoute(ctx, &ec2.CreateRouteInput{
		RouteTableId: aws.String(c.Props.RouteTableID.Get()), DestinationCidrBlock: &c.Props.Destination,
		GatewayId: call.Optional(c.Props.GatewayID.Get()), NatGatewayId: call.Optional(c.Props.NATGatewayID.Get()),
	})
	return routeID(c.Props.RouteTableID.Get(), c.Props.Destination), struct{}{}, failed(err)
}

// route returns the route of a table with that destination.
func (r route) route(ctx context.Context, id string) (types.Route, error) {
	table, destination, _ := strings.Cut(id, "/")
	found, err := r.get(ctx, table)
	if err != nil {
		return types.Route{}, err
	}
	for _, route := range found.Routes {
		if aws.ToString(route.DestinationCidrBlock) == destination {
			return route, nil
		}
	}
	return types.Route{}, gone(r.operation, "InvalidRoute.NotFound", "the route "+id)
}

func (r route) find(ctx context.Context, c routeCall) (string, map[string]string, error) {
	id := routeID(c.Props.RouteTableID.Get(), c.Props.Destination)
	_, err := r.route(ctx, id)
	return id, nil, err
}

func (r route) read(ctx context.Context, c routeCall) (model.Route, struct{}, error) {
	found, err := r.route(ctx, c.ID)
	if err != nil {
		return model.Route{}, struct{}{}, err
	}
	table, destination, _ := strings.Cut(c.ID, "/")
	out := model.Route{RouteTableID: value.Lit(table), Destination: destination}
	switch {
	case found.NatGatewayId != nil:
		out.NATGatewayID = value.Lit(*found.NatGatewayId)
	case found.GatewayId != nil:
		out.GatewayID = value.Lit(*found.GatewayId)
	default: // somebody gave the route a target of another kind
		out.GatewayID = value.Lit("")
	}
	return out, struct{}{}, nil
}

func (r route) update(ctx context.Context, c routeCall) (struct{}, error) {
	table, destination, _ := strings.Cut(c.ID, "/")
	_, err := r.api.client.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{
		RouteTableId: &table, DestinationCidrBlock: &destination,
		GatewayId: call.Optional(c.Props.GatewayID.Get()), NatGatewayId: call.Optional(c.Props.NATGatewayID.Get()),
	})
	return struct{}{}, failed(err)
}

func (r route) delete(ctx context.Context, c routeCall) error {
	table, destination, _ := strings.Cut(c.ID, "/")
	_, err := r.api.client.DeleteRoute(ctx,
		&ec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: &destination})
	return failed(err)
}
