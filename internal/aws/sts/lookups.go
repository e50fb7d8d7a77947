// Package sts answers the lookup of the account that the credentials belong to.
//
// In: calls of the resource contract. Out: one STS API call each. It must not keep state.
package sts

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/sts"
	"github.com/company/deployer/internal/value"
)

// Lookups returns the lookups of STS. GetCallerIdentity needs no permission.
func Lookups(cfg aws.Config) []resource.Lookup {
	client := sts.NewFromConfig(cfg)
	return []resource.Lookup{{
		Type: model.CallerLookupType, Outputs: value.Fields[model.Caller](),
		Read: func(ctx context.Context, _ value.Value) (value.Value, error) {
			out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			if err != nil {
				return value.NullValue, call.Error(err)
			}
			parsed, err := arn.Parse(aws.ToString(out.Arn))
			if err != nil {
				return value.NullValue, err
			}
			return value.Encode(model.Caller{
				Account: aws.ToString(out.Account), Partition: parsed.Partition, Region: cfg.Region,
				ARN: aws.ToString(out.Arn),
			}), nil
		},
	}}
}
