package ec2

import (
	"context"
	"strings"

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
	tableCall  = resource.Call[model.RouteTable, model.RouteTableOutputs]
	routeTable struct {
		api *api
		*objects[types.RouteTable]
	}
)

// tables are the route tables, for the types that are parts of one, too.
func tables(api *api) *objects[types.RouteTable] {
	return batched(api, objects[types.RouteTable]{
		noun: "route table", operation: "DescribeRouteTables", missing: "InvalidRouteTableID.NotFound",
		idFilter: "route-table-id",
		id:       func(t types.RouteTable) *string { return t.RouteTableId },
		tags:     func(t types.RouteTable) []types.Tag { return t.Tags },
		list:     api.listRouteTables,
	})
}

func newRouteTable(api *api, tables *objects[types.RouteTable]) resource.Behaviour {
	t := routeTable{api, tables}
	return &resource.Typed[model.RouteTable, model.RouteTableOutputs]{
		Def: resource.Definition{
			Type: model.RouteTableType, Version: 1, ReplaceOn: []string{"vpcId"},
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:CreateRouteTable"}, Codes: []string{"InvalidVpcID.NotFound"},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(scoped(s, "route-table", "CreateRouteTable", []string{"ec2:DeleteRouteTable"},
					"ec2:DescribeRouteTables"), within(s, "CreateRouteTable", "vpc"))
			},
		},
		CreateObject: t.create, ReadObject: t.read, UpdateObject: t.update, AwaitReady: t.ready,
		DeleteObject: t.delete, Find: func(ctx context.Context, c tableCall) (string, map[string]string, error) {
			return t.find(ctx, c.Request)
		},
		Added: t.added, Taggable: true,
	}
}

// listRouteTables returns all route tables that pass the filters.
func (a *api) listRouteTables(ctx context.Context, filters []types.Filter) ([]types.RouteTable, error) {
	in := &ec2.DescribeRouteTablesInput{Filters: filters}
	return call.All(ctx, a.client.DescribeRouteTables, in, &in.NextToken,
		func(page *ec2.DescribeRouteTablesOutput) ([]types.RouteTable, *string) {
			return page.RouteTables, page.NextToken
		})
}

func (t routeTable) create(ctx context.Context, c tableCall) (string, model.RouteTableOutputs, error) {
	id, err := t.makeOnce(ctx, c.Request, func(ctx context.Context, once func(*ec2.Options)) (*string, error) {
		made, err := t.api.client.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{
			VpcId: aws.String(c.Props.VPCID.Get()), ClientToken: call.Token(c.Token, 64),
			TagSpecifications: specification(types.ResourceTypeRouteTable, tagging.Wanted(c.Tags, c.Props.Tags)),
		}, once)
		if err != nil {
			return nil, err
		}
		return made.RouteTable.RouteTableId, nil
	})
	return id, model.RouteTableOutputs{ID: id}, err
}

func (t routeTable) ready(ctx context.Context, c tableCall) (model.RouteTableOutputs, error) {
	_, err := t.known(ctx, call.Eventually, c.ID, "is listed", there[types.RouteTable])
	return model.RouteTableOutputs{ID: c.ID}, err
}

func (t routeTable) read(ctx context.Context, c tableCall) (model.RouteTable, model.RouteTableOutputs, error) {
	found, err := t.get(ctx, c.ID)
	if err != nil {
		return model.RouteTable{}, model.RouteTableOutputs{}, err
	}
	return model.RouteTable{
		VPCID: value.Lit(aws.ToString(found.VpcId)), Tags: tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}, model.RouteTableOutputs{ID: c.ID}, nil
}

func (t routeTable) update(ctx context.Context, c tableCall) (model.RouteTableOutputs, error) {
	return c.Out, t.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags)
}

func (t routeTable) delete(ctx context.Context, c tableCall) error {
	return detached(ctx, c.Progress, "the route table "+c.ID, func(ctx context.Context) error {
		_, err := t.api.client.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &c.ID})
		return err
	})
}

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

type (
	associationCall  = resource.Call[model.RouteTableAssociation, struct{}]
	tableAssociation struct {
		api  *api
		many *call.Batch[string, types.RouteTableAssociation] // by subnet
	}
)

func newRouteTableAssociation(api *api) resource.Behaviour {
	a := tableAssociation{api: api}
	a.many = call.ByID(filterValues,
		func(ctx context.Context, subnets []string) ([]types.RouteTableAssociation, error) {
			tables, err := api.listRouteTables(ctx, []types.Filter{filter("association.subnet-id", subnets...)})
			var out []types.RouteTableAssociation
			for _, table := range tables {
				out = append(out, table.Associations...)
			}
			return out, err
		}, func(a types.RouteTableAssociation) *string { return a.SubnetId })
	return &resource.Typed[model.RouteTableAssociation, struct{}]{
		Def: resource.Definition{
			Type: model.RouteTableAssociationType, Version: 1, ReplaceOn: []string{"subnetId"},
			FindFirst: true, FoundBy: []string{"subnetId"},
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:AssociateRouteTable", "ec2:ReplaceRouteTableAssociation"},
				Codes:      []string{"InvalidRouteTableID.NotFound", "InvalidSubnetID.NotFound"},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{
						On: []string{s.ARN("ec2", "route-table/*"), s.ARN("ec2", "subnet/*")}, When: s.Tagged(),
						Actions: []string{
							"ec2:AssociateRouteTable", "ec2:DisassociateRouteTable",
							"ec2:ReplaceRouteTableAssociation",
						},
					},
					{Actions: []string{"ec2:DescribeRouteTables"}},
				}
			},
		},
		CreateObject: a.create, ReadObject: a.read, UpdateObject: a.update, DeleteObject: a.delete, Find: a.find,
	}
}

// A subnet has one association, and AWS gives it a new id with each change of the table. So the subnet tells which.
const ofSubnet = "/route-table"

func (a tableAssociation) create(ctx context.Context, c associationCall) (string, struct{}, error) {
	subnet := c.Props.SubnetID.Get()
	_, err := a.api.client.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{
		SubnetId: &subnet, RouteTableId: aws.String(c.Props.RouteTableID.Get()),
	})
	return subnet + ofSubnet, struct{}{}, failed(err)
}

// of returns the association of a subnet. Without one, the subnet uses the main table of the VPC.
func (a tableAssociation) of(ctx context.Context, subnet string) (types.RouteTableAssociation, error) {
	found, there, err := a.many.Get(ctx, subnet)
	if err == nil && !there {
		err = gone("DescribeRouteTables", "InvalidAssociationID.NotFound", "the association of "+subnet)
	}
	return found, failed(err)
}

func (a tableAssociation) find(ctx context.Context, c associationCall) (string, map[string]string, error) {
	subnet := c.Props.SubnetID.Get()
	_, err := a.of(ctx, subnet)
	return subnet + ofSubnet, nil, err
}

func (a tableAssociation) read(
	ctx context.Context, c associationCall,
) (model.RouteTableAssociation, struct{}, error) {
	subnet := strings.TrimSuffix(c.ID, ofSubnet)
	found, err := a.of(ctx, subnet)
	return model.RouteTableAssociation{
		SubnetID: value.Lit(subnet), RouteTableID: value.Lit(aws.ToString(found.RouteTableId)),
	}, struct{}{}, err
}

func (a tableAssociation) update(ctx context.Context, c associationCall) (struct{}, error) {
	found, err := a.of(ctx, strings.TrimSuffix(c.ID, ofSubnet))
	wanted := c.Props.RouteTableID.Get()
	if err != nil || aws.ToString(found.RouteTableId) == wanted {
		return struct{}{}, err
	}
	_, err = a.api.client.ReplaceRouteTableAssociation(ctx, &ec2.ReplaceRouteTableAssociationInput{
		AssociationId: found.RouteTableAssociationId, RouteTableId: &wanted,
	})
	return struct{}{}, failed(err)
}

func (a tableAssociation) delete(ctx context.Context, c associationCall) error {
	found, err := a.of(ctx, strings.TrimSuffix(c.ID, ofSubnet))
	if err != nil {
		return err
	}
	_, err = a.api.client.DisassociateRouteTable(ctx,
		&ec2.DisassociateRouteTableInput{AssociationId: found.RouteTableAssociationId})
	return failed(err)
}
