package service_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

func TestDefaultVPCHasAWayOut(t *testing.T) {
	env := testkit.Start(t)
	out, err := ec2.NewFromConfig(env.Config).DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{
		Filters: []ec2types.Filter{{Name: aws.String("route.destination-cidr-block"), Values: []string{"0.0.0.0/0"}}},
	})
	require.NoError(t, err)
	require.Len(t, out.RouteTables, 1)
}
