package awstest

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

func TestTagIndex(t *testing.T) {
	h := start(t)
	client := sqs.NewFromConfig(h.Config)
	queue := func(name string, tags map[string]string) {
		_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name), Tags: tags})
		require.NoError(t, err)
	}
	for i := range 120 { // more than a page
		queue(fmt.Sprintf("shop-%d", i), map[string]string{
			resource.TagStack: "shop", resource.TagEnvironment: "dev",
			resource.TagLineage: "old",
		})
	}
	queue("other", map[string]string{resource.TagStack: "shop", resource.TagEnvironment: "production"})
	wanted := map[string]string{resource.TagStack: "shop", resource.TagEnvironment: "dev"}

	found, err := tagging.Find(t.Context(), h.Config, wanted, 0)
	require.NoError(t, err)
	require.Len(t, found, 120)
	require.Contains(t, found[0].ARN, ":shop-")
	require.Equal(t, "old", found[0].Tags[resource.TagLineage])
	found, err = tagging.Find(t.Context(), h.Config, wanted, 7)
	require.NoError(t, err)
	require.Len(t, found, 7)

	h.Fail("tag:GetResources", "AccessDeniedException", 1)
	_, err = tagging.Find(t.Context(), h.Config, wanted, 0)
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.True(t, op.Denied())
	require.Equal(t, "tag:GetResources", op.Operation)
}
