package testkit_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
)

func codeOf(err error) string {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	return fmt.Sprintf("not an API error: %v", err)
}

func TestEveryTestHasAnAccountAndRegionOfItsOwn(t *testing.T) {
	first, second := testkit.Start(t), testkit.Start(t)
	assert.NotEqual(t, first.Region, second.Region)
	for _, env := range []*testkit.Env{first, second} {
		out, err := sts.NewFromConfig(env.Config).GetCallerIdentity(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, env.Account, *out.Account)
		_, err = sqs.NewFromConfig(env.Config).CreateQueue(t.Context(),
			&sqs.CreateQueueInput{QueueName: aws.String("same")})
		require.NoError(t, err)
		assert.Contains(t, strings.Join(env.Environ(), "\n"), "AWS_ENDPOINT_URL="+env.Endpoint)
	}
	third := testkit.Start(t, testkit.InDefaultAccount(), testkit.InRegion("eu-west-3"))
	out, err := sts.NewFromConfig(third.Config).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, testkit.DefaultAccount, *out.Account)
	assert.Equal(t, "eu-west-3", third.Proxy.Records()[0].Region)
}

func TestSDKRetriesAreSeenAsAttempts(t *testing.T) {
	env := testkit.Start(t)
	queues := sqs.NewFromConfig(env.Config)
	create := func(name string) error {
		_, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name)})
		return err
	}
	for _, action := range []proxy.Action{
		proxy.DropBefore, proxy.DropAfter, proxy.ResetBefore, proxy.InternalError,
		proxy.SlowDown, proxy.Throttle,
	} {
		env.Proxy.ResetRecords()
		require.NoError(t,
			env.Proxy.Inject(proxy.Fault{Filter: proxy.Filter{Operation: "CreateQueue"}, Action: action}))
		require.NoError(t, create("queue-"+string(action)), action)
		var attempts []int
		for _, r := range env.Proxy.Select(proxy.Filter{Operation: "CreateQueue"}) {
			attempts = append(attempts, r.Attempt)
		}
		assert.Equal(t, []int{1, 2}, attempts, action)
		env.Proxy.ClearFaults()
	}
	require.NoError(t,
		env.Proxy.Inject(proxy.Fault{Times: -1, Action: proxy.Fail, Status: 403, Code: "AccessDenied", Message: "no"}))
	env.Proxy.ResetRecords()
	assert.Equal(t, "AccessDenied", codeOf(create("denied")))
	assert.Equal(t, 1, env.Proxy.Count(proxy.Filter{}), "a refusal is not retried")
}

func TestUnimplementedOperationsFailAtOnce(t *testing.T) {
	env := testkit.Start(t)
	_, err := ecs.NewFromConfig(env.Config).SubmitTaskStateChange(t.Context(), &ecs.SubmitTaskStateChangeInput{
		Task: aws.String("x"),
	})
	assert.Equal(t, proxy.UnimplementedCode, codeOf(err))
	assert.ErrorContains(t, err, "ecs:SubmitTaskStateChange")
	assert.Equal(t, 1, env.Proxy.Count(proxy.Filter{Operation: "SubmitTaskStateChange"}), "not retried")
}

func bucket(t *testing.T, env *testkit.Env, name string) *string {
	t.Helper()
	name += "-" + env.Account
	_, err := s3.NewFromConfig(env.Config).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(env.Region),
		},
	})
	require.NoError(t, err)
	return &name
}

func TestConditionalWritesHaveOneWinner(t *testing.T) {
	env := testkit.Start(t, testkit.InRegion("eu-west-1"))
	objects, items := s3.NewFromConfig(env.Config), dynamodb.NewFromConfig(env.Config)
	name := bucket(t, env, "state")
	_, err := items.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("locks"), BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{
			{AttributeName: aws.String("LockID"), AttributeType: dynamotypes.ScalarAttributeTypeS},
		},
		KeySchema: []dynamotypes.KeySchemaElement{
			{AttributeName: aws.String("LockID"), KeyType: dynamotypes.KeyTypeHash},
		},
	})
	require.NoError(t, err)

	const writers, rounds = 16, 5
	for round := range rounds {
		key := fmt.Sprintf("stack-%d", round)
		wins := map[string]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		count := func(what string, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins[what]++
				return
			}
			wins[codeOf(err)]++
		}
		for writer := range writers {
			wg.Go(func() {
				_, err := objects.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: name, Key: &key, Body: strings.NewReader(fmt.Sprint(writer)), IfNoneMatch: aws.String("*"),
				})
				count("put", err)
				_, err = items.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
					TableName: aws.String("locks"),
					Key: map[string]dynamotypes.AttributeValue{
						"LockID": &dynamotypes.AttributeValueMemberS{Value: key},
					},
					UpdateExpression:    aws.String("SET holder = :me"),
					ConditionExpression: aws.String("attribute_not_exists(holder)"),
					ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{
						":me": &dynamotypes.AttributeValueMemberN{Value: fmt.Sprint(writer)},
					},
				})
				count("lock", err)
			})
		}
		wg.Wait()
		assert.Equal(t, map[string]int{
			"put": 1, "PreconditionFailed": writers - 1, "lock": 1, "ConditionalCheckFailedException": writers - 1,
		}, wins)
	}
	locked := env.Proxy.Select(proxy.Filter{Service: "dynamodb", Resource: "locks/stack-0"})
	assert.Len(t, locked, writers)
	assert.Len(t, env.Proxy.Select(proxy.Filter{Operation: "PutObject", Resource: *name + "/stack-0"}), writers)
}

func TestConflictIsSeenByTheSDK(t *testing.T) {
	env := testkit.Start(t)
	name := bucket(t, env, "conflict")
	require.NoError(t,
		env.Proxy.Inject(proxy.Fault{Filter: proxy.Filter{Operation: "PutObject"}, Times: -1, Action: proxy.Conflict}))
	_, err := s3.NewFromConfig(env.Config).PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: name, Key: aws.String("k"), Body: strings.NewReader("v")})
	assert.Equal(t, "ConditionalRequestConflict", codeOf(err))
}

func TestTLSOnlyPolicyLeavesTheBucketUsable(t *testing.T) {
	env := testkit.Start(t)
	client := s3.NewFromConfig(env.Config)
	name := bucket(t, env, "tls")
	deny := `{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::` + *name +
		`","arn:aws:s3:::` + *name + `/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	allow := `{"Sid":"Read","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` +
		*name + `/*"}`
	for _, statements := range []string{deny, deny + "," + allow} {
		policy := `{"Version":"2012-10-17","Statement":[` + statements + `]}`
		_, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: name, Policy: &policy})
		require.NoError(t, err)
		_, err = client.PutObject(t.Context(),
			&s3.PutObjectInput{Bucket: name, Key: aws.String("k"), Body: strings.NewReader("v")})
		require.NoError(t, err)
		object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: aws.String("k")})
		require.NoError(t, err)
		data, err := io.ReadAll(object.Body)
		require.NoError(t, err)
		assert.Equal(t, "v", string(data))
		got, err := client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: name})
		require.NoError(t, err)
		assert.JSONEq(t, policy, *got.Policy)
		puts := env.Proxy.Select(proxy.Filter{Operation: "PutBucketPolicy"})
		assert.JSONEq(t, policy, puts[len(puts)-1].Body, "the record has what was sent")
	}
	_, err := client.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: name})
	require.NoError(t, err)
	_, err = client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: name})
	assert.Equal(t, "NoSuchBucketPolicy", codeOf(err))
	missing := `{"Version":"2012-10-17","Statement":[` + deny + `]}`
	_, err = client.PutBucketPolicy(t.Context(),
		&s3.PutBucketPolicyInput{Bucket: aws.String("absent-" + env.Account), Policy: &missing})
	assert.Equal(t, "NoSuchBucket", codeOf(err))
}

func TestHooksSeeTheCallBeforeAndAfterItsEffect(t *testing.T) {
	env := testkit.Start(t)
	queues := sqs.NewFromConfig(env.Config)
	var seen []string
	require.NoError(t, env.Proxy.Inject(proxy.Fault{
		Filter: proxy.Filter{Operation: "CreateQueue"}, Action: proxy.None,
		OnCall:   func(c *proxy.Call) { seen = append(seen, "before "+c.Resource) },
		OnEffect: func(c *proxy.Call) { seen = append(seen, "after "+c.Resource) },
	}))
	_, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("hooked")})
	require.NoError(t, err)
	assert.Equal(t, []string{"before hooked", "after hooked"}, seen)
}

func TestLatencyOverlaps(t *testing.T) {
	env := testkit.Start(t, testkit.WithLatency(100*time.Millisecond))
	queues := sqs.NewFromConfig(env.Config)
	list := func() {
		_, err := queues.ListQueues(t.Context(), &sqs.ListQueuesInput{})
		assert.NoError(t, err)
	}
	began := time.Now()
	list()
	assert.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
	began = time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(list)
	}
	wg.Wait()
	assert.Less(t, time.Since(began), 20*100*time.Millisecond, "twenty requests do not wait one after the other")
}
