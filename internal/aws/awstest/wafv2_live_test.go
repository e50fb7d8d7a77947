package awstest

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	model "github.com/company/deployer/internal/resource/wafv2"
)

var _ = liveObjects(
	func(l object, parameters any) (any, error) {
		if _, asks := parameters.(*wafv2.GetWebACLForResourceInput); !asks {
			return nil, fmt.Errorf("unexpected call with %T", parameters)
		}
		return &wafv2.GetWebACLForResourceOutput{WebACL: &types.WebACL{ARN: aws.String(l.text("WebACLArn"))}}, nil
	},
	liveType{
		file: "WAFv2-WebACLAssociation", typ: model.AssociationType,
		props: func(l live) (any, string, string) {
			balancer := l.Declared.text("ResourceArn")
			return model.Association{
				ResourceARN: lit(balancer), WebACLARN: lit(l.Declared.text("WebACLArn")),
			}, balancer, ""
		},
	},
)
