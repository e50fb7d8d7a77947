package service

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

var _ = register(Service{
	Name: "ssm", NameBy: []string{"Name", "Names", "ResourceId"},
	Canary: func(ctx context.Context, cfg aws.Config, secret string) (string, error) {
		_, err := ssm.NewFromConfig(cfg).PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String("/shop/canary"), Type: ssmtypes.ParameterTypeSecureString, Value: &secret,
		})
		return "ssm:/shop/canary", err
	},
})
