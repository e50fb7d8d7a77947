package service_test

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	logsservice "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

func TestFiftyTags(t *testing.T) {
	env := testkit.Start(t)
	subnets, err := ec2.NewFromConfig(env.Config).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	require.NoError(t, err)
	balancers := elb.NewFromConfig(env.Config)
	tags := func(from, n int) []elbtypes.Tag {
		var out []elbtypes.Tag
		for i := range n {
			out = append(out, elbtypes.Tag{Key: aws.String("k" + strconv.Itoa(from+i)), Value: aws.String("v")})
		}
		return out
	}
	in := &elb.CreateLoadBalancerInput{
		Name:    aws.String("fifty"),
		Subnets: []string{*subnets.Subnets[0].SubnetId, *subnets.Subnets[1].SubnetId}, Tags: tags(0, 51),
	}
	_, err = balancers.CreateLoadBalancer(t.Context(), in)
	assert.Equal(t, "TooManyTags", codeOf(err))
	in.Tags = tags(0, 20)
	made, err := balancers.CreateLoadBalancer(t.Context(), in)
	require.NoError(t, err)
	add := func(from, n int) error {
		_, err := balancers.AddTags(t.Context(),
			&elb.AddTagsInput{ResourceArns: []string{*made.LoadBalancers[0].LoadBalancerArn}, Tags: tags(from, n)})
		return err
	}
	require.NoError(t, add(10, 40), "ten of them are there")
	assert.Equal(t, "TooManyTags", codeOf(add(50, 1)))
	described, err := balancers.DescribeTags(t.Context(),
		&elb.DescribeTagsInput{ResourceArns: []string{*made.LoadBalancers[0].LoadBalancerArn}})
	require.NoError(t, err)
	assert.Len(t, described.TagDescriptions[0].Tags, 50)

	roles := iam.NewFromConfig(env.Config)
	role := aws.String("fifty-" + env.Account)
	trust := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}`
	var some []iamtypes.Tag
	for _, tag := range tags(0, 30) {
		some = append(some, iamtypes.Tag{Key: tag.Key, Value: tag.Value})
	}
	_, err = roles.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: role, AssumeRolePolicyDocument: &trust,
		Tags: some,
	})
	require.NoError(t, err)
	some = nil
	for _, tag := range tags(30, 21) {
		some = append(some, iamtypes.Tag{Key: tag.Key, Value: tag.Value})
	}
	_, err = roles.TagRole(t.Context(), &iam.TagRoleInput{RoleName: role, Tags: some})
	assert.Equal(t, "LimitExceeded", codeOf(err))

	logs := logsservice.NewFromConfig(env.Config)
	many := map[string]string{}
	for i := range 51 {
		many["k"+strconv.Itoa(i)] = "v"
	}
	_, err = logs.CreateLogGroup(t.Context(), &logsservice.CreateLogGroupInput{
		LogGroupName: aws.String("/fifty"), Tags: many,
	})
	assert.Equal(t, "TooManyTagsException", codeOf(err))
}
