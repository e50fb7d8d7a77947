package rds

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	model "github.com/company/deployer/internal/resource/rds"
)

// A database that does not get better by waiting is no reason to wait, and a final snapshot of a broken one is none.
func TestStuck(t *testing.T) {
	require.NoError(t, stuck("modifying", true, "db-instance", "main"))
	require.NoError(t, stuck("available", true, "db-instance", "main"))
	require.ErrorContains(t, stuck("stopped", true, "db-instance", "main"), "in the state stopped")
	require.NotContains(t, stuck("failed", false, "db-instance", "main").Error(), "snapshot")
	require.ErrorContains(t, stuck("failed", true, "db-instance", "main"), "AWS takes no final snapshot")
}

func TestStorageCools(t *testing.T) {
	refusal := func(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }
	require.True(t, storageCools(refusal("InvalidParameterCombination", "You can't currently modify the storage of "+
		"this DB instance because the previous storage change is being optimized.")))
	require.False(t, storageCools(refusal("InvalidParameterCombination", "Requested storage size is too small")))
	require.False(t, storageCools(nil))
}

// Only more storage changes an instance whose storage is full.
func TestGrows(t *testing.T) {
	full := types.DBInstance{DBInstanceStatus: aws.String(storageFull), AllocatedStorage: aws.Int32(20)}
	require.True(t, grows(model.Instance{Storage: aws.Int(30)}, full))
	require.False(t, grows(model.Instance{Storage: aws.Int(20)}, full))
	full.DBInstanceStatus = aws.String("available")
	require.False(t, grows(model.Instance{Storage: aws.Int(30)}, full))
}
