package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/aws/servicequotas"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/logs"
	"github.com/company/deployer/internal/value"
)

type serviceCall = resource.Call[wanted.Service, wanted.ServiceOutputs]

type service struct {
	api     *api
	watcher *rollout.Watcher
	runner  *task.Runner
}

func newService(calls *api, watcher *rollout.Watcher, runner *task.Runner) resource.Behaviour {
	s := &service{calls, watcher, runner}
	return &resource.Typed[wanted.Service, wanted.ServiceOutputs]{
		Def: resource.Definition{
			Type: wanted.ServiceType, Version: 1,
			// they make the ARN, so the new service can exist at the same time as the old one
			ReplaceOn:   []string{"name", "cluster"},
			CreateOnly:  []string{"initialCount"},
			FindFirst:   true, // a service of that name may be draining, or may be ours from an interrupted run
			Consequence: serviceConsequence,
			Lasts:       resource.Always("until tasks run again"),
			NotYet:      notYetService,
			Permissions: servicePermissions,
		},
		CheckProps:   checkService,
		Ahead:        s.foresee,
		CreateObject: s.create,
		ReadObject:   s.read,
		UpdateObject: s.update,
		DeleteObject: s.delete,
		Find:         s.find,
		Taggable:     true,
		Observe: resource.Observing[wanted.Service, wanted.ServiceOutputs]{
			Health: s.health, Metrics: serviceMetrics, Tasks: s.tasks,
		},
		Stopping: resource.Stopping[wanted.Service, wanted.ServiceOutputs]{Underway: s.underway, Stop: s.stop},
	}
}

// serviceConsequence: nobody answers without tasks; a change that starts a deployment is rolling; any other change is
// in place.
func serviceConsequence(c resource.Change) plan.Consequence {
	was, wanted := c.Old.Get("desiredCount"), c.Desired.Get("desiredCount")
	if slices.Contains(c.Changed, "desiredCount") && !wanted.IsNull() && wanted.Number() == 0 &&
		(was.IsNull() || was.Number() > 0) {
		return plan.Downtime
	}
	out := startsDeployment(c)
	// With 0 % that must stay healthy, ECS may stop all old tasks before it starts new ones.
	if least := c.Desired.Get("deployment", "minHealthyPercent"); out == plan.Rolling && !least.IsNull() &&
		least.Number() == 0 {
		return plan.Downtime
	}
	return out
}

var startsDeployment = resource.Causes(plan.Rolling,
	"taskDefinition", "capacityProviders", "platformVersion", "subnets", "securityGroups", "assignPublicIp",
	"targetGroups",
	"serviceRegistries", "enableExecuteCommand",
)

// create returns when the first rollout is decided. A failed rollout leaves the service with 0 tasks, recorded as
// unfinished.
func (s *service) create(ctx context.Context, c serviceCall) (string, wanted.ServiceOutputs, error) {
	input := toCreate(c.Props)
	input.ClientToken, input.Tags = optional(clientToken(c.Token)), tagList(c.Request, c.Props.Tags)
	created, err := s.api.client.CreateService(ctx, input)
	if call.HasCode(err, "InvalidParameterException") && mentions(err, "not idempotent") {
		return "", wanted.ServiceOutputs{}, fmt.Errorf("%w: %w", resource.ErrExists, call.Error(err))
	}
	if err != nil {
		return "", wanted.ServiceOutputs{}, call.Error(err, call.NotFound("ClusterNotFoundException"))
	}
	made := *created.Service
	out, err := s.watch(ctx, c, made, "")
	return aws.ToString(made.ServiceArn), out, err
}

// notYetService are the errors for what a service uses and AWS does not know everywhere yet: roles (with ECS's own for
// services), the cluster, and the parts of network and load balancer. The name of a draining service is not free yet.
var notYetService = []resource.NotYet{
	{
		Operations: []string{"ecs:CreateService", "ecs:UpdateService"},
		Codes:      []string{"InvalidParameterException", "ClientException"},
		Says: []string{
			"unable to assume", "service linked role", "service-linked role", "role is not valid",
			"verify that the ecs service role", "still draining",
			"does not have an associated load balancer", "target group*not found", "target group*not exist",
			"security group*not found", "security group*not exist", "registry*not found", "registry*not exist",
		},
		Within: newRoles,
	},
	{
		Operations: []string{"ecs:CreateService"},
		Codes:      []string{"ClusterNotFoundException", "TargetGroupNotFoundException"},
	},
}

// find waits for a draining service of that name: AWS blocks the name until its tasks have stopped.
func (s *service) find(ctx context.Context, c serviceCall) (string, map[string]string, error) {
	found, err := s.describe(ctx, c.Props.Cluster.Get(), c.Props.Name)
	if err == nil && draining(found) {
		err = s.drained(ctx, c, c.Props.Cluster.Get(), c.Props.Name)
	}
	if err != nil {
		return "", nil, err
	}
	return aws.ToString(found.ServiceArn), tagging.Map(found.Tags, tag), nil
}

func draining(s types.Service) bool { return aws.ToString(s.Status) == "DRAINING" }

// drained waits until the tasks of a draining service have stopped. Then it returns ErrNotFound.
func (s *service) drained(ctx context.Context, c serviceCall, clusterName, name string) error {
	c.Progress("waiting until the former service " + name + " is drained")
	if err := s.gone(ctx, c, clusterName, name); err != nil {
		return err
	}
	return fmt.Errorf("service %s: %w", name, resource.ErrNotFound)
}

// read also returns a draining service, left by a run that was interrupted while it waited. If the service were
// forgotten, the things that its tasks use would be deleted before the tasks have stopped.
func (s *service) read(ctx context.Context, c serviceCall) (wanted.Service, wanted.ServiceOutputs, error) {
	clusterName, name := identify(c)
	found, err := s.describe(ctx, clusterName, name)
	if err != nil {
		return wanted.Service{}, wanted.ServiceOutputs{}, err
	}
	recorded := c.Old
	adopting := !c.Request.Inputs.IsNull()
	if adopting {
		recorded = c.Props
	}
	props := fromService(found, recorded)
	if adopting {
		// The run that made the service saw no end of its rollout. While the rollout is open, the task definition does
		// not count as the wanted one, so the update that follows an adoption watches the rollout.
		props.TaskDefinition = unproven
	}
	props.Tags = tagging.Seen(c.Request, tagging.Map(found.Tags, tag))
	foreign := underWay(found, c.Out)
	if foreign != nil && c.Seen != nil {
		whose := "that deployer did not start"
		if c.Begun {
			whose = "that the interrupted run has probably started"
		}
		c.Seen.Note = "a rollout of " + nameOf(aws.ToString(foreign.TaskDefinition)) + " is in progress " + whose
	}
	if foreign != nil && c.Out.Rollout == wanted.RolloutCompleted &&
		!rollout.SameRevision(aws.ToString(foreign.TaskDefinition), recorded.TaskDefinition.Get()) && !adopting {
		props.TaskDefinition = value.Lit(aws.ToString(foreign.TaskDefinition)) // what the service is about to run
	}
	if c.Out.Rollout == wanted.RolloutFailed && found.RunningCount == 0 { // ECS calls 0 of 0 tasks completed
		props.TaskDefinition = unproven
	}
	if draining(found) {
		props.TaskDefinition, c.Out.Rollout = unproven, ""
	}
	out := serviceOutputs(found, c.Out.Rollout)
	if foreign != nil {
		out.DeploymentID = c.Out.DeploymentID // so that the next update knows that this rollout is not ours
	}
	return props, out, nil
}

// update changes what really differs (a rollback by ECS also reverts network and load balancers), and returns when the
// rollout is decided. A service that was being deleted is made again, under the same ARN.
func (s *service) update(ctx context.Context, c serviceCall) (wanted.ServiceOutputs, error) {
	clusterName, name := identify(c)
	actual, err := s.describe(ctx, clusterName, name)
	if err == nil && draining(actual) {
		err = fmt.Errorf("service %s is draining: %w", name, resource.ErrNotFound)
	}
	if errors.Is(err, resource.ErrNotFound) && c.Out.Rollout == "" && c.Old.TaskDefinition.Get() == unproven.Get() {
		// read found it draining
		if err := s.drained(ctx, c, clusterName, name); !errors.Is(err, resource.ErrNotFound) {
			return c.Out, err
		}
		_, out, err := s.create(ctx, c)
		return out, err
	}
	if err != nil {
		return c.Out, err
	}
	// First, because the tasks of a rollout get the service's tags.
	if err := s.api.retag(ctx, c.Request, aws.ToString(actual.ServiceArn), c.Old.Tags, c.Props.Tags); err != nil {
		return c.Out, err
	}
	input := toUpdate(c.Props, fromService(actual, c.Old), actual)
	input.Cluster, input.Service = &clusterName, &name
	input.ForceNewDeployment = input.ForceNewDeployment || afresh(actual, c)
	if c.Props.DesiredCount == nil && actual.DesiredCount == 0 &&
		(c.Out.Rollout == wanted.RolloutFailed || c.Out.Rollout == "") {
		input.DesiredCount = aws.Int32(startCount(c.Props)) // the failed rollout set it to 0
	}
	if least := c.Props.MinCount; input.DesiredCount == nil && least != nil && int(actual.DesiredCount) < *least {
		input.DesiredCount = aws.Int32(int32(*least))
	}
	updated, err := s.api.client.UpdateService(ctx, input)
	if grace := input.HealthCheckGracePeriodSeconds; grace != nil && call.HasCode(err, "InvalidParameterException") &&
		mentions(err, "health check grace period") {
		// ECS checks the service's present load balancers, not those in the call.
		input.HealthCheckGracePeriodSeconds = nil
		if _, err = s.api.client.UpdateService(ctx, input); err == nil {
			updated, err = s.api.client.UpdateService(ctx, &sdk.UpdateServiceInput{
				Cluster: &clusterName, Service: &name, HealthCheckGracePeriodSeconds: grace,
			})
		}
	}
	if err != nil {
		return c.Out, call.Error(err, call.NotFound("ServiceNotFoundException", "ServiceNotActiveException",
			"ClusterNotFoundException"))
	}
	changed := *updated.Service
	if foreign := underWay(actual, c.Out); foreign != nil {
		whose := "this run did not start"
		if c.Begun {
			whose = "the interrupted run has probably started"
		}
		line := fmt.Sprintf("rollout %s of %s is in progress, which %s: ", aws.ToString(foreign.Id),
			nameOf(aws.ToString(foreign.TaskDefinition)), whose)
		if is := rollout.Primary(changed); is != nil && aws.ToString(is.Id) == aws.ToString(foreign.Id) {
			c.Progress(line + "waiting for it")
		} else {
			c.Progress(line + "the rollout of this run replaces it")
		}
	}
	return s.watch(ctx, c, changed, previous(actual, c))
}

// watch returns when the rollout is decided, and records the real properties if the rollout did not end as wanted.
func (s *service) watch(
	ctx context.Context, c serviceCall, started types.Service, before string,
) (wanted.ServiceOutputs, error) {
	breaker := c.Props.Deployment.CircuitBreaker
	last, err := s.watcher.Watch(ctx, rollout.Goal{
		Component: resource.ComponentOf(c.Resource), Cluster: aws.ToString(started.ClusterArn),
		Service:        aws.ToString(started.ServiceName),
		TaskDefinition: c.Props.TaskDefinition.Get(), Started: started, Previous: before,
		Timeout:  time.Duration(c.Props.Deployment.Timeout) * time.Second,
		Bake:     time.Duration(c.Props.Deployment.Bake) * time.Second,
		Rollback: breaker == nil || *breaker, Progress: c.Progress,
	})
	if err == nil {
		s.api.trim(ctx, c.Props.TaskDefinition.Get(), c.Progress)
		return serviceOutputs(last, wanted.RolloutCompleted), nil
	}
	how, props := wanted.RolloutInProgress, fromService(last, c.Props)
	var d *diag.Diagnostic
	if errors.As(err, &d) && d.Code == diag.Failed {
		how = wanted.RolloutFailed
		if last.RunningCount == 0 {
			props.TaskDefinition = unproven
		}
	}
	return wanted.ServiceOutputs{}, &resource.Unfinished[wanted.Service, wanted.ServiceOutputs]{
		ID: aws.ToString(started.ServiceArn), Props: props, Out: serviceOutputs(last, how), Err: err,
	}
}

// delete stops all tasks and waits until they are gone, so that what they use can be deleted next.
func (s *service) delete(ctx context.Context, c serviceCall) error {
	clusterName, name := identify(c)
	_, err := s.api.client.DeleteService(ctx, &sdk.DeleteServiceInput{
		Cluster: &clusterName, Service: &name, Force: aws.Bool(true),
	})
	if call.HasCode(err, "ServiceNotFoundException", "ClusterNotFoundException") {
		return nil
	}
	if err != nil && !call.HasCode(err, "ServiceNotActiveException") {
		return call.Error(err)
	}
	if err := s.gone(ctx, c, clusterName, name); err != nil {
		return err
	}
	return s.ended(ctx, c, clusterName, name)
}

// stopping is longer than containers on Fargate may take to react to SIGTERM: two minutes each at most.
var stopping = call.Pace{First: 500 * time.Millisecond, Longest: 5 * time.Second, Limit: 10 * time.Minute}

// ended waits for tasks that still react to SIGTERM: they may write to what is deleted next. A service is INACTIVE as
// soon as its tasks are stopping (ecs:DeleteService).
func (s *service) ended(ctx context.Context, c serviceCall, clusterName, name string) error {
	definition := c.Old.TaskDefinition.Get()
	if definition == unproven.Get() {
		inactive, _, err := s.api.services.Get(ctx, serviceKey{clusterName, name})
		if definition = aws.ToString(inactive.TaskDefinition); err != nil || definition == "" {
			return call.Error(err) // ECS has forgotten it, so it has been inactive for long
		}
	}
	last := 0
	what := "the tasks of the service " + name + " stop"
	return call.Wait(ctx, stopping, what, func(ctx context.Context) (bool, error) {
		tasks, err := s.runner.OfFamily(ctx, clusterName, familyOf(definition))
		if err != nil {
			return false, err
		}
		left := 0
		for _, t := range tasks {
			switch aws.ToString(t.LastStatus) {
			case task.Stopped, "DEPROVISIONING", "DELETED": // its containers have stopped
				continue
			}
			if aws.ToString(t.Group) == "service:"+name {
				left++
			}
		}
		if left != last && left > 0 {
			c.Progress(fmt.Sprintf("draining: %d tasks are still stopping", left))
		}
		last = left
		return left == 0, nil
	})
}

// gone waits until a service is INACTIVE: its tasks have stopped, or got SIGTERM.
func (s *service) gone(ctx context.Context, c serviceCall, clusterName, name string) error {
	last := ""
	return call.Wait(ctx, call.Slowly, "service "+name+" to drain", func(ctx context.Context) (bool, error) {
		found, err := s.describe(ctx, clusterName, name)
		if errors.Is(err, resource.ErrNotFound) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if line := fmt.Sprintf("draining: %d tasks are still running",
			found.RunningCount+found.PendingCount); line != last {
			last = line
			c.Progress(line)
		}
		return false, nil
	})
}

// describe returns an ACTIVE or DRAINING service.
func (s *service) describe(ctx context.Context, clusterName, name string) (types.Service, error) {
	service, found, err := s.api.services.Get(ctx, serviceKey{clusterName, name})
	if err != nil {
		return types.Service{}, call.Error(err, call.NotFound("ClusterNotFoundException", "ServiceNotFoundException"))
	}
	if !found || aws.ToString(service.Status) == "INACTIVE" {
		return types.Service{}, fmt.Errorf("service %s: %w", name, resource.ErrNotFound)
	}
	return service, nil
}

// identify returns cluster and name from the ARN, arn:aws:ecs:<region>:<account>:service/<cluster>/<name>, or from the
// recorded properties.
func identify(c serviceCall) (clusterName, name string) {
	if parts := strings.Split(c.ID, "/"); len(parts) == 3 {
		return parts[1], parts[2]
	}
	if c.Old.Name != "" {
		return c.Old.Cluster.Get(), c.Old.Name
	}
	return c.Props.Cluster.Get(), c.Props.Name
}

// clientToken shortens a token to AWS's limit of 36 characters.
func clientToken(token string) string { return token[:min(len(token), 36)] }

func mentions(err error, parts ...string) bool {
	text := strings.ToLower(err.Error())
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, strings.ToLower(part)) })
}

func servicePermissions(s resource.Scope) []resource.Statement {
	return []resource.Statement{
		{On: own(s, "service/"), Actions: append([]string{
			"ecs:CreateService", "ecs:UpdateService", "ecs:DeleteService", "ecs:DescribeServices",
			"ecs:ListServiceDeployments",
		}, tagActions...)},
		{
			On:      slices.Concat(own(s, "service/"), own(s, "service-deployment/"), own(s, "service-revision/")),
			Actions: []string{"ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions"},
			Why:     "what really runs, for status", Looks: true,
		},
		{
			On:      append(own(s, "service/"), own(s, "service-deployment/")...),
			Actions: []string{"ecs:StopServiceDeployment"},
			Why:     "a rollout that has to be stopped",
		},
		{On: own(s, "task/"), Actions: []string{"ecs:DescribeTasks"}},
		{When: inCluster(s), Actions: []string{"ecs:ListTasks"}},
		{Actions: []string{
			"ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:DeregisterTaskDefinition",
			"elasticloadbalancing:DescribeTargetHealth",
		}},
		{
			On:      []string{s.ARN("logs", "log-group:"+logs.Name(s.Stack, s.Environment, "*"))},
			Actions: []string{"logs:GetLogEvents"},
		},
		s.ServiceLinkedRole("ecs.amazonaws.com"),
		servicequotas.FargatePermission,
	}
}
