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
	subnetCall = resource.Call[model.Subnet, model.SubnetOutputs]
	subnet     struct {
		api *api
		*objects[types.Subnet]
	}
)

func newSubnet(api *api) resource.Behaviour {
	s := subnet{api, batched(api, objects[types.Subnet]{
		noun: "subnet", operation: "DescribeSubnets", missing: "InvalidSubnetID.NotFound", idFilter: "subnet-id",
		id:   func(s types.Subnet) *string { return s.SubnetId },
		tags: func(s types.Subnet) []types.Tag { return s.Tags },
		list: api.listSubnets,
	})}
	return &resource.Typed[model.Subnet, model.SubnetOutputs]{
		Def: resource.Definition{
			Type: model.SubnetType, Version: 1,
			// Two subnets of a VPC have different ranges. So the old one goes first, unless the new one has another
			// range or is in another VPC.
			ReplaceOn:           []string{"vpcId", "cidr", "availabilityZone"},
			DeleteBeforeReplace: true, Beside: resource.AnyOf("vpcId", "cidr"),
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:CreateSubnet"}, Codes: []string{"InvalidVpcID.NotFound"},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(append(
					scoped(s, "subnet", "CreateSubnet", []string{"ec2:DeleteSubnet"}, "ec2:DescribeSubnets"),
					within(s, "CreateSubnet", "vpc"),
					resource.Statement{Actions: []string{"ec2:DescribeNetworkInterfaces"}, Why: whatUses},
				), guardPermissions(s)...)
			},
		},
		CheckProps: func(p *model.Subnet) []value.Problem {
			var problems value.Problems
			p.CIDR = network(&problems, p.CIDR)
			return problems
		},
		CreateObject: s.create, ReadObject: s.read, UpdateObject: s.update, AwaitReady: s.ready,
		Ahead: s.foresee, DeleteObject: s.delete,
		Find: func(ctx context.Context, c subnetCall) (string, map[string]string, error) {
			return s.find(ctx, c.Request)
		},
		Taggable: true,
	}
}

// listSubnets returns all subnets that pass the filters.
func (a *api) listSubnets(ctx context.Context, filters []types.Filter) ([]types.Subnet, error) {
	in := &ec2.DescribeSubnetsInput{Filters: filters}
	return call.All(ctx, a.client.DescribeSubnets, in, &in.NextToken,
		func(page *ec2.DescribeSubnetsOutput) ([]types.Subnet, *string) { return page.Subnets, page.NextToken })
}

// create needs no care after a lost answer: AWS refuses a second subnet with the same range.
func (s subnet) create(ctx context.Context, c subnetCall) (string, model.SubnetOutputs, error) {
	made, err := s.api.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{
		VpcId: aws.String(c.Props.VPCID.Get()), CidrBlock: &c.Props.CIDR,
		AvailabilityZone:  aws.String(c.Props.AvailabilityZone.Get()),
		TagSpecifications: specification(types.ResourceTypeSubnet, tagging.Wanted(c.Tags, c.Props.Tags)),
	})
	if err != nil {
		return "", model.SubnetOutputs{}, failed(err)
	}
	return aws.ToString(made.Subnet.SubnetId), subnetOutputs(*made.Subnet), nil
}

func subnetOutputs(s types.Subnet) model.SubnetOutputs {
	return model.SubnetOutputs{ID: aws.ToString(s.SubnetId), ARN: aws.ToString(s.SubnetArn)}
}

func (s subnet) ready(ctx context.Context, c subnetCall) (model.SubnetOutputs, error) {
	found, err := s.known(ctx, call.Eventually, c.ID, "is available", func(found types.Subnet) (bool, error) {
		return found.State == types.SubnetStateAvailable, nil
	})
	if err != nil {
		return c.Out, err
	}
	return subnetOutputs(found), nil
}

func (s subnet) read(ctx context.Context, c subnetCall) (model.Subnet, model.SubnetOutputs, error) {
	found, err := s.get(ctx, c.ID)
	if err != nil {
		return model.Subnet{}, model.SubnetOutputs{}, err
	}
	return model.Subnet{
		VPCID: value.Lit(aws.ToString(found.VpcId)), CIDR: aws.ToString(found.CidrBlock),
		AvailabilityZone: value.Lit(aws.ToString(found.AvailabilityZone)),
		Tags:             tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}, subnetOutputs(found), nil
}

func (s subnet) update(ctx context.Context, c subnetCall) (model.SubnetOutputs, error) {
	return c.Out, s.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags)
}

func (s subnet) delete(ctx context.Context, c subnetCall) error {
	return detached(ctx, c.Progress, "the subnet "+c.ID, func(ctx context.Context) error {
		_, err := s.api.client.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &c.ID})
		return err
	}, func(ctx context.Context) []string {
		s.api.dropGuard(ctx, c.Old.VPCID.Get())
		return s.interfaces(ctx, c.ID)
	})
}

// interfaces names for people the network interfaces in a subnet, as far as they are known.
func (s subnet) interfaces(ctx context.Context, id string) []string {
	out, err := s.api.client.DescribeNetworkInterfaces(ctx,
		&ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("subnet-id", id)}})
	if err != nil {
		return nil // the delete says what is wrong
	}
	var users []string
	for _, i := range out.NetworkInterfaces {
		users = append(users, described(i))
	}
	return users
}
