package awstest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/ecsfake"
	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// serviceRun uses one service as the engine does: it keeps the state that each operation returns.
type serviceRun struct {
	*fargate
	t     *testing.T
	b     resource.Behaviour
	state resource.State
	lines []string
}

func newServiceRun(t *testing.T) *serviceRun {
	f := startFargate(t)
	return &serviceRun{fargate: f, t: t, b: f.behaviour(t, model.ServiceType)}
}

func (s *serviceRun) apply(ctx context.Context, props model.Service) error {
	s.t.Helper()
	inputs, problems := s.b.Check(value.Encode(props))
	require.Empty(s.t, problems)
	s.lines = nil
	req := request(model.ServiceType)
	req.Inputs, req.Tags, req.ID, req.Old = inputs, resourcetest.Tags("api"), s.state.ID, s.state
	req.Progress = func(line string) { s.lines = append(s.lines, line) }
	do := s.b.Update
	if s.state.ID == "" {
		do = s.b.Create
	}
	state, err := do(ctx, req)
	var partial *resource.PartialError
	if errors.As(err, &partial) {
		state = partial.State
	}
	if state.ID != "" {
		s.state = state
	}
	return err
}

func (s *serviceRun) failed(err error) *diag.Diagnostic {
	s.t.Helper()
	var partial *resource.PartialError
	require.ErrorAs(s.t, err, &partial)
	var d *diag.Diagnostic
	require.ErrorAs(s.t, err, &d)
	require.Equal(s.t, diag.Failed, d.Code)
	require.Equal(s.t, "Rollout failed", d.Summary)
	require.Equal(s.t, "suite/conformance", d.Component)
	return d
}

func (s *serviceRun) status() rollout.Status {
	s.t.Helper()
	found := rollout.New(s.Config).Status(s.t.Context(), rollout.Ref{Cluster: s.cluster, Service: "api"})[0]
	require.NoError(s.t, found.Err)
	return found
}

func TestRolloutFailsAndGoesBack(t *testing.T) {
	for tag, want := range map[string]struct{ detail, next, log string }{
		"2-crash": {`container "api" exited with code 1`, "log group /shop/api", "DATABASE_URL is not set"},
		"2-exit0": {`container "api" exited with code 0`, "must keep running", "done"},
		"2-oom": {
			"killed because it used too much memory (exit code 137)", "Raise memory",
			"loading 3.2 GiB index into memory",
		},
		"2-nopull":         {"CannotPullContainerError", "name and tag exist", ""},
		"2-missing-secret": {"ResourceInitializationError", "under secrets", ""},
		"2-unhealthy":      {"failed container health checks", "healthCheck.command", "GET /health 503"},
	} {
		t.Run(tag, func(t *testing.T) {
			s := newServiceRun(t)
			good, bad := s.register(t, "registry/api:1"), s.register(t, "registry/api:"+tag)
			require.NoError(t, s.apply(t.Context(), s.service("api", good)))

			d := s.failed(s.apply(t.Context(), s.service("api", bad)))
			require.Contains(t, d.Detail, "Revision 2 did not start")
			require.Contains(t, d.Detail, want.detail)
			require.Contains(t, d.Detail, "Revision 1 runs again (2 of 2 tasks).")
			require.Contains(t, d.Next, want.next)
			require.LessOrEqual(t, len(d.Lines), 20)
			if want.log == "" {
				require.Empty(t, d.Lines)
			} else {
				require.Contains(t, strings.Join(d.Lines, "\n"), want.log)
			}
			require.Equal(t, good, s.state.Inputs.Get("taskDefinition").Str(), "the state says what really runs")
			require.Equal(t, good, s.state.Outputs.Get("taskDefinition").Str())
			require.Equal(t, model.RolloutFailed, s.state.Outputs.Get("rollout").Str())
			now := s.status()
			require.Equal(t, good, now.TaskDefinition)
			require.True(t, now.Healthy)

			require.NoError(t, s.apply(t.Context(), s.service("api", s.register(t, "registry/api:3"))))
			require.Equal(t, "3", s.status().Revision)
		})
	}
}

func TestFirstRolloutFails(t *testing.T) {
	s := newServiceRun(t)
	rule := ecsfake.Rule{Image: "registry/api:1", Behaviour: ecsfake.Crash, ExitCode: 3}
	require.NoError(t, s.env.ECS.AddRules(rule))
	props := s.service("api", s.register(t, "registry/api:1"))
	d := s.failed(s.apply(t.Context(), props))
	require.Contains(t, d.Detail, "exited with code 3")
	require.Contains(t, d.Detail, ", 2 times: ")
	require.Contains(t, d.Detail, "There is no earlier revision, so the service is set to 0 tasks.")
	require.Len(t, d.Lines, 20)
	require.NotEmpty(t, s.state.ID, "the service stays, recorded")
	require.EqualValues(t, 0, s.state.Inputs.Get("desiredCount").Number())
	require.Empty(t, s.state.Inputs.Get("taskDefinition").Str(), "nothing runs")
	before := s.state.Outputs.Get("deploymentId").Str()

	s.env.ECS.ClearRules() // the missing object exists now; the same revision is tried again
	require.NoError(t, s.apply(t.Context(), props))
	require.NotEqual(t, before, s.state.Outputs.Get("deploymentId").Str())
	require.Equal(t, 2, s.status().Running)
	require.True(t, s.status().Healthy)
}

func TestFirstRolloutOfAScaledServiceFails(t *testing.T) {
	s := newServiceRun(t)
	require.NoError(t, s.env.ECS.AddRules(ecsfake.Rule{Image: "*", Behaviour: ecsfake.Crash}))
	props := s.service("api", s.register(t, "registry/api:1"))
	props.DesiredCount, props.InitialCount = nil, pointer(2)
	s.failed(s.apply(t.Context(), props))
	require.Equal(t, 0, s.status().Desired)
	s.env.ECS.ClearRules()
	require.NoError(t, s.apply(t.Context(), props))
	require.Equal(t, 2, s.status().Running)
}

func TestRolloutTimesOut(t *testing.T) {
	s := newServiceRun(t)
	require.NoError(t, s.apply(t.Context(), s.service("api", s.register(t, "registry/api:1"))))
	props := s.service("api", s.register(t, "registry/api:slow"))
	props.Deployment.Timeout = 1
	d := s.failed(s.apply(t.Context(), props))
	require.Contains(t, d.Detail, "Revision 2 did not start within 1s")
	require.Contains(t, d.Detail, "Revision 1 runs again")
}

func TestRolloutIsInterruptedAndTakenUp(t *testing.T) {
	s := newServiceRun(t)
	good := s.register(t, "registry/api:1")
	require.NoError(t, s.apply(t.Context(), s.service("api", good)))
	props := s.service("api", s.register(t, "registry/api:2"))
	require.NoError(t, s.env.ECS.AddRules(ecsfake.Rule{Image: "registry/api:2", Behaviour: ecsfake.Slow}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watching := make(chan error, 1)
	b, inputs := s.b, value.Encode(props)
	inputs, _ = b.Check(inputs)
	req := request(model.ServiceType)
	req.Inputs, req.Tags, req.ID, req.Old = inputs, resourcetest.Tags("api"), s.state.ID, s.state
	req.Progress = func(line string) {
		if strings.Contains(line, "pending") {
			cancel()
		}
	}
	go func() { _, err := b.Update(ctx, req); watching <- err }()
	err := <-watching
	var partial *resource.PartialError
	require.ErrorAs(t, err, &partial)
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, diag.Interrupted, d.Code)
	require.Equal(t, good, partial.State.Inputs.Get("taskDefinition").Str(), "the former revision runs")
	require.Equal(t, model.RolloutInProgress, partial.State.Outputs.Get("rollout").Str())
	s.state = partial.State
	started := s.state.Outputs.Get("deploymentId").Str()

	props.Deployment.Timeout = 1
	s.env.ECS.ClearRules()
	s.failed(s.apply(t.Context(), props)) // the fake's deployment keeps its script: it stays slow
	require.Equal(t, "1", s.status().Revision)
	require.NoError(t, s.apply(t.Context(), props))
	require.Equal(t, "2", s.status().Revision)
	require.NotEqual(t, started, s.status().DeploymentID)
}

func TestAnInterruptedCreateIsAdoptedAndWatched(t *testing.T) {
	s := newServiceRun(t)
	require.NoError(t, s.env.ECS.AddRules(ecsfake.Rule{Image: "*", Behaviour: ecsfake.Crash}))
	props := s.service("api", s.register(t, "registry/api:1"))
	ctx, cancel := context.WithCancel(t.Context())
	inputs, _ := s.b.Check(value.Encode(props))
	req := request(model.ServiceType)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("api")
	req.Progress = func(string) { cancel() }
	_, err := s.b.Create(ctx, req)
	require.Error(t, err)

	// The process died before it could record anything: the next run creates again.
	d := s.failed(s.apply(t.Context(), props))
	require.Contains(t, s.lines[0], "adopting")
	require.Contains(t, d.Detail, "exited with code 1")
}

func TestDrainingServiceIsWaitedFor(t *testing.T) {
	s := newServiceRun(t)
	props := s.service("api", s.register(t, "registry/api:1"))
	require.NoError(t, s.apply(t.Context(), props))
	_, err := s.client.DeleteService(t.Context(),
		&ecs.DeleteServiceInput{Cluster: &s.cluster, Service: aws.String("api"), Force: aws.Bool(true)})
	require.NoError(t, err)
	s.state = resource.State{}
	require.NoError(t, s.apply(t.Context(), props))
	require.Contains(t, s.lines[0], "drained")
}

// A run died while it waited for the tasks to stop. What the tasks use must not be deleted before that.
func TestInterruptedDeleteIsTakenUp(t *testing.T) {
	s := newServiceRun(t)
	props := s.service("api", s.register(t, "registry/api:1"))
	req := request(model.ServiceType)
	req.Tags = resourcetest.Tags("api")
	for _, wanted := range []bool{false, true} {
		require.NoError(t, s.apply(t.Context(), props))
		_, err := s.client.DeleteService(t.Context(),
			&ecs.DeleteServiceInput{Cluster: &s.cluster, Service: aws.String("api"), Force: aws.Bool(true)})
		require.NoError(t, err)
		req.ID, req.Old = s.state.ID, s.state
		read, found, err := s.b.Read(t.Context(), req)
		require.NoError(t, err)
		require.True(t, found, "it still drains")
		s.state, req.Old = read, read
		if wanted { // after all
			require.NotEmpty(t, resource.Compare(s.b.Definition(), read.Inputs, value.Encode(props)).Changes)
			require.NoError(t, s.apply(t.Context(), props))
			require.Equal(t, req.ID, s.state.ID)
			require.True(t, s.status().Healthy)
			continue
		}
		require.NoError(t, s.b.Delete(t.Context(), req))
		s.allStopped()
		_, found, err = s.b.Read(t.Context(), req)
		require.NoError(t, err)
		require.False(t, found)
		s.state = resource.State{}
	}
}

// allStopped holds that no task reacts to SIGTERM any more. ECS calls the service INACTIVE before.
func (s *serviceRun) allStopped() {
	s.t.Helper()
	listed, err := s.client.ListTasks(s.t.Context(),
		&ecs.ListTasksInput{Cluster: &s.cluster, DesiredStatus: types.DesiredStatusStopped})
	require.NoError(s.t, err)
	require.NotEmpty(s.t, listed.TaskArns)
	described, err := s.client.DescribeTasks(s.t.Context(),
		&ecs.DescribeTasksInput{Cluster: &s.cluster, Tasks: listed.TaskArns})
	require.NoError(s.t, err)
	for _, task := range described.Tasks {
		require.Equal(s.t, "STOPPED", *task.LastStatus)
	}
}

func TestOldRevisionsGoAfterARolloutThatSucceeds(t *testing.T) {
	s := newServiceRun(t)
	running := s.register(t, "registry/api:1")
	props := s.service("api", running)
	require.NoError(t, s.apply(t.Context(), props))
	for range 12 {
		s.register(t, "registry/api:crash")
	}
	props.TaskDefinition = value.Lit(s.register(t, "registry/api:crash"))
	s.failed(s.apply(t.Context(), props))
	require.Len(t, s.revisions(t, "shop-api-service"), 14)
	require.Contains(t, s.revisions(t, "shop-api-service"), running)

	props.TaskDefinition = value.Lit(s.register(t, "registry/api:2"))
	require.NoError(t, s.apply(t.Context(), props))
	kept := s.revisions(t, "shop-api-service")
	require.Len(t, kept, 10, "so that circuit breaker and rollback keep their target")
	require.Contains(t, kept, props.TaskDefinition.Get())
	require.NotContains(t, kept, running)

	props.TaskDefinition = value.Lit(s.register(t, "registry/api:3"))
	for range 10 { // by somebody else
		s.register(t, "registry/api:4")
	}
	require.NoError(t, s.apply(t.Context(), props))
	kept = s.revisions(t, "shop-api-service")
	require.Len(t, kept, 11)
	require.Contains(t, kept, props.TaskDefinition.Get(), "it runs")
}

// balanced returns the ARN of a target group that a load balancer uses.
func (f *fargate) balanced(t *testing.T) string {
	t.Helper()
	balancers := elasticloadbalancingv2.NewFromConfig(f.Plain)
	subnets, err := ec2.NewFromConfig(f.Plain).DescribeSubnets(t.Context(),
		&ec2.DescribeSubnetsInput{SubnetIds: f.subnets})
	require.NoError(t, err)
	group, err := balancers.CreateTargetGroup(t.Context(), &elasticloadbalancingv2.CreateTargetGroupInput{
		Name: aws.String("api"), Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(8080),
		VpcId: subnets.Subnets[0].VpcId, TargetType: elbtypes.TargetTypeEnumIp,
	})
	require.NoError(t, err)
	balancer, err := balancers.CreateLoadBalancer(t.Context(),
		&elasticloadbalancingv2.CreateLoadBalancerInput{Name: aws.String("shop"), Subnets: f.subnets})
	require.NoError(t, err)
	_, err = balancers.CreateListener(t.Context(), &elasticloadbalancingv2.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancers[0].LoadBalancerArn, Protocol: elbtypes.ProtocolEnumHttp,
		Port: aws.Int32(80),
		DefaultActions: []elbtypes.Action{{
			Type:           elbtypes.ActionTypeEnumForward,
			TargetGroupArn: group.TargetGroups[0].TargetGroupArn,
		}},
	})
	require.NoError(t, err)
	return *group.TargetGroups[0].TargetGroupArn
}

func TestRolloutBehindALoadBalancer(t *testing.T) {
	s := newServiceRun(t)
	group := s.balanced(t)
	props := s.service("api", s.register(t, "registry/api:1"))
	props.TargetGroups = []model.TargetGroup{{Arn: value.Lit(group), ContainerName: "api", ContainerPort: 8080}}
	props.HealthCheckGracePeriod = 30
	require.NoError(t, s.apply(t.Context(), props))
	require.Contains(t, s.lines, "targets 2/2 healthy")
	now := s.status()
	require.True(t, now.Healthy)
	require.Equal(t, []rollout.Targets{{Arn: group, Healthy: 2, Total: 2}}, now.Targets)
	require.Len(t, now.Images, 1)
	require.Equal(t, 2, now.Images[0].Tasks)
	require.Contains(t, now.Images[0].Digest, "sha256:")
	require.NotEmpty(t, now.Events)

	good := props.TaskDefinition
	props.TaskDefinition = value.Lit(s.register(t, "registry/api:unhealthy"))
	d := s.failed(s.apply(t.Context(), props))
	require.Contains(t, d.Detail, "Task failed ELB health checks")
	require.Contains(t, d.Detail, "Health checks failed with these codes: [503]")
	require.Contains(t, d.Next, "healthCheck.path")
	require.Equal(t, good.Get(), s.state.Inputs.Get("taskDefinition").Str())
	require.True(t, s.status().Healthy)

	props.TaskDefinition, props.TargetGroups, props.HealthCheckGracePeriod = good, nil, 0
	require.NoError(t, s.apply(t.Context(), props), "taken off the load balancer in place")
	require.Empty(t, s.status().Targets)

	// ECS refuses load balancers and grace period in one call, so two calls are made.
	props.TargetGroups, props.HealthCheckGracePeriod = []model.TargetGroup{
		{Arn: value.Lit(group), ContainerName: "api", ContainerPort: 8080},
	}, 30
	require.NoError(t, s.apply(t.Context(), props), "put behind the load balancer in place")
	require.Equal(t, []rollout.Targets{{Arn: group, Healthy: 2, Total: 2}}, s.status().Targets)
	require.Equal(t, "30", s.state.Inputs.Get("healthCheckGracePeriod").String())
}

func TestStatusOfNothing(t *testing.T) {
	f := startFargate(t)
	for _, cluster := range []string{f.cluster, "nowhere"} {
		all := rollout.New(f.Config).Status(t.Context(), rollout.Ref{Cluster: cluster, Service: "api"},
			rollout.Ref{Cluster: cluster, Service: "web"})
		require.Equal(t, []rollout.Status{{Cluster: cluster, Service: "api"}, {Cluster: cluster, Service: "web"}}, all)
	}
}
