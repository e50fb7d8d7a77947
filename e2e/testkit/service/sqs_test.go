package service_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

func TestQueueKeepsItsPolicy(t *testing.T) {
	env := testkit.Start(t)
	client := sqs.NewFromConfig(env.Config)
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	require.NoError(t, err)
	set := func(name, value string) {
		_, err := client.SetQueueAttributes(t.Context(),
			&sqs.SetQueueAttributesInput{QueueUrl: made.QueueUrl, Attributes: map[string]string{name: value}})
		require.NoError(t, err)
	}
	get := func(name string) string {
		out, err := client.GetQueueAttributes(t.Context(),
			&sqs.GetQueueAttributesInput{
				QueueUrl:       made.QueueUrl,
				AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
			})
		require.NoError(t, err)
		return out.Attributes[name]
	}
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}`
	set("Policy", policy)
	set("VisibilityTimeout", "45")
	assert.JSONEq(t, policy, get("Policy"))
	assert.Equal(t, "45", get("VisibilityTimeout"))
	set("Policy", "")
	assert.Empty(t, get("Policy"))
}
