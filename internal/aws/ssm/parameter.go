// Package ssm is the lookup of parameters in the Systems Manager Parameter Store.
//
// In: a name or an ARN. Out: metadata. It must not read a value, or make or change anything.
package ssm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ssm"
	"github.com/company/deployer/internal/value"
)

// Lookups returns the lookups of the Parameter Store.
func Lookups(cfg aws.Config) []resource.Lookup {
	p := parameter{region: cfg.Region, api: ssm.NewFromConfig(cfg)}
	return []resource.Lookup{{
		Type: model.LookupParameter, Read: p.read, Outputs: value.Fields[model.ParameterOutputs](),
		Permissions: func(resource.Scope) []resource.Statement {
			return []resource.Statement{{Actions: []string{"ssm:DescribeParameters"}}}
		},
	}}
}

type parameter struct {
	region string
	api    *ssm.Client
}

func (p parameter) read(ctx context.Context, props value.Value) (value.Value, error) {
	var want model.Parameter
	if problems := value.Decode(props, &want); len(problems) > 0 {
		return value.NullValue, problems[0]
	}
	names := namesOf(want.Name)
	name := names[len(names)-1]
	in := &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{
		{Key: aws.String("Name"), Option: aws.String("Equals"), Values: names},
	}}
	for found, err := range call.Each(ctx, p.api.DescribeParameters, in, &in.NextToken,
		func(page *ssm.DescribeParametersOutput) ([]types.ParameterMetadata, *string) {
			return page.Parameters, page.NextToken
		}) {
		if err != nil {
			return value.NullValue, call.Error(err)
		}
		if !slices.Contains(names, aws.ToString(found.Name)) {
			continue
		}
		out := model.ParameterOutputs{
			ARN: aws.ToString(found.ARN), Name: aws.ToString(found.Name), ParameterType: string(found.Type),
			KMSKeyID: aws.ToString(found.KeyId),
		}
		if out.ARN == "" && out.Name != want.Name {
			out.ARN = want.Name // the user gave the ARN
		}
		return value.Encode(out), nil
	}
	return value.NullValue, &resource.OpError{
		Operation: "ssm:DescribeParameters",
		Message:   fmt.Sprintf("there is no parameter %s in %s of this account", name, p.region),
		Next: "create it: aws ssm put-parameter --region " + p.region + " --type SecureString --name " + name +
			" --value ...; or correct the reference",
	}
}

// namesOf returns the possible names of a parameter that may be given by its ARN. An ARN does not say whether the name
// begins with a slash. A name with a path does, because AWS refuses other names with slashes. For other names, both
// forms exist.
func namesOf(text string) []string {
	parsed, err := arn.Parse(text)
	if err != nil {
		return []string{text}
	}
	name := strings.TrimPrefix(parsed.Resource, "parameter/")
	if strings.Contains(name, "/") {
		return []string{"/" + name}
	}
	return []string{name, "/" + name}
}
