package awstest

import (
	"bytes"
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/proxy"
	awslogs "github.com/company/deployer/internal/aws/logs"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/logs"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func TestLogGroup(t *testing.T) {
	h := start(t)
	client := cloudwatchlogs.NewFromConfig(h.Plain)
	const name = "/deployer/suite/test/api"
	for _, neighbour := range []string{name + "-v2", name + "/sidecar"} { // the same prefix
		_, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &neighbour})
		require.NoError(t, err)
	}
	drop := func(ctx context.Context, t *testing.T, name string) {
		_, err := client.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &name})
		require.NoError(t, err)
	}
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awslogs.Behaviours(h.Config), model.LogGroupType),
		Props:     model.LogGroup{Name: name, RetentionDays: 30, Tags: map[string]string{"team": "payments"}},
		Update:    model.LogGroup{Name: name, Tags: map[string]string{"cost": "7"}},
		Replace:   model.LogGroup{Name: name + "-other", RetentionDays: 7},
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			taken := name
			_, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &taken})
			require.NoError(t, err)
			return func() { drop(ctx, t, name) }
		},
		Gone: func(ctx context.Context, t *testing.T, state resource.State) { drop(ctx, t, state.ID) },
		Obstruct: func(_ context.Context, _ *testing.T, state resource.State) (string, func()) {
			h.Env.Proxy.Handle("logs", "DescribeLogGroups", protectedGroup(state.ID))
			return "", func() { h.Env.Proxy.Handle("logs", "DescribeLogGroups", nil) }
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions, Distinct: true,
	})
}

// protectedGroup describes a log group with a deletion protection, which the emulator does not have.
func protectedGroup(name string) proxy.Handler {
	return func(c *proxy.Call) *proxy.Response {
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		was, is := []byte(`"logGroupName": "`+name+`",`), []byte(`"logGroupName": "`+name+
			`", "deletionProtectionEnabled": true,`)
		answer.Body = bytes.Replace(bytes.ReplaceAll(answer.Body, []byte(`":"`), []byte(`": "`)), was, is, 1)
		answer.Header.Del("Content-Length")
		return answer
	}
}

func TestLogGroupCheck(t *testing.T) {
	b := behaviour(t, awslogs.Behaviours(start(t).Config), model.LogGroupType)
	for name, wrong := range map[string]model.LogGroup{
		"name":      {Name: "a b"},
		"retention": {Name: "a", RetentionDays: 31},
	} {
		_, problems := b.Check(value.Encode(wrong))
		require.Len(t, problems, 1, name)
	}
}
