package awstest

import (
	"context"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	awsecs "github.com/company/deployer/internal/aws/ecs"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// fargate is an account with a default VPC, a cluster and a log group, behind the proxy with the scripted ECS.
type fargate struct {
	*harness
	env     *testkit.Env
	client  *ecs.Client
	subnets []string
	group   string // security group
	cluster string // ARN
}

// startFargate needs the test proxy: the emulator itself knows no rollouts.
func startFargate(t *testing.T) *fargate {
	t.Helper()
	env := testkit.Start(t)
	h := &harness{Plain: env.Config.Copy()}
	h.Plain.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.Backoff = 2, retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
				return time.Millisecond, nil
			})
		})
	}
	h.Config = h.Plain.Copy()
	h.Config.APIOptions = append(slices.Clone(h.Config.APIOptions), func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("awstest", h.handle), middleware.After)
	})
	f := &fargate{harness: h, env: env, client: ecs.NewFromConfig(h.Plain)}
	network := ec2.NewFromConfig(h.Plain)
	found, err := network.DescribeSubnets(t.Context(),
		&ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{
			{Name: aws.String("default-for-az"), Values: []string{"true"}},
		}})
	require.NoError(t, err)
	for _, s := range found.Subnets[:2] {
		f.subnets = append(f.subnets, *s.SubnetId)
	}
	group, err := network.CreateSecurityGroup(t.Context(),
		&ec2.CreateSecurityGroupInput{
			GroupName: aws.String("shop-api"), Description: aws.String("api"),
			VpcId: found.Subnets[0].VpcId,
		})
	require.NoError(t, err)
	f.group = *group.GroupId
	cluster, err := f.client.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("shop")})
	require.NoError(t, err)
	f.cluster = *cluster.Cluster.ClusterArn
	_, err = cloudwatchlogs.NewFromConfig(h.Plain).CreateLogGroup(t.Context(),
		&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/shop/api")})
	require.NoError(t, err)
	return f
}

func (f *fargate) behaviour(t *testing.T, typ string) resource.Behaviour {
	t.Helper()
	return behaviour(t, awsecs.Behaviours(f.Config), typ)
}

func (f *fargate) task(image string) model.TaskDefinition {
	return model.TaskDefinition{
		Family: "shop-api", CPU: 256, Memory: 512, Architecture: model.ARM64,
		ExecutionRoleArn: value.Lit("arn:aws:iam::123456789012:role/execution"),
		TaskRoleArn:      value.Lit("arn:aws:iam::123456789012:role/task"),
		Containers: []model.Container{{
			Name: "api", Image: value.Lit(image), Ports: []model.Port{{Name: "http", Port: 8080}},
			Environment: map[string]value.Of[string]{"LOG_LEVEL": value.Lit("info"), "A": value.Lit("")},
			Logs:        &model.Logs{Group: value.Lit("/shop/api"), Region: f.env.Region, StreamPrefix: "api"},
		}},
	}
}

func (f *fargate) register(t *testing.T, image string) string {
	t.Helper()
	def := f.task(image)
	out, err := f.client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("shop-api-service"), Cpu: aws.String("256"), Memory: aws.String("512"),
		NetworkMode:             types.NetworkModeAwsvpc,
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("api"), Image: &image, PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8080)}},
			LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": def.Containers[0].Logs.Group.Get(), "awslogs-region": f.env.Region,
				"awslogs-stream-prefix": "api",
			}},
		}},
	})
	require.NoError(t, err)
	return *out.TaskDefinition.TaskDefinitionArn
}

func (f *fargate) service(name, definition string) model.Service {
	return model.Service{
		Name: name, Cluster: value.Lit(f.cluster), TaskDefinition: value.Lit(definition), DesiredCount: pointer(2),
		Subnets: value.Lit(f.subnets), SecurityGroups: value.Lit([]string{f.group}), AssignPublicIP: value.Lit(true),
	}
}

func TestCluster(t *testing.T) {
	f := startFargate(t)
	definition := f.register(t, "registry/api:1")
	addService := func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
		out, err := f.client.CreateService(ctx, &ecs.CreateServiceInput{
			Cluster: &state.ID, ServiceName: aws.String("by-hand"), TaskDefinition: &definition,
			DesiredCount: aws.Int32(0), LaunchType: types.LaunchTypeFargate,
			NetworkConfiguration: &types.NetworkConfiguration{
				AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: f.subnets},
			},
		})
		require.NoError(t, err)
		return *out.Service.ServiceArn, func() {
			_, err := f.client.DeleteService(ctx,
				&ecs.DeleteServiceInput{Cluster: &state.ID, Service: aws.String("by-hand"), Force: aws.Bool(true)})
			require.NoError(t, err)
		}
	}
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: f.behaviour(t, model.ClusterType),
		Props:     model.Cluster{Name: "cluster-suite", Tags: map[string]string{"team": "a"}},
		Update: model.Cluster{
			Name: "cluster-suite", ContainerInsights: "enhanced",
			CapacityProviders: []string{model.Fargate}, Tags: map[string]string{"owner": "b"},
		},
		Replace: model.Cluster{Name: "cluster-suite-2"},
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			_, err := f.client.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("cluster-suite")})
			require.NoError(t, err)
			return func() {
				_, err := f.client.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: aws.String("cluster-suite")})
				require.NoError(t, err)
			}
		},
		Extend: addService, Obstruct: addService,
		LoseAnswer: f.LoseAnswer, Actions: f.Actions, Distinct: true,
		Unused: map[string]string{
			"ecs:DescribeTasks": "tasks that run in the cluster: TestClusterWithLooseTasks",
		},
	})
}

// Tasks of services are deleted with these. A task that somebody started by hand blocks the cluster.
func TestClusterWithLooseTasks(t *testing.T) {
	f := startFargate(t)
	definition := f.register(t, "registry/api:1")
	network := &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: f.subnets}}
	service, err := f.client.CreateService(t.Context(), &ecs.CreateServiceInput{
		Cluster: &f.cluster, ServiceName: aws.String("api"), TaskDefinition: &definition, DesiredCount: aws.Int32(1),
		LaunchType: types.LaunchTypeFargate, NetworkConfiguration: network,
	})
	require.NoError(t, err)
	cluster := f.behaviour(t, model.ClusterType).(resource.Obstructed)
	req := request(model.ClusterType)
	req.ID = f.cluster
	found, err := cluster.Obstacles(t.Context(), req, resource.Neighbours{Ours: []string{*service.Service.ServiceArn}})
	require.NoError(t, err)
	require.Empty(t, found)
	run, err := f.client.RunTask(t.Context(), &ecs.RunTaskInput{
		Cluster: &f.cluster, TaskDefinition: &definition,
		LaunchType: types.LaunchTypeFargate, NetworkConfiguration: network,
	})
	require.NoError(t, err)
	found, err = cluster.Obstacles(t.Context(), req, resource.Neighbours{Ours: []string{*service.Service.ServiceArn}})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Contains(t, found[0].What, path.Base(*run.Tasks[0].TaskArn))
}

func TestTaskDefinition(t *testing.T) {
	f := startFargate(t)
	changed := f.task("registry/api:2")
	changed.EphemeralStorage, changed.Tags = 40, map[string]string{"owner": "b"}
	changed.Containers[0].ReadonlyRootFilesystem, changed.Containers[0].InitProcessEnabled = true, true
	changed.Containers[0].Secrets = map[string]value.Of[string]{
		"PASSWORD": value.Lit("arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf:password::"),
	}
	changed.Containers[0].HealthCheck = &model.HealthCheck{Command: []string{"CMD-SHELL", "true"}, StartPeriod: 10}
	changed.Containers[0].DependsOn = []model.ContainerDependency{{Container: "proxy", Condition: "START"}}
	changed.Containers = append(changed.Containers,
		model.Container{
			Name: "proxy", Image: value.Lit("registry/proxy:1"), Essential: pointer(false), Memory: 64,
			Command: []string{"run"},
		})
	tagged, other := f.task("registry/api:1"), f.task("registry/api:1")
	tagged.Tags = map[string]string{"team": "a"}
	other.Family = "shop-other"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: f.behaviour(t, model.TaskDefinitionType),
		Props:     tagged, Update: changed, Replace: other,
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			out, err := f.client.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
				Family: aws.String("shop-api"),
				ContainerDefinitions: []types.ContainerDefinition{
					{Name: aws.String("x"), Image: aws.String("x"), Memory: aws.Int32(64)},
				},
			})
			require.NoError(t, err)
			return func() {
				_, err := f.client.DeregisterTaskDefinition(ctx,
					&ecs.DeregisterTaskDefinitionInput{TaskDefinition: out.TaskDefinition.TaskDefinitionArn})
				require.NoError(t, err)
			}
		},
		LoseAnswer: f.LoseAnswer, Actions: f.Actions, Distinct: true,
	})
}

func TestService(t *testing.T) {
	f := startFargate(t)
	one, two := f.register(t, "registry/api:1"), f.register(t, "registry/api:2")
	tagged, changed := f.service("api", one), f.service("api", two)
	tagged.Tags = map[string]string{"team": "a"}
	changed.DesiredCount, changed.Tags = pointer(3), map[string]string{"owner": "b"}
	changed.Deployment = model.Deployment{MinHealthyPercent: pointer(50), MaxPercent: pointer(150), Timeout: 600}
	changed.CapacityProviders = []model.CapacityProvider{{Name: model.FargateSpot, Weight: 1}}
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: f.behaviour(t, model.ServiceType),
		Props:     tagged, Update: changed, Replace: f.service("api-2", one),
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			_, err := f.client.CreateService(ctx, &ecs.CreateServiceInput{
				Cluster: &f.cluster, ServiceName: aws.String("api"), TaskDefinition: &one,
				DesiredCount: aws.Int32(1), LaunchType: types.LaunchTypeFargate,
				NetworkConfiguration: &types.NetworkConfiguration{
					AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: f.subnets},
				},
			})
			require.NoError(t, err)
			return func() {
				_, err := f.client.DeleteService(ctx,
					&ecs.DeleteServiceInput{Cluster: &f.cluster, Service: aws.String("api"), Force: aws.Bool(true)})
				require.NoError(t, err)
			}
		},
		LoseAnswer: f.LoseAnswer, Actions: f.Actions, Distinct: true,
		Unused: map[string]string{
			"ecs:DescribeTaskDefinition": "the words of a failed rollout",
			"ecs:ListServiceDeployments": "a rollout that AWS took back",
			"ecs:DeregisterTaskDefinition": "more than ten revisions: " +
				"TestOldRevisionsGoAfterARolloutThatSucceeds",
			"elasticloadbalancing:DescribeTargetHealth": "the reason why targets are not healthy",
			"logs:GetLogEvents":                         "the last words of a container that died",
		},
	})
}

// revisions returns the ARNs of a family's active revisions, the oldest first (the emulator does not sort).
func (f *fargate) revisions(t *testing.T, family string) []string {
	t.Helper()
	out, err := f.client.ListTaskDefinitions(t.Context(),
		&ecs.ListTaskDefinitionsInput{FamilyPrefix: &family, Status: types.TaskDefinitionStatusActive})
	require.NoError(t, err)
	return out.TaskDefinitionArns
}

func TestTaskDefinitionRevisions(t *testing.T) {
	f := startFargate(t)
	b := f.behaviour(t, model.TaskDefinitionType)
	req := request(model.TaskDefinitionType)
	req.Tags = resourcetest.Tags("api")
	do := b.Create
	for n := range 13 {
		def := f.task("registry/api:" + string(rune('a'+n)))
		inputs, problems := b.Check(value.Encode(def))
		require.Empty(t, problems)
		req.Inputs = inputs
		if n < 2 {
			f.LoseAnswer(t) // neither a create nor an update registers a second revision
		}
		state, err := do(t.Context(), req)
		require.NoError(t, err)
		require.EqualValues(t, n+1, state.Outputs.Get("revision").Number())
		req.ID, req.Old, do = state.ID, state, b.Update
	}
	kept := f.revisions(t, "shop-api")
	require.Len(t, kept, 13, "any of them may be the one that runs")
	require.Equal(t, req.Old.Outputs.Get("arn").Str(), kept[12])

	// A run died after it had deregistered the first revision: the others must not be forgotten.
	_, err := f.client.DeregisterTaskDefinition(t.Context(),
		&ecs.DeregisterTaskDefinitionInput{TaskDefinition: &kept[12]})
	require.NoError(t, err)
	req.Inputs = value.NullValue
	state, found, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, kept[11], state.Outputs.Get("arn").Str())
	require.NoError(t, b.Delete(t.Context(), req))
	require.Empty(t, f.revisions(t, "shop-api"))
	_, found, err = b.Read(t.Context(), req)
	require.NoError(t, err)
	require.False(t, found)
}

func TestTagsAreNoReasonForARevision(t *testing.T) {
	f := startFargate(t)
	b := f.behaviour(t, model.TaskDefinitionType)
	req := request(model.TaskDefinitionType)
	req.Tags = resourcetest.Tags("api")
	def := f.task("registry/api:1")
	def.Tags = map[string]string{"team": "a"}
	var problems []value.Problem
	req.Inputs, problems = b.Check(value.Encode(def))
	require.Empty(t, problems)
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)

	def.Tags = map[string]string{"owner": "b"}
	req.Inputs, _ = b.Check(value.Encode(def))
	req.ID, req.Old = state.ID, state
	updated, err := b.Update(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, state.Outputs, updated.Outputs)
	require.Len(t, f.revisions(t, "shop-api"), 1)
	read, _, err := b.Read(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"owner": "b"}, read.Inputs.Get("tags").Interface())
}
