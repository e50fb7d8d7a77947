package ec2

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
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

func vpcLookup(api *api, region string) resource.Lookup {
	return resource.Lookup{
		Type: model.VPCLookupType, Outputs: value.Fields[model.FoundVPC](),
		Permissions: func(resource.Scope) []resource.Statement {
			return []resource.Statement{{Actions: []string{"ec2:DescribeVpcs"}}}
		},
		Read: func(ctx context.Context, props value.Value) (value.Value, error) {
			var ask model.VPCLookup
			if err := decode(model.VPCLookupType, props, &ask); err != nil {
				return value.NullValue, err
			}
			in := &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("is-default", "true")}}
			none := &resource.OpError{
				Operation: "ec2:DescribeVpcs", Message: "the region " + region + " has no default VPC",
				Err: resource.ErrNotFound,
				Next: "add a Network (in infra/) with vpc: {id: vpc-...}, or run: aws ec2 " +
					"create-default-vpc --region " + region,
			}
			if id := ask.ID.Get(); id != "" {
				in = &ec2.DescribeVpcsInput{VpcIds: []string{id}}
				none.Message = "there is no VPC " + id + " in " + region
				none.Next = "check vpc.id of the Network, the region and the account; list VPCs with: aws ec2 " +
					"describe-vpcs --region " + region
			}
			out, err := api.client.DescribeVpcs(ctx, in)
			if call.HasCode(err, "InvalidVpcID.NotFound", "InvalidVpcID.Malformed") {
				none.Code = "InvalidVpcID.NotFound"
				return value.NullValue, none
			}
			if err != nil {
				return value.NullValue, failed(err)
			}
			if len(out.Vpcs) == 0 {
				return value.NullValue, none
			}
			return foundVPC(out.Vpcs[0])
		},
	}
}

// foundVPC is the answer about a VPC.
func foundVPC(vpc types.Vpc) (value.Value, error) {
	found := model.FoundVPC{
		VPCID: aws.ToString(vpc.VpcId), CIDR: aws.ToString(vpc.CidrBlock), Default: aws.ToBool(vpc.IsDefault),
		More: make([]string, model.MoreCIDRs), Has: make([]bool, model.MoreCIDRs),
	}
	for _, block := range vpc.CidrBlockAssociationSet {
		cidr := aws.ToString(block.CidrBlock)
		gone := block.CidrBlockState != nil && block.CidrBlockState.State != types.VpcCidrBlockStateCodeAssociated &&
			block.CidrBlockState.State != types.VpcCidrBlockStateCodeAssociating
		if cidr != found.CIDR && !gone {
			found.CIDRs = append(found.CIDRs, cidr)
		}
	}
	slices.Sort(found.CIDRs)
	if more := len(found.CIDRs); more > model.MoreCIDRs {
		return value.NullValue, &resource.OpError{
			Operation: "ec2:DescribeVpcs",
			Message: fmt.Sprintf(
				"the VPC %s has %d IPv4 ranges, and deployer can open its load balancers to %d at most",
				found.VPCID,
				more+1,
				model.MoreCIDRs+1,
			),
			Next: "use another VPC, or remove ranges that nothing uses",
		}
	}
	for i, cidr := range found.CIDRs {
		found.More[i], found.Has[i] = cidr, true
	}
	found.CIDRs = append([]string{found.CIDR}, found.CIDRs...)
	return value.Encode(found), nil
}

func overlapLookup(api *api) resource.Lookup {
	return resource.Lookup{
		Type: model.OverlapLookupType, Outputs: value.Fields[model.Overlap](),
		Permissions: func(resource.Scope) []resource.Statement {
			return []resource.Statement{{Actions: []string{"ec2:DescribeVpcs"}}}
		},
		Read: func(ctx context.Context, props value.Value) (value.Value, error) {
			var ask model.OverlapLookup
			if err := decode(model.OverlapLookupType, props, &ask); err != nil {
				return value.NullValue, err
			}
			all, err := api.listVPCs(ctx, nil)
			if err != nil {
				return value.NullValue, failed(err)
			}
			return overlap(ask, all)
		},
	}
}

// overlap finds the ranges of other VPCs.
func overlap(ask model.OverlapLookup, all []types.Vpc) (value.Value, error) {
	wanted, err := netip.ParsePrefix(ask.CIDR)
	if err != nil {
		return value.NullValue, fmt.Errorf("%s: %w", model.OverlapLookupType, err)
	}
	var with []string
	for _, vpc := range all {
		tags, ours := tagging.Map(vpc.Tags, tag), len(ask.Tags) > 0
		for key, text := range ask.Tags {
			ours = ours && tags[key] == text
		}
		if ours {
			return value.Encode(model.Overlap{}), nil
		}
		if aws.ToBool(vpc.IsDefault) {
			continue // every account has the same ranges there
		}
		for _, block := range vpc.CidrBlockAssociationSet {
			cidr, err := netip.ParsePrefix(aws.ToString(block.CidrBlock))
			if err == nil && cidr.Overlaps(wanted) {
				with = append(with, aws.ToString(vpc.VpcId)+" ("+cidr.String()+")")
			}
		}
	}
	slices.Sort(with)
	return value.Encode(model.Overlap{Found: len(with) > 0, With: strings.Join(with, ", ")}), nil
}

// decode fills in a lookup's question.
func decode(typ string, props value.Value, out any) error {
	if props.IsNull() {
		return nil
	}
	if problems := value.Decode(props, out); len(problems) > 0 {
		return fmt.Errorf("the properties of the lookup %s do not fit: %w", typ, problems[0])
	}
	return nil
}
