package ec2

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

type (
	natCall    = resource.Call[model.NATGateway, model.NATGatewayOutputs]
	natGateway struct {
		api *api
		*objects[types.NatGateway]
	}
)

func newNATGateway(api *api) resource.Behaviour {
	n := natGateway{api, batched(api, objects[types.NatGateway]{
		noun: "NAT gateway", operation: "DescribeNatGateways", missing: "NatGatewayNotFound",
		idFilter: "nat-gateway-id",
		id:       func(n types.NatGateway) *string { return n.NatGatewayId },
		tags:     func(n types.NatGateway) []types.Tag { return n.Tags },
		list: func(ctx context.Context, filters []types.Filter) ([]types.NatGateway, error) {
			in := &ec2.DescribeNatGatewaysInput{Filter: filters}
			return call.All(ctx, api.client.DescribeNatGateways, in, &in.NextToken,
				func(page *ec2.DescribeNatGatewaysOutput) ([]types.NatGateway, *string) {
					return page.NatGateways, page.NextToken
				})
		},
	})}
	return &resource.Typed[model.NATGateway, model.NATGatewayOutputs]{
		Def: resource.Definition{
			Type: model.NATGatewayType, Version: 1,
			// An elastic IP address belongs to one NAT gateway. So the old one goes first, unless the new one has
			// another address.
			ReplaceOn:           []string{"subnetId", "allocationId"},
			DeleteBeforeReplace: true, Beside: resource.AnyOf("allocationId"),
			Consequence: resource.Causes(plan.Downtime, "subnetId"),
			Lasts:       resource.Always("some minutes"),
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:CreateNatGateway"},
				Codes:      []string{"InvalidSubnetID.NotFound", "InvalidAllocationID.NotFound"},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(scoped(s, "natgateway", "CreateNatGateway", []string{"ec2:DeleteNatGateway"},
					"ec2:DescribeNatGateways"), within(s, "CreateNatGateway", "subnet", "elastic-ip"),
					resource.Foreseeing("servicequotas:GetServiceQuota", "ec2:DescribeSubnets"))
			},
		},
		CreateObject: n.create, ReadObject: n.read, UpdateObject: n.update, AwaitReady: n.ready,
		Ahead: n.foresee, DeleteObject: n.delete,
		Find: func(ctx context.Context, c natCall) (string, map[string]string, error) {
			return n.findFor(ctx, c.Request, lives)
		},
		Taggable: true,
	}
}

// lives reports whether a NAT gateway is or becomes usable. AWS lists deleted and failed ones for an hour.
func lives(n types.NatGateway) bool {
	return n.State == types.NatGatewayStateAvailable || n.State == types.NatGatewayStatePending
}

func (n natGateway) create(ctx context.Context, c natCall) (string, model.NATGatewayOutputs, error) {
	made, err := n.api.client.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{
		SubnetId: aws.String(c.Props.SubnetID.Get()), AllocationId: aws.String(c.Props.AllocationID.Get()),
		ConnectivityType: types.ConnectivityTypePublic, ClientToken: call.Token(c.Token, 64),
		TagSpecifications: specification(types.ResourceTypeNatgateway, tagging.Wanted(c.Tags, c.Props.Tags)),
	})
	if err != nil {
		return "", model.NATGatewayOutputs{}, failed(err)
	}
	id := aws.ToString(made.NatGateway.NatGatewayId)
	return id, model.NATGatewayOutputs{ID: id}, nil
}

// natPace is for NAT gateways: they need one to a few minutes.
var natPace = call.Pace{First: time.Second, Longest: 10 * time.Second, Limit: 15 * time.Minute}

// ready waits until the NAT gateway works. AWS repairs no failed one: it is deleted, and the next run makes another.
func (n natGateway) ready(ctx context.Context, c natCall) (model.NATGatewayOutputs, error) {
	out := model.NATGatewayOutputs{ID: c.ID}
	told := false
	_, err := n.known(ctx, natPace, c.ID, "is available", func(found types.NatGateway) (bool, error) {
		switch found.State {
		case types.NatGatewayStateAvailable:
			return true, nil
		case types.NatGatewayStatePending:
			if !told {
				told = true
				c.Progress("waiting: the NAT gateway " + c.ID + " is pending; that takes a few minutes")
			}
			return false, nil
		case types.NatGatewayStateFailed:
			return false, &resource.OpError{
				Operation: "ec2:CreateNatGateway", Code: aws.ToString(found.FailureCode),
				Message: fmt.Sprintf("the NAT gateway %s failed: %s", c.ID, aws.ToString(found.FailureMessage)),
				Next:    "apply again after the cause is gone: the next apply makes another NAT gateway",
			}
		}
		return false, n.gone(c.ID)
	})
	return out, err
}

// read says that a failed NAT gateway is gone: AWS deletes it within an hour, and it never works.
func (n natGateway) read(ctx context.Context, c natCall) (model.NATGateway, model.NATGatewayOutputs, error) {
	found, err := n.get(ctx, c.ID)
	switch {
	case err == nil && found.State == types.NatGatewayStateDeleting:
		err = call.Deleting("the NAT gateway " + c.ID)
	case err == nil && !lives(found):
		err = n.gone(c.ID)
	}
	if err != nil {
		return model.NATGateway{}, model.NATGatewayOutputs{}, err
	}
	out := model.NATGateway{
		SubnetID: value.Lit(aws.ToString(found.SubnetId)),
		Tags:     tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}
	for _, address := range found.NatGatewayAddresses {
		if address.IsPrimary == nil || *address.IsPrimary {
			out.AllocationID = value.Lit(aws.ToString(address.AllocationId))
		}
	}
	return out, model.NATGatewayOutputs{ID: c.ID}, nil
}

func (n natGateway) update(ctx context.Context, c natCall) (model.NATGatewayOutputs, error) {
	if found, err := n.get(ctx, c.ID); err != nil {
		return c.Out, err
	} else if !lives(found) {
		return c.Out, n.gone(c.ID)
	}
	return c.Out, n.api.retag(ctx, c.ID, c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags))
}

// delete waits until the NAT gateway is gone: until then it keeps its elastic IP address and its network interface.
func (n natGateway) delete(ctx context.Context, c natCall) error {
	found, err := n.get(ctx, c.ID)
	if err != nil {
		return err
	}
	if found.State == types.NatGatewayStateDeleted {
		return nil
	}
	if found.State != types.NatGatewayStateDeleting {
		_, err := n.api.client.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &c.ID})
		if err != nil {
			return failed(err)
		}
	}
	return call.Wait(ctx, natPace, "the NAT gateway "+c.ID+" is deleted", func(ctx context.Context) (bool, error) {
		list, err := n.list(ctx, []types.Filter{filter(n.idFilter, c.ID)})
		if err != nil {
			return false, failed(err)
		}
		for _, item := range list {
			if aws.ToString(item.NatGatewayId) == c.ID {
				return item.State == types.NatGatewayStateDeleted, nil
			}
		}
		return true, nil
	})
}
