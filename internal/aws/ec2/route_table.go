package ec2

import (
	"cmp"
	"context"

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
	}, func(ctx context.Context) []string {
		found, err := t.get(ctx, c.ID)
		if err != nil {
			return nil // the delete says what is wrong
		}
		var users []string
		for _, a := range found.Associations {
			users = append(users, cmp.Or(aws.ToString(a.SubnetId), aws.ToString(a.GatewayId), "the VPC"))
		}
		return users
	})
}
