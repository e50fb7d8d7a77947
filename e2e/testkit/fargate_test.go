package testkit_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

// fargate is a cluster with the subnets of a default VPC and a log group.
type fargate struct {
	*testkit.Env
	t       *testing.T
	client  *ecs.Client
	subnets []string
	vpc     string
}

func newFargate(t *testing.T) *fargate {
	t.Helper()
	env := testkit.Start(t)
	f := &fargate{Env: env, t: t, client: ecs.NewFromConfig(env.Config)}
	found, err := ec2.NewFromConfig(env.Config).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{
		Filters: []ec2types.Filter{{Name: aws.String("default-for-az"), Values: []string{"true"}}},
	})
	require.NoError(t, err)
	for _, s := range found.Subnets[:2] {
		f.subnets, f.vpc = append(f.subnets, *s.SubnetId), *s.VpcId
	}
	_, err = f.client.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("shop")})
	require.NoError(t, err)
	_, err = cloudwatchlogs.NewFromConfig(env.Config).CreateLogGroup(t.Context(),
		&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/shop/api")})
	require.NoError(t, err)
	return f
}

// register registers the api task definition with an image and returns its ARN.
func (f *fargate) register(image string, change ...func(*ecs.RegisterTaskDefinitionInput)) string {
	f.t.Helper()
	in := &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("api"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"),
		Memory:                  aws.String("512"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		Tags:                    []types.Tag{{Key: aws.String("deployer:stack"), Value: aws.String("shop")}},
		RuntimePlatform: &types.RuntimePlatform{
			CpuArchitecture:       types.CPUArchitectureArm64,
			OperatingSystemFamily: types.OSFamilyLinux,
		},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("api"), Image: &image, Essential: aws.Bool(true),
			PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8080)}},
			LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/shop/api", "awslogs-region": f.Region, "awslogs-stream-prefix": "api",
			}},
		}},
	}
	for _, c := range change {
		c(in)
	}
	out, err := f.client.RegisterTaskDefinition(f.t.Context(), in)
	require.NoError(f.t, err)
	return *out.TaskDefinition.TaskDefinitionArn
}

func (f *fargate) network() *types.NetworkConfiguration {
	return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: f.subnets}}
}

func (f *fargate) input(definition string, desired int32) *ecs.CreateServiceInput {
	return &ecs.CreateServiceInput{
		Cluster: aws.String("shop"), ServiceName: aws.String("api"), TaskDefinition: &definition,
		DesiredCount: &desired,
		LaunchType:   types.LaunchTypeFargate, NetworkConfiguration: f.network(),
		DeploymentConfiguration: &types.DeploymentConfiguration{
			DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: true},
		},
		Tags: []types.Tag{{Key: aws.String("deployer:component"), Value: aws.String("api")}},
	}
}

func (f *fargate) create(definition string, desired int32) *types.Service {
	f.t.Helper()
	out, err := f.client.CreateService(f.t.Context(), f.input(definition, desired))
	require.NoError(f.t, err)
	return out.Service
}

func (f *fargate) update(definition string) *types.Service {
	f.t.Helper()
	out, err := f.client.UpdateService(f.t.Context(), &ecs.UpdateServiceInput{
		Cluster: aws.String("shop"), Service: aws.String("api"), TaskDefinition: &definition,
	})
	require.NoError(f.t, err)
	return out.Service
}

// describe advances the service by one step.
func (f *fargate) describe() types.Service {
	f.t.Helper()
	out, err := f.client.DescribeServices(f.t.Context(), &ecs.DescribeServicesInput{
		Cluster: aws.String("shop"), Services: []string{"api"}, Include: []types.ServiceField{types.ServiceFieldTags},
	})
	require.NoError(f.t, err)
	require.Len(f.t, out.Services, 1)
	return out.Services[0]
}

// untilDecided describes until the PRIMARY deployment has succeeded or failed.
func (f *fargate) untilDecided() (s types.Service, steps int) {
	f.t.Helper()
	for steps = 1; steps < 30; steps++ {
		if s = f.describe(); s.Deployments[0].RolloutState != types.DeploymentRolloutStateInProgress {
			return s, steps
		}
	}
	f.t.Fatal("the rollout is not decided after 30 describes")
	return s, steps
}

func (f *fargate) stoppedTasks() []types.Task {
	f.t.Helper()
	list, err := f.client.ListTasks(f.t.Context(), &ecs.ListTasksInput{
		Cluster: aws.String("shop"), ServiceName: aws.String("api"), DesiredStatus: types.DesiredStatusStopped,
	})
	require.NoError(f.t, err)
	require.NotEmpty(f.t, list.TaskArns)
	out, err := f.client.DescribeTasks(f.t.Context(),
		&ecs.DescribeTasksInput{Cluster: aws.String("shop"), Tasks: list.TaskArns})
	require.NoError(f.t, err)
	return out.Tasks
}

func messages(s types.Service) string {
	var lines []string
	for _, e := range s.Events {
		lines = append(lines, *e.Message)
	}
	return strings.Join(lines, "\n")
}
