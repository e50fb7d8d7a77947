package awstest

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/ecsfake"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// releaseRun uses one release as the engine does: it keeps the state that each operation returns.
type releaseRun struct {
	*fargate
	t     *testing.T
	b     resource.Behaviour
	state resource.State
	lines []string
}

func newReleaseRun(t *testing.T) *releaseRun {
	f := startFargate(t)
	return &releaseRun{fargate: f, t: t, b: f.behaviour(t, model.ReleaseType)}
}

func (r *releaseRun) props(definition string, command ...string) model.Release {
	return model.Release{
		Name: "api", Cluster: value.Lit(r.cluster), TaskDefinition: value.Lit(definition), Container: "api",
		Command: command, Subnets: value.Lit(r.subnets), SecurityGroups: value.Lit([]string{r.group}),
		AssignPublicIP: value.Lit(true),
	}
}

func (r *releaseRun) request(p model.Release) resource.Request {
	inputs, problems := r.b.Check(value.Encode(p))
	require.Empty(r.t, problems)
	req := request(model.ReleaseType)
	req.Inputs, req.Tags, req.ID, req.Old = inputs, resourcetest.Tags("api"), r.state.ID, r.state
	req.Progress = func(line string) { r.lines = append(r.lines, line) }
	return req
}

func (r *releaseRun) apply(p model.Release) error {
	r.t.Helper()
	r.lines = nil
	do := r.b.Update
	if r.state.ID == "" {
		do = r.b.Create
	}
	state, err := do(r.t.Context(), r.request(p))
	var partial *resource.PartialError
	if errors.As(err, &partial) {
		state = partial.State
	}
	if state.ID != "" {
		r.state = state
	}
	return err
}

// start starts a task as a run does that dies before it can record it.
func (r *releaseRun) start(definition string, command ...string) {
	r.t.Helper()
	_, err := r.client.RunTask(r.t.Context(), &ecs.RunTaskInput{
		Cluster: &r.cluster, TaskDefinition: &definition, StartedBy: pointer("release/api"),
		LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: &types.NetworkConfiguration{
			AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: r.subnets},
		},
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{
			{Name: pointer("api"), Command: command},
		}},
	})
	require.NoError(r.t, err)
}

// ran counts the tasks that were started.
func (r *releaseRun) ran() int {
	n := 0
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		out, err := r.client.ListTasks(r.t.Context(),
			&ecs.ListTasksInput{Cluster: &r.cluster, StartedBy: pointer("release/api"), DesiredStatus: status})
		require.NoError(r.t, err)
		n += len(out.TaskArns)
	}
	return n
}

func TestAReleaseRunsForEachRevisionAndCommand(t *testing.T) {
	r := newReleaseRun(t)
	one, two := r.register(t, "registry/api:1"), r.register(t, "registry/api:2")
	r.LoseAnswer(t) // of RunTask: it is repeated, and starts nothing else
	require.NoError(t, r.apply(r.props(one, "migrate")))
	require.Equal(t, 1, r.ran())
	require.Equal(t, model.ReleaseSucceeded, r.state.Outputs.Get("result").Str())

	read, found, err := r.b.Read(t.Context(), r.request(r.props(one, "migrate")))
	require.NoError(t, err)
	require.True(t, found)
	require.Empty(t, resource.Compare(r.b.Definition(), read.Inputs, r.request(r.props(one, "migrate")).Inputs).Changes)

	other := r.props(one, "migrate")
	other.Timeout, other.AssignPublicIP = 60, value.Lit(false)
	require.NoError(t, r.apply(other))
	require.Equal(t, 1, r.ran(), "how it would run has changed, not what")
	require.NoError(t, r.apply(r.props(two, "migrate")))
	require.Equal(t, 2, r.ran())
	require.NoError(t, r.apply(r.props(two, "migrate", "--all")))
	require.Equal(t, 3, r.ran())
	require.Subset(t, r.b.Definition().Actions(), r.Actions())
}

func TestAReleaseThatFailsRunsAgain(t *testing.T) {
	r := newReleaseRun(t)
	one := r.register(t, "registry/api:1")
	require.NoError(t, r.env.ECS.AddRules(ecsfake.Rule{
		Image: "*", Command: "migrate", Behaviour: ecsfake.Crash, ExitCode: 3, Log: []string{"no table", "giving up"},
	}))
	err := r.apply(r.props(one, "migrate"))
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, diag.Failed, d.Code)
	require.Contains(t, d.Detail, `Container "api" exited with code 3`)
	require.Equal(t, []string{"no table", "giving up"}, d.Lines)
	require.Contains(t, d.Next, "log group /shop/api")
	read, _, err := r.b.Read(t.Context(), r.request(r.props(one, "migrate")))
	require.NoError(t, err)
	require.Empty(t, read.Inputs.Get("taskDefinition").Str(), "no revision is released")

	r.env.ECS.ClearRules()
	require.NoError(t, r.apply(r.props(one, "migrate")))
	require.Equal(t, 2, r.ran())
}

func TestAnInterruptedReleaseIsJoined(t *testing.T) {
	t.Run("while it runs", func(t *testing.T) {
		r := newReleaseRun(t)
		one := r.register(t, "registry/api:1")
		require.NoError(t, r.env.ECS.AddRules(ecsfake.Rule{Image: "*", Behaviour: ecsfake.Healthy, Steps: 3}))
		r.start(one, "migrate")
		state, found, err := r.b.(resource.Locator).Locate(t.Context(), r.request(r.props(one, "migrate")))
		require.NoError(t, err)
		require.True(t, found)
		require.Empty(t, state.Inputs.Get("taskDefinition").Str(), "nobody knows yet how it ends")
		require.NoError(t, r.apply(r.props(one, "migrate")))
		require.Equal(t, 1, r.ran())
		require.Contains(t, r.lines[0], "is still running: waiting for it")
	})
	t.Run("when it has succeeded", func(t *testing.T) {
		r := newReleaseRun(t)
		one := r.register(t, "registry/api:1")
		require.NoError(t, r.apply(r.props(one, "migrate")))
		r.state = resource.State{}
		require.NoError(t, r.apply(r.props(one, "migrate")))
		require.Equal(t, 1, r.ran())
		require.Contains(t, r.lines[0], "has succeeded")
	})
	t.Run("of another revision", func(t *testing.T) {
		r := newReleaseRun(t)
		one, two := r.register(t, "registry/api:1"), r.register(t, "registry/api:2")
		r.start(one, "migrate")
		require.NoError(t, r.apply(r.props(two, "migrate")))
		require.Equal(t, 2, r.ran())
		require.Contains(t, r.lines[0], "of another revision is still running: waiting for its end")
	})
	t.Run("when it is forgotten", func(t *testing.T) {
		r := newReleaseRun(t)
		one := r.register(t, "registry/api:1")
		r.state = resource.State{
			ID: "api", Inputs: value.Encode(r.props(one, "migrate")),
			Outputs: value.Encode(model.ReleaseOutputs{Task: "arn:aws:ecs:eu-central-1:1:task/shop/gone"}),
		}
		require.NoError(t, r.apply(r.props(one, "migrate")))
		require.Equal(t, 1, r.ran())
	})
}

// The policies of a new role reach all of AWS after some seconds.
func TestAReleaseThatMayNotStartYetStartsAgain(t *testing.T) {
	r := newReleaseRun(t)
	one := r.register(t, "registry/api:1")
	require.NoError(t, r.env.ECS.AddRules(ecsfake.Rule{
		Image: "*", Behaviour: ecsfake.MissingSecret,
		Reason: "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException",
	}))
	err := r.apply(r.props(one, "migrate"))
	require.ErrorContains(t, err, "AccessDeniedException")
	require.Equal(t, 6, r.ran())
}

// A task that ran and failed does not run again, whatever ECS says of another container or in its reason.
func TestAReleaseThatRanIsNotRepeated(t *testing.T) {
	r := newReleaseRun(t)
	one := r.register(t, "registry/api:1")
	require.NoError(t, r.env.ECS.AddRules(ecsfake.Rule{
		Image: "*", Behaviour: ecsfake.Crash, ExitCode: 3,
		Reason: "ResourceInitializationError: failed to validate logger args: AccessDeniedException",
	}))
	require.Error(t, r.apply(r.props(one, "migrate")))
	require.Equal(t, 1, r.ran())
}

func TestAReleaseThatGoesStopsItsTask(t *testing.T) {
	r := newReleaseRun(t)
	one := r.register(t, "registry/api:1")
	require.NoError(t, r.apply(r.props(one, "migrate")))
	require.NoError(t, r.env.ECS.AddRules(ecsfake.Rule{Image: "*", Behaviour: ecsfake.Slow}))
	r.start(one, "migrate")
	req := r.request(r.props(one, "migrate"))
	req.Inputs = value.NullValue
	require.NoError(t, r.b.Delete(t.Context(), req))
	require.NoError(t, r.b.Delete(t.Context(), req))
	out, err := r.client.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: &r.cluster})
	require.NoError(t, err)
	require.Empty(t, out.TaskArns)
	// ECS still lists the tasks, but there is nothing to delete.
	_, found, err := r.b.(resource.Locator).Locate(t.Context(), r.request(r.props(one, "migrate")))
	require.NoError(t, err)
	require.False(t, found)
}
