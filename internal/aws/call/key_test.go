package call_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call"
)

func TestSameKey(t *testing.T) {
	const id, arn = "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:kms:eu-west-1:123456789012:key/"
	require.True(t, call.SameKey(id, id))
	require.True(t, call.SameKey(id, arn+id))
	require.True(t, call.SameKey(arn+id, id))
	require.False(t, call.SameKey(arn+id, "arn:aws:kms:eu-west-1:999999999999:key/"+id))
	require.False(t, call.SameKey(arn+"other", id))
	require.False(t, call.SameKey("alias/shop", arn+id))
	require.False(t, call.SameKey("alias/shop", "arn:aws:kms:eu-west-1:123456789012:alias/shop"))
	require.False(t, call.SameKey("", arn+id))
}
