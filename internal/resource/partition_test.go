package resource_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/resource"
)

func TestPartitions(t *testing.T) {
	for region, want := range map[string]resource.Partition{
		"eu-central-1":   {"aws", "amazonaws.com"},
		"us-west-2":      {"aws", "amazonaws.com"},
		"cn-north-1":     {"aws-cn", "amazonaws.com.cn"},
		"us-gov-west-1":  {"aws-us-gov", "amazonaws.com"},
		"us-iso-east-1":  {"aws-iso", "c2s.ic.gov"},
		"us-isob-east-1": {"aws-iso-b", "sc2s.sgov.gov"},
		"eu-isoe-west-1": {"aws-iso-e", "cloud.adc-e.uk"},
		"us-isof-east-1": {"aws-iso-f", "csp.hci.ic.gov"},
		"eusc-de-east-1": {"aws-eusc", "amazonaws.eu"},
		"*":              {"*", "*"},
	} {
		require.Equal(t, want, resource.PartitionOf(region), region)
	}
	scope := resource.Scope{Region: "eusc-de-east-1", Account: "123456789012"}
	require.Equal(t, "arn:aws-eusc:sqs:eusc-de-east-1:123456789012:q", scope.ARN("sqs", "q"))
}
