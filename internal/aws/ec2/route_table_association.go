package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

type (
	associationCall  = resource.Call[model.RouteTableAssociation, struct{}]
	tableAssociation struct {
		api  *api
		many *call.Batch[string, types.RouteTableAssociation] // by subnet
	}
)

func newRouteTableAssociation(api *api) resource.Behaviour {
	a := tableAssociation{api: api, many: call.ByID(filterValues, api.associations,
		func(a types.RouteTableAssociation) *string { return a.SubnetId })}
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

// associations returns those of the route tables of subnets.
func (a *api) associations(ctx context.Context, subnets []string) ([]types.RouteTableAssociation, error) {
	tables, err := a.listRouteTables(ctx, []types.Filter{filter("association.subnet-id", subnets...)})
	var out []types.RouteTableAssociation
	for _, table := range tables {
		out = append(out, table.Associations...)
	}
	return out, err
}

// of returns the association of a subnet. Without one, the subnet uses the main table of the VPC. The answer about the
// subnet alone decides: emulators of AWS do not agree on what a filter with several values finds in a table with
// several subnets.
func (a tableAssociation) of(ctx context.Context, subnet string) (types.RouteTableAssociation, error) {
	found, there, err := a.many.Get(ctx, subnet)
	if err == nil && !there {
		var alone []types.RouteTableAssociation
		alone, err = a.api.associations(ctx, []string{subnet})
		i := slices.IndexFunc(alone, func(a types.RouteTableAssociation) bool {
			return aws.ToString(a.SubnetId) == subnet
		})
		if there = i >= 0; there {
			found = alone[i]
		}
	}
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
