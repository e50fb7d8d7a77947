package ec2

import (
	"context"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/servicequotas"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

type (
	vpcCall = resource.Call[model.VPC, model.VPCOutputs]
	vpc     struct {
		api *api
		*objects[types.Vpc]
	}
)

func newVPC(api *api) resource.Behaviour {
	v := vpc{api, batched(api, objects[types.Vpc]{
		noun: "VPC", operation: "DescribeVpcs", missing: "InvalidVpcID.NotFound", idFilter: "vpc-id",
		id: func(v types.Vpc) *string { return v.VpcId }, tags: func(v types.Vpc) []types.Tag { return v.Tags },
		list: api.listVPCs,
	})}
	return &resource.Typed[model.VPC, model.VPCOutputs]{
		Def: resource.Definition{
			Type: model.VPCType, Version: 1, ReplaceOn: []string{"cidr"},
			NotYet: []resource.NotYet{{
				Operations: []string{"ec2:ModifyVpcAttribute", "ec2:DescribeVpcAttribute"},
				Codes:      []string{v.missing}, New: true,
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(append(scoped(s, "vpc", "CreateVpc", []string{
					"ec2:DeleteVpc", "ec2:ModifyVpcAttribute", "ec2:DescribeVpcAttribute",
				}, "ec2:DescribeVpcs"), servicequotas.Permission, resource.Statement{
					Actions: []string{"ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"}, Why: whatUses,
				}), guardPermissions(s)...)
			},
		},
		CheckProps: func(p *model.VPC) []value.Problem {
			yes := true
			if p.DNSSupport == nil {
				p.DNSSupport = &yes
			}
			if p.DNSHostnames == nil {
				p.DNSHostnames = &yes
			}
			var problems value.Problems
			p.CIDR = network(&problems, p.CIDR)
			return problems
		},
		CreateObject: v.create, ReadObject: v.read, UpdateObject: v.update, AwaitReady: v.ready,
		Ahead: v.foresee, DeleteObject: v.delete,
		Find: func(ctx context.Context, c vpcCall) (string, map[string]string, error) {
			return v.find(ctx, c.Request)
		},
		Taggable: true,
	}
}

// network checks the IPv4 range of a VPC or a subnet.
func network(problems *value.Problems, cidr string) string {
	parsed, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil || !parsed.Addr().Is4():
		problems.Bad("cidr", "%q is no IPv4 network such as 10.0.0.0/16", cidr)
	case parsed != parsed.Masked():
		problems.Bad("cidr", "%s has bits after its prefix; the network is %s", parsed, parsed.Masked())
	case parsed.Bits() < 16 || parsed.Bits() > 28:
		problems.Bad("cidr", "AWS allows networks from /16 to /28, not /%d", parsed.Bits())
	default:
		return parsed.String()
	}
	return cidr
}

func (v vpc) create(ctx context.Context, c vpcCall) (string, model.VPCOutputs, error) {
	id, err := v.makeOnce(ctx, c.Request, func(ctx context.Context, once func(*ec2.Options)) (*string, error) {
		made, err := v.api.client.CreateVpc(ctx, &ec2.CreateVpcInput{
			CidrBlock:         &c.Props.CIDR,
			TagSpecifications: specification(types.ResourceTypeVpc, tagging.Wanted(c.Tags, c.Props.Tags)),
		}, once)
		if err != nil {
			return nil, err
		}
		return made.Vpc.VpcId, nil
	})
	return id, model.VPCOutputs{ID: id}, err
}

// ready waits for a new VPC, and sets what CreateVpc has no parameters for.
func (v vpc) ready(ctx context.Context, c vpcCall) (model.VPCOutputs, error) {
	_, err := v.known(ctx, call.Eventually, c.ID, "is available", func(found types.Vpc) (bool, error) {
		return found.State == types.VpcStateAvailable, nil
	})
	if err != nil {
		return c.Out, err
	}
	support, hostnames, err := v.dns(ctx, c.ID)
	if err != nil {
		return c.Out, err
	}
	// One call changes one attribute, and hostnames need support.
	for _, change := range []struct {
		is, wanted bool
		in         *ec2.ModifyVpcAttributeInput
	}{
		{support, *c.Props.DNSSupport, &ec2.ModifyVpcAttributeInput{
			EnableDnsSupport: &types.AttributeBooleanValue{Value: c.Props.DNSSupport},
		}},
		{hostnames, *c.Props.DNSHostnames, &ec2.ModifyVpcAttributeInput{
			EnableDnsHostnames: &types.AttributeBooleanValue{Value: c.Props.DNSHostnames},
		}},
	} {
		if change.is == change.wanted {
			continue
		}
		change.in.VpcId = &c.ID
		if _, err := v.api.client.ModifyVpcAttribute(ctx, change.in); err != nil {
			return c.Out, failed(err)
		}
	}
	return model.VPCOutputs{ID: c.ID}, nil
}

// dns reads the attributes that DescribeVpcs does not return.
func (v vpc) dns(ctx context.Context, id string) (support, hostnames bool, err error) {
	group, ctx := errgroup.WithContext(ctx)
	read := func(name types.VpcAttributeName, into *bool) {
		group.Go(func() error {
			out, err := v.api.client.DescribeVpcAttribute(ctx,
				&ec2.DescribeVpcAttributeInput{VpcId: &id, Attribute: name})
			if err != nil {
				return failed(err)
			}
			for _, attribute := range []*types.AttributeBooleanValue{out.EnableDnsSupport, out.EnableDnsHostnames} {
				if attribute != nil {
					*into = aws.ToBool(attribute.Value)
				}
			}
			return nil
		})
	}
	read(types.VpcAttributeNameEnableDnsSupport, &support)
	read(types.VpcAttributeNameEnableDnsHostnames, &hostnames)
	return support, hostnames, group.Wait()
}

func (v vpc) read(ctx context.Context, c vpcCall) (model.VPC, model.VPCOutputs, error) {
	found, err := v.get(ctx, c.ID)
	if err != nil {
		return model.VPC{}, model.VPCOutputs{}, err
	}
	support, hostnames, err := v.dns(ctx, c.ID)
	if err != nil {
		return model.VPC{}, model.VPCOutputs{}, err
	}
	return model.VPC{
		CIDR: aws.ToString(found.CidrBlock), DNSSupport: &support, DNSHostnames: &hostnames,
		Tags: tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}, model.VPCOutputs{ID: c.ID}, nil
}

func (v vpc) update(ctx context.Context, c vpcCall) (model.VPCOutputs, error) {
	return c.Out, v.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags)
}

func (v vpc) delete(ctx context.Context, c vpcCall) error {
	return detached(ctx, c.Progress, "the VPC "+c.ID, func(ctx context.Context) error {
		_, err := v.api.client.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &c.ID})
		return err
	}, func(ctx context.Context) []string {
		v.api.dropGuard(ctx, c.ID)
		return v.contents(ctx, c.ID)
	})
}

// contents names for people the subnets and security groups that others have made in a VPC, as far as they are known.
func (v vpc) contents(ctx context.Context, id string) []string {
	in := []types.Filter{filter("vpc-id", id)}
	var users []string
	subnets, _ := v.api.listSubnets(ctx, in) // without an answer, the delete says what is wrong
	for _, s := range subnets {
		users = append(users, "the subnet "+aws.ToString(s.SubnetId))
	}
	groups, err := v.api.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: in})
	if err != nil {
		return users
	}
	for _, g := range groups.SecurityGroups {
		if name := aws.ToString(g.GroupName); name != "default" { // goes with the VPC
			users = append(users, "the security group "+aws.ToString(g.GroupId)+" ("+name+")")
		}
	}
	return users
}
