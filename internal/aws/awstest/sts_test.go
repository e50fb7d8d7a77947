package awstest

import (
	"testing"

	"github.com/stretchr/testify/require"

	awssts "github.com/company/deployer/internal/aws/sts"
	model "github.com/company/deployer/internal/resource/sts"
)

func TestCallerLookup(t *testing.T) {
	h := startIn(t, "eu-west-1")
	found, err := lookup[model.Caller](t, awssts.Lookups(h.Config), model.CallerLookupType, model.CallerLookup{})
	require.NoError(t, err)
	require.Equal(t, h.Env.Account, found.Account)
	require.Equal(t, "aws", found.Partition)
	require.Equal(t, "eu-west-1", found.Region)
	require.Contains(t, found.ARN, h.Env.Account)
}
