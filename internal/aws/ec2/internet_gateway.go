package ec2

import (
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
	gatewayCall     = resource.Call[model.InternetGateway, model.InternetGatewayOutputs]
	internetGateway struct {
		api *api
		*objects[types.InternetGateway]
	}
)

func newInternetGateway(api *api) resource.Behaviour {
	g := internetGateway{api, batched(api, objects[types.InternetGateway]{
		noun: "internet gateway", operation: "DescribeInternetGateways", missing: "InvalidInternetGatewayID.NotFound",
		idFilter: "internet-gateway-id",
		id:       func(g types.InternetGateway) *string { return g.InternetGatewayId },
		tags:     func(g types.InternetGateway) []types.Tag { return g.Tags },
		list: func(ctx context.Context, filters []types.Filter) ([]types.InternetGateway, error) {
			in := &ec2.DescribeInternetGatewaysInput{Filters: filters}
			return call.All(ctx, api.client.DescribeInternetGateways, in, &in.NextToken,
				func(page *ec2.DescribeInternetGatewaysOutput) ([]types.InternetGateway, *string) {
					return page.InternetGateways, page.NextToken
				})
		},
	})}
	return &resource.Typed[model.InternetGateway, model.InternetGatewayOutputs]{
		Def: resource.Definition{
			Type: model.InternetGatewayType, Version: 1,
			// A gateway that is detached is attached again in place.
			Replaces: func(old, desired value.Value) []string {
				if was := old.Get("vpcId"); was.Str() != "" && !value.Equal(was, desired.Get("vpcId")) {
					return []string{"vpcId"}
				}
				return nil
			},
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:AttachInternetGateway"},
				Codes:      []string{"InvalidVpcID.NotFound", g.missing},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(scoped(s, "internet-gateway", "CreateInternetGateway", []string{
					"ec2:AttachInternetGateway", "ec2:DetachInternetGateway", "ec2:DeleteInternetGateway",
				}, "ec2:DescribeInternetGateways"), resource.Statement{
					On: []string{s.ARN("ec2", "vpc/*")}, When: s.Tagged(),
					Actions: []string{"ec2:AttachInternetGateway", "ec2:DetachInternetGateway"},
				})
			},
		},
		CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update, AwaitReady: g.ready,
		DeleteObject: g.delete, Find: func(ctx context.Context, c gatewayCall) (string, map[string]string, error) {
			return g.find(ctx, c.Request)
		},
		Taggable: true,
	}
}

func (g internetGateway) create(
	ctx context.Context, c gatewayCall,
) (string, model.InternetGatewayOutputs, error) {
	id, err := g.makeOnce(ctx, c.Request, func(ctx context.Context, once func(*ec2.Options)) (*string, error) {
		tags := specification(types.ResourceTypeInternetGateway, tagging.Wanted(c.Tags, c.Props.Tags))
		made, err := g.api.client.CreateInternetGateway(ctx,
			&ec2.CreateInternetGatewayInput{TagSpecifications: tags}, once)
		if err != nil {
			return nil, err
		}
		return made.InternetGateway.InternetGatewayId, nil
	})
	return id, model.InternetGatewayOutputs{ID: id}, err
}

// ready attaches a gateway that is not attached.
func (g internetGateway) ready(ctx context.Context, c gatewayCall) (model.InternetGatewayOutputs, error) {
	out, wanted := model.InternetGatewayOutputs{ID: c.ID}, c.Props.VPCID.Get()
	found, err := g.known(ctx, call.Eventually, c.ID, "is listed", there[types.InternetGateway])
	if err != nil {
		return out, err
	}
	if attachedTo(found) == "" {
		_, err := g.api.client.AttachInternetGateway(ctx,
			&ec2.AttachInternetGatewayInput{InternetGatewayId: &c.ID, VpcId: &wanted})
		if err != nil && !call.HasCode(err, "Resource.AlreadyAssociated") {
			return out, failed(err)
		}
	}
	_, err = g.known(ctx, call.Eventually, c.ID, "is attached to "+wanted,
		func(found types.InternetGateway) (bool, error) { return attachedTo(found) == wanted, nil })
	return out, err
}

func attachedTo(g types.InternetGateway) string {
	for _, a := range g.Attachments {
		return aws.ToString(a.VpcId)
	}
	return ""
}

func (g internetGateway) read(
	ctx context.Context, c gatewayCall,
) (model.InternetGateway, model.InternetGatewayOutputs, error) {
	found, err := g.get(ctx, c.ID)
	if err != nil {
		return model.InternetGateway{}, model.InternetGatewayOutputs{}, err
	}
	return model.InternetGateway{
		VPCID: value.Lit(attachedTo(found)), Tags: tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}, model.InternetGatewayOutputs{ID: c.ID}, nil
}

func (g internetGateway) update(ctx context.Context, c gatewayCall) (model.InternetGatewayOutputs, error) {
	return c.Out, g.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags)
}

// delete detaches the gateway first. AWS refuses that as long as something in the VPC has a public address.
func (g internetGateway) delete(ctx context.Context, c gatewayCall) error {
	found, err := g.get(ctx, c.ID)
	if err != nil {
		return err
	}
	if vpc := attachedTo(found); vpc != "" {
		err := detached(ctx, c.Progress, "the internet gateway "+c.ID, func(ctx context.Context) error {
			_, err := g.api.client.DetachInternetGateway(ctx,
				&ec2.DetachInternetGatewayInput{InternetGatewayId: &c.ID, VpcId: &vpc})
			return err
		}, nil)
		if err != nil && !call.HasCode(err, "Gateway.NotAttached") {
			return err
		}
	}
	return detached(ctx, c.Progress, "the internet gateway "+c.ID, func(ctx context.Context) error {
		_, err := g.api.client.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &c.ID})
		return err
	}, nil)
}
