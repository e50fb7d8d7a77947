package testkit_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/ecsfake"
)

func TestHealthyRolloutTakesThreeDescribes(t *testing.T) {
	f := newFargate(t)
	v1 := f.register("acme/api:1.0")
	created := f.create(v1, 2)
	assert.Equal(t, "ACTIVE", *created.Status)
	assert.Equal(t, types.DeploymentRolloutStateInProgress, created.Deployments[0].RolloutState)
	assert.EqualValues(t, 200, *created.DeploymentConfiguration.MaximumPercent)
	assert.True(t, created.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback)
	require.NotNil(t, created.CurrentServiceDeployment)

	var counts [][2]int32
	for range 3 {
		s := f.describe()
		counts = append(counts, [2]int32{s.PendingCount, s.RunningCount})
	}
	assert.Equal(t, [][2]int32{{2, 0}, {0, 2}, {0, 2}}, counts)
	first := f.describe()
	assert.Equal(t, types.DeploymentRolloutStateCompleted, first.Deployments[0].RolloutState)
	assert.Equal(t, *created.Deployments[0].Id, *first.Deployments[0].Id)
	assert.Equal(t, "api", *first.Tags[0].Value)
	assert.Contains(t, *first.Events[0].Message, "(service api) has reached a steady state.")

	v2 := f.register("acme/api:1.1")
	updated := f.update(v2)
	assert.Equal(t, v2, *updated.TaskDefinition)
	require.Len(t, updated.Deployments, 2)
	assert.Equal(t, []string{"PRIMARY", "ACTIVE"},
		[]string{*updated.Deployments[0].Status, *updated.Deployments[1].Status})
	second, steps := f.untilDecided()
	assert.Equal(t, 3, steps)
	require.Len(t, second.Deployments, 1)
	assert.Equal(t, v2, *second.Deployments[0].TaskDefinition)
	assert.EqualValues(t, 2, second.RunningCount)

	running, err := f.client.ListTasks(t.Context(),
		&ecs.ListTasksInput{Cluster: aws.String("shop"), ServiceName: aws.String("api")})
	require.NoError(t, err)
	out, err := f.client.DescribeTasks(t.Context(),
		&ecs.DescribeTasksInput{Cluster: aws.String("shop"), Tasks: running.TaskArns})
	require.NoError(t, err)
	require.Len(t, out.Tasks, 2)
	assert.Equal(t, *second.Deployments[0].Id, *out.Tasks[0].StartedBy)
	assert.Equal(t, v2, *out.Tasks[0].TaskDefinitionArn)
	assert.Equal(t, "RUNNING", *out.Tasks[0].LastStatus)
	assert.Contains(t, *out.Tasks[0].Containers[0].ImageDigest, "sha256:")

	scaled, err := f.client.UpdateService(t.Context(),
		&ecs.UpdateServiceInput{Cluster: aws.String("shop"), Service: aws.String("api"), DesiredCount: aws.Int32(3)})
	require.NoError(t, err)
	assert.Equal(t, *second.Deployments[0].Id, *scaled.Service.Deployments[0].Id, "scaling is no deployment")
	assert.EqualValues(t, 1, f.describe().PendingCount)
	assert.EqualValues(t, 3, f.describe().RunningCount)
}

func TestCrashTripsTheBreakerAndRollsBack(t *testing.T) {
	f := newFargate(t)
	v1 := f.register("acme/api:1.0")
	f.create(v1, 1)
	f.untilDecided()
	v2 := f.register("acme/api:2.0-crash")
	broken := *f.update(v2).Deployments[0].Id

	var failed []int32
	for range 4 {
		for _, d := range f.describe().Deployments {
			if *d.Id == broken {
				failed = append(failed, d.FailedTasks)
			}
		}
	}
	assert.Equal(t, []int32{0, 1, 2, 3}, failed)
	final, _ := f.untilDecided()
	require.Len(t, final.Deployments, 1)
	assert.Equal(t, v1, *final.Deployments[0].TaskDefinition, "rolled back")
	assert.NotEqual(t, broken, *final.Deployments[0].Id)
	assert.Equal(t, v1, *final.TaskDefinition)
	text := messages(final)
	assert.Contains(t, text, "(deployment "+broken+") deployment failed: tasks failed to start.")
	assert.Contains(t, text, "rolling back to deployment ecs-svc/")

	list, err := f.client.ListServiceDeployments(t.Context(),
		&ecs.ListServiceDeploymentsInput{Cluster: aws.String("shop"), Service: aws.String("api")})
	require.NoError(t, err)
	require.Len(t, list.ServiceDeployments, 2)
	assert.Equal(t, types.ServiceDeploymentStatusRollbackSuccessful, list.ServiceDeployments[0].Status)
	assert.Equal(t, types.ServiceDeploymentStatusSuccessful, list.ServiceDeployments[1].Status)
	full, err := f.client.DescribeServiceDeployments(t.Context(),
		&ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{
			*list.ServiceDeployments[0].ServiceDeploymentArn,
		}})
	require.NoError(t, err)
	assert.Equal(t, types.ServiceDeploymentRollbackMonitorsStatusTriggered,
		full.ServiceDeployments[0].DeploymentCircuitBreaker.Status)
	assert.NotNil(t, full.ServiceDeployments[0].Rollback)
	revisions, err := f.client.DescribeServiceRevisions(t.Context(),
		&ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{
			*full.ServiceDeployments[0].TargetServiceRevision.Arn,
		}})
	require.NoError(t, err)
	assert.Equal(t, v2, *revisions.ServiceRevisions[0].TaskDefinition)

	var crashed *types.Task
	for _, task := range f.stoppedTasks() {
		if *task.StartedBy == broken {
			crashed = &task
		}
	}
	require.NotNil(t, crashed)
	assert.Equal(t, "Essential container in task exited", *crashed.StoppedReason)
	assert.Equal(t, types.TaskStopCodeEssentialContainerExited, crashed.StopCode)
	assert.EqualValues(t, 1, *crashed.Containers[0].ExitCode)

	id := (*crashed.TaskArn)[strings.LastIndex(*crashed.TaskArn, "/")+1:]
	logs, err := cloudwatchlogs.NewFromConfig(f.Config).GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String("/shop/api"), LogStreamName: aws.String("api/api/" + id),
		StartFromHead: aws.Bool(true),
	})
	require.NoError(t, err)
	require.NotEmpty(t, logs.Events)
	assert.Equal(t, "starting acme/api:2.0-crash", *logs.Events[0].Message)
	assert.Equal(t, "exiting with code 1", *logs.Events[len(logs.Events)-1].Message)
}

func TestFirstDeploymentHasNothingToRollBackTo(t *testing.T) {
	f := newFargate(t)
	f.create(f.register("acme/api:crash"), 1)
	s, _ := f.untilDecided()
	assert.Equal(t, types.DeploymentRolloutStateFailed, s.Deployments[0].RolloutState)
	assert.Equal(t, "ECS deployment circuit breaker: tasks failed to start.", *s.Deployments[0].RolloutStateReason)
	assert.EqualValues(t, 3, s.Deployments[0].FailedTasks)
	assert.Zero(t, s.RunningCount)
}

func TestStopServiceDeploymentRollsBack(t *testing.T) {
	f := newFargate(t)
	v1 := f.register("acme/api:1.0")
	f.create(v1, 1)
	f.untilDecided()
	updated := f.update(f.register("acme/api:slow"))
	for range 5 {
		require.Equal(t, types.DeploymentRolloutStateInProgress, f.describe().Deployments[0].RolloutState)
	}
	_, err := f.client.StopServiceDeployment(t.Context(), &ecs.StopServiceDeploymentInput{
		ServiceDeploymentArn: updated.CurrentServiceDeployment, StopType: types.StopServiceDeploymentStopTypeRollback,
	})
	require.NoError(t, err)
	s, _ := f.untilDecided()
	assert.Equal(t, v1, *s.Deployments[0].TaskDefinition)
	_, err = f.client.StopServiceDeployment(t.Context(),
		&ecs.StopServiceDeploymentInput{ServiceDeploymentArn: updated.CurrentServiceDeployment})
	assert.Equal(t, "ConflictException", codeOf(err))
}

func TestEveryFailureHasItsCause(t *testing.T) {
	cases := map[string]struct {
		image  string
		change func(*ecs.RegisterTaskDefinitionInput)
		rule   *ecsfake.Rule
		reason string
		code   types.TaskStopCode
		exit   int32 // -1: no exit code
	}{
		"pull": {
			image: "acme/api:missing-image", reason: "CannotPullContainerError: pull image manifest",
			code: types.TaskStopCodeTaskFailedToStart, exit: -1,
		},
		"unhealthy": {
			image: "acme/api:unhealthy", reason: "Task failed container health checks",
			code: types.TaskStopCodeServiceSchedulerInitiated, exit: 137,
		},
		"memory": {
			image: "acme/api:oom", reason: "Essential container in task exited",
			code: types.TaskStopCodeEssentialContainerExited, exit: 137,
		},
		"exit zero": {
			image: "acme/api:exit0", reason: "Essential container in task exited",
			code: types.TaskStopCodeEssentialContainerExited,
		},
		"rule": {
			image: "acme/api:7", rule: &ecsfake.Rule{
				Image: "acme/*:7", Behaviour: ecsfake.Crash,
				ExitCode: 42,
			}, reason: "Essential container in task exited",
			code: types.TaskStopCodeEssentialContainerExited, exit: 42,
		},
		"secret rule": {
			image:  "acme/api:missing-secret",
			reason: "ResourceInitializationError: unable to pull secrets or registry auth",
			code:   types.TaskStopCodeTaskFailedToStart, exit: -1,
		},
		"secret": {
			image: "acme/api:1", change: func(in *ecs.RegisterTaskDefinitionInput) {
				in.ContainerDefinitions[0].Secrets = []types.Secret{
					{
						Name:      aws.String("KEY"),
						ValueFrom: aws.String("arn:aws:secretsmanager:eu-west-1:123456789012:secret:absent-AbCdEf"),
					},
				}
			}, reason: "secret:absent-AbCdEf from secrets manager: ResourceNotFoundException",
			code: types.TaskStopCodeTaskFailedToStart, exit: -1,
		},
		"log group": {image: "acme/api:1", change: func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions[0].LogConfiguration.Options["awslogs-group"] = "/absent"
		}, reason: "The specified log group does not exist", code: types.TaskStopCodeTaskFailedToStart, exit: -1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFargate(t)
			if c.rule != nil {
				require.NoError(t, f.ECS.AddRules(*c.rule))
			}
			if c.change == nil {
				c.change = func(*ecs.RegisterTaskDefinitionInput) {}
			}
			f.create(f.register(c.image, c.change), 1)
			s, _ := f.untilDecided()
			assert.Equal(t, types.DeploymentRolloutStateFailed, s.Deployments[0].RolloutState)
			task := f.stoppedTasks()[0]
			assert.Contains(t, *task.StoppedReason, c.reason)
			assert.Equal(t, c.code, task.StopCode)
			if c.exit < 0 {
				assert.Nil(t, task.Containers[0].ExitCode)
			} else {
				assert.Equal(t, c.exit, *task.Containers[0].ExitCode)
			}
		})
	}
}

func TestFlakyTasksRecover(t *testing.T) {
	f := newFargate(t)
	require.NoError(t, f.ECS.AddRules(ecsfake.Rule{Image: "acme/api:*", Behaviour: ecsfake.Crash, Times: 2}))
	f.create(f.register("acme/api:1"), 1)
	s, _ := f.untilDecided()
	assert.Equal(t, types.DeploymentRolloutStateCompleted, s.Deployments[0].RolloutState)
	assert.EqualValues(t, 2, s.Deployments[0].FailedTasks)
}

func TestTargetsFollowTasks(t *testing.T) {
	f := newFargate(t)
	balancers := elb.NewFromConfig(f.Config)
	group, err := balancers.CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{
		Name: aws.String("api"), Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(8080), VpcId: &f.vpc,
		TargetType: elbtypes.TargetTypeEnumIp,
	})
	require.NoError(t, err)
	groupARN := group.TargetGroups[0].TargetGroupArn
	in := f.input(f.register("acme/api:1.0"), 2)
	in.LoadBalancers = []types.LoadBalancer{
		{TargetGroupArn: groupARN, ContainerName: aws.String("api"), ContainerPort: aws.Int32(8080)},
	}
	in.HealthCheckGracePeriodSeconds = aws.Int32(30)
	_, err = f.client.CreateService(t.Context(), in)
	assert.Equal(t, "InvalidParameterException", codeOf(err))
	assert.ErrorContains(t, err, "does not have an associated load balancer")

	balancer, err := balancers.CreateLoadBalancer(t.Context(),
		&elb.CreateLoadBalancerInput{Name: aws.String("shop"), Subnets: f.subnets})
	require.NoError(t, err)
	_, err = balancers.CreateListener(t.Context(), &elb.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancers[0].LoadBalancerArn, Protocol: elbtypes.ProtocolEnumHttp,
		Port:           aws.Int32(80),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: groupARN}},
	})
	require.NoError(t, err)
	_, err = f.client.CreateService(t.Context(), in)
	require.NoError(t, err)

	var states [][]string
	for range 3 {
		f.describe()
		health, err := balancers.DescribeTargetHealth(t.Context(),
			&elb.DescribeTargetHealthInput{TargetGroupArn: groupARN})
		require.NoError(t, err)
		step := []string{}
		for _, d := range health.TargetHealthDescriptions {
			assert.EqualValues(t, 8080, *d.Target.Port)
			step = append(step, string(d.TargetHealth.State))
		}
		states = append(states, step)
	}
	assert.Equal(t, [][]string{{}, {"initial", "initial"}, {"healthy", "healthy"}}, states)

	f.update(f.register("acme/api:unhealthy"))
	f.describe()
	s := f.describe()
	assert.EqualValues(t, 4, s.RunningCount)
	health, err := balancers.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: groupARN})
	require.NoError(t, err)
	assert.Equal(t, elbtypes.TargetHealthStateEnumUnhealthy, health.TargetHealthDescriptions[3].TargetHealth.State)
	s = f.describe()
	assert.Contains(t, messages(s), "is unhealthy in (target-group "+*groupARN+")")
}

func TestServiceRefusals(t *testing.T) {
	f := newFargate(t)
	v1 := f.register("acme/api:1.0")
	refuse := func(code, text string, change func(*ecs.CreateServiceInput)) {
		t.Helper()
		in := f.input(v1, 1)
		change(in)
		_, err := f.client.CreateService(t.Context(), in)
		assert.Equal(t, code, codeOf(err))
		assert.ErrorContains(t, err, text)
	}
	refuse("ClusterNotFoundException", "Cluster not found.", func(in *ecs.CreateServiceInput) {
		in.Cluster = aws.String("absent")
	})
	refuse("InvalidParameterException", "Network Configuration must be provided",
		func(in *ecs.CreateServiceInput) { in.NetworkConfiguration = nil })
	refuse("ClientException", "TaskDefinition not found.", func(in *ecs.CreateServiceInput) {
		in.TaskDefinition = aws.String("absent:1")
	})
	refuse("InvalidParameterException", "subnet-absent", func(in *ecs.CreateServiceInput) {
		in.NetworkConfiguration.AwsvpcConfiguration.Subnets = []string{"subnet-absent"}
		in.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups = []string{"sg-1"}
	})
	service := f.create(v1, 1)
	refuse("InvalidParameterException", "Creation of service was not idempotent.", func(*ecs.CreateServiceInput) {})

	missing, err := f.client.DescribeServices(t.Context(),
		&ecs.DescribeServicesInput{Cluster: aws.String("shop"), Services: []string{"absent"}})
	require.NoError(t, err)
	assert.Equal(t, "MISSING", *missing.Failures[0].Reason)
	_, err = f.client.DeleteService(t.Context(),
		&ecs.DeleteServiceInput{Cluster: aws.String("shop"), Service: aws.String("absent")})
	assert.Equal(t, "ServiceNotFoundException", codeOf(err))
	_, err = f.client.DeleteService(t.Context(),
		&ecs.DeleteServiceInput{Cluster: aws.String("shop"), Service: service.ServiceArn})
	assert.ErrorContains(t, err, "cannot be stopped while it is scaled above 0")
	_, err = f.client.DeleteCluster(t.Context(), &ecs.DeleteClusterInput{Cluster: aws.String("shop")})
	assert.Equal(t, "ClusterContainsServicesException", codeOf(err))

	f.untilDecided()
	clusters, err := f.client.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"shop"}})
	require.NoError(t, err)
	assert.EqualValues(t, 1, clusters.Clusters[0].ActiveServicesCount)
	assert.EqualValues(t, 1, clusters.Clusters[0].RunningTasksCount)

	deleted, err := f.client.DeleteService(t.Context(),
		&ecs.DeleteServiceInput{Cluster: aws.String("shop"), Service: aws.String("api"), Force: aws.Bool(true)})
	require.NoError(t, err)
	assert.Equal(t, "DRAINING", *deleted.Service.Status)
	refuse("InvalidParameterException", "Unable to Start a service that is still Draining.",
		func(*ecs.CreateServiceInput) {})
	assert.Equal(t, "INACTIVE", *f.describe().Status)
	f.create(v1, 0)
	s, steps := f.untilDecided()
	assert.Equal(t, 1, steps, "nothing to start")
	assert.Equal(t, types.DeploymentRolloutStateCompleted, s.Deployments[0].RolloutState)
	_, err = f.client.DeleteService(t.Context(),
		&ecs.DeleteServiceInput{Cluster: aws.String("shop"), Service: aws.String("api")})
	require.NoError(t, err)
	f.describe()
	_, err = f.client.DeleteCluster(t.Context(), &ecs.DeleteClusterInput{Cluster: aws.String("shop")})
	require.NoError(t, err)
}

func TestEmulatorKeepsDefinitionsAndKnowsServices(t *testing.T) {
	f := newFargate(t)
	v1 := f.register("acme/api:1.0")
	described, err := f.client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &v1, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	require.NoError(t, err)
	def := described.TaskDefinition
	assert.Equal(t, types.CPUArchitectureArm64, def.RuntimePlatform.CpuArchitecture)
	assert.Equal(t, "/shop/api", def.ContainerDefinitions[0].LogConfiguration.Options["awslogs-group"])
	assert.Equal(t, "shop", *described.Tags[0].Value)
	assert.EqualValues(t, 1, def.Revision)

	again, err := f.client.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("shop")})
	require.NoError(t, err)
	assert.Equal(t, "ACTIVE", *again.Cluster.Status)

	service := f.create(v1, 1)
	_, err = applicationautoscaling.NewFromConfig(f.Config).RegisterScalableTarget(t.Context(),
		&applicationautoscaling.RegisterScalableTargetInput{
			ServiceNamespace: scalingtypes.ServiceNamespaceEcs, ResourceId: aws.String("service/shop/api"),
			ScalableDimension: scalingtypes.ScalableDimensionECSServiceDesiredCount, MinCapacity: aws.Int32(1),
			MaxCapacity: aws.Int32(3),
		})
	require.NoError(t, err)

	_, err = f.client.TagResource(t.Context(),
		&ecs.TagResourceInput{
			ResourceArn: service.ServiceArn,
			Tags:        []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}},
		})
	require.NoError(t, err)
	_, err = f.client.UntagResource(t.Context(),
		&ecs.UntagResourceInput{ResourceArn: service.ServiceArn, TagKeys: []string{"deployer:component"}})
	require.NoError(t, err)
	tags, err := f.client.ListTagsForResource(t.Context(),
		&ecs.ListTagsForResourceInput{ResourceArn: service.ServiceArn})
	require.NoError(t, err)
	require.Len(t, tags.Tags, 1)
	assert.Equal(t, "a", *tags.Tags[0].Key)

	_, err = f.client.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &v1})
	require.NoError(t, err)
	_, err = f.client.UpdateService(t.Context(),
		&ecs.UpdateServiceInput{Cluster: aws.String("shop"), Service: aws.String("api"), TaskDefinition: &v1})
	assert.ErrorContains(t, err, "TaskDefinition is inactive")
}

func TestRunTaskEndsWithItsExitCode(t *testing.T) {
	f := newFargate(t)
	require.NoError(t,
		f.ECS.AddRules(ecsfake.Rule{Image: "acme/api:*", Command: "migrate*", Behaviour: ecsfake.Crash, ExitCode: 3}))
	definition := f.register("acme/api:1.0")
	for command, want := range map[string]int32{"serve": 0, "migrate": 3} {
		run, err := f.client.RunTask(t.Context(), &ecs.RunTaskInput{
			Cluster: aws.String("shop"), TaskDefinition: &definition, LaunchType: types.LaunchTypeFargate,
			NetworkConfiguration: f.network(),
			Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{
				{Name: aws.String("api"), Command: []string{command, "up"}},
			}},
		})
		require.NoError(t, err)
		var seen []string
		var task types.Task
		for range 3 {
			out, err := f.client.DescribeTasks(t.Context(),
				&ecs.DescribeTasksInput{Cluster: aws.String("shop"), Tasks: []string{*run.Tasks[0].TaskArn}})
			require.NoError(t, err)
			task = out.Tasks[0]
			seen = append(seen, *task.LastStatus)
		}
		assert.Equal(t, []string{"RUNNING", "STOPPED", "STOPPED"}, seen)
		assert.Equal(t, want, *task.Containers[0].ExitCode, command)
	}
}
