package ec2

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
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
			vpc := out.Vpcs[0]
			return value.Encode(model.FoundVPC{
				VPCID: aws.ToString(vpc.VpcId), CIDR: aws.ToString(vpc.CidrBlock),
				Default: aws.ToBool(vpc.IsDefault),
			}), nil
		},
	}
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
