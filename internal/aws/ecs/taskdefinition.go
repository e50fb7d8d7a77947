package ecs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	session "github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/value"
)

const registerAttempts = 5

type taskCall = resource.Call[wanted.TaskDefinition, wanted.TaskDefinitionOutputs]

type taskDefinition struct{ api *api }

// newTaskDefinition: the object is the family, and an update registers a new revision.
func newTaskDefinition(calls *api) resource.Behaviour {
	t := &taskDefinition{calls}
	return &resource.Typed[wanted.TaskDefinition, wanted.TaskDefinitionOutputs]{
		Def: resource.Definition{
			Type: wanted.TaskDefinitionType, Version: 1,
			ReplaceOn:       []string{"family"},
			ChangesOnUpdate: []string{"arn", "revision"},
			Labels:          []string{"tags"}, // update tags the existing revision
			// RegisterTaskDefinition has no token: a repeated call would register another revision
			FindFirst: true,
			NotYet: []resource.NotYet{{
				Operations: []string{"ecs:RegisterTaskDefinition"}, Codes: []string{"ClientException"},
				Says: []string{"role is not valid"}, Within: newRoles,
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(othersRoles(s), []resource.Statement{
					{
						On: own(s, "task-definition/"),
						Actions: append([]string{"ecs:RegisterTaskDefinition", "ecs:DeleteTaskDefinitions"},
							tagActions...),
					},
					{Actions: []string{
						"ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions",
						"ecs:DeregisterTaskDefinition",
					}},
					{
						On:      []string{s.GlobalARN("iam", "role/"+s.Names(iam.NameLimit))},
						Actions: []string{"iam:PassRole"},
						When: resource.Condition{
							"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com"}},
						},
						Why: "a task definition names the roles that its tasks take",
					},
				}...)
			},
		},
		CheckProps:   checkTaskDefinition,
		CreateObject: t.create,
		ReadObject:   t.read,
		UpdateObject: t.update,
		DeleteObject: t.delete,
		Observe:      resource.Observing[wanted.TaskDefinition, wanted.TaskDefinitionOutputs]{Logs: taskLogs},
		Find:         t.find,
		Ahead:        t.foresee,
		Taggable:     true,
	}
}

func (t *taskDefinition) create(ctx context.Context, c taskCall) (string, wanted.TaskDefinitionOutputs, error) {
	out, err := t.register(ctx, c)
	return c.Props.Family, out, err
}

func (t *taskDefinition) find(ctx context.Context, c taskCall) (string, map[string]string, error) {
	found, err := t.describe(ctx, c.Props.Family)
	if err != nil {
		return "", nil, err
	}
	return c.Props.Family, tagging.Map(found.Tags, tag), nil
}

// read reads the revision in the state. If somebody deregistered it, or a run was interrupted while it deregistered all
// of them, the family still exists while it has another revision: it must not be forgotten.
func (t *taskDefinition) read(
	ctx context.Context, c taskCall,
) (wanted.TaskDefinition, wanted.TaskDefinitionOutputs, error) {
	id := c.ID
	if c.Out.Arn != "" {
		id = c.Out.Arn
	}
	found, err := t.describe(ctx, id)
	if id != c.ID && errors.Is(err, resource.ErrNotFound) {
		found, err = t.describe(ctx, c.ID)
	}
	if err != nil {
		return wanted.TaskDefinition{}, wanted.TaskDefinitionOutputs{}, err
	}
	props := fromTaskDefinition(*found.TaskDefinition)
	props.Tags = tagging.Seen(c.Request, tagging.Map(found.Tags, tag))
	return props, taskOutputs(*found.TaskDefinition), nil
}

// update registers a revision, unless the latest one is as wanted. Then an earlier run registered it and its answer was
// lost, or only tags differ, which are no reason to replace tasks.
func (t *taskDefinition) update(ctx context.Context, c taskCall) (wanted.TaskDefinitionOutputs, error) {
	out, found, err := t.registered(ctx, c)
	if err != nil {
		return c.Out, err
	}
	if found {
		return out, t.api.retag(ctx, c.Request, out.Arn, c.Old.Tags, c.Props.Tags)
	}
	if out, err = t.register(ctx, c); err != nil {
		return c.Out, err
	}
	return out, nil
}

// registered checks whether the latest revision is ours and as wanted. Users' tags do not count.
func (t *taskDefinition) registered(
	ctx context.Context, c taskCall,
) (out wanted.TaskDefinitionOutputs, found bool, err error) {
	latest, err := t.describe(ctx, c.Props.Family)
	if err != nil {
		return out, false, err
	}
	untagged := c.Props
	untagged.Tags = nil
	found = c.Owns(tagging.Map(latest.Tags, tag)) &&
		value.Equal(value.Encode(fromTaskDefinition(*latest.TaskDefinition)), value.Encode(untagged))
	return taskOutputs(*latest.TaskDefinition), found, nil
}

// register controls each attempt itself if the attempt before may have had an effect: a repeated call after a lost
// answer would register a second revision.
func (t *taskDefinition) register(ctx context.Context, c taskCall) (wanted.TaskDefinitionOutputs, error) {
	input := toRegister(c.Props)
	input.Tags = tagList(c.Request, c.Props.Tags)
	transient := retry.NewStandard()
	var out wanted.TaskDefinitionOutputs
	attempt := 0
	err := call.Wait(ctx, call.Pace{First: 2 * time.Second, Longest: 10 * time.Second, Limit: newRoles},
		"registering a revision of "+c.Props.Family,
		func(ctx context.Context) (bool, error) {
			if attempt++; attempt > 1 {
				latest, found, err := t.registered(ctx, c)
				if found || err != nil && !errors.Is(err, resource.ErrNotFound) {
					out = latest
					return true, err
				}
			}
			done, err := t.api.client.RegisterTaskDefinition(ctx, input, func(o *sdk.Options) {
				o.Retryer = session.OnlyRefused(o.Retryer)
			})
			if err == nil {
				out = taskOutputs(*done.TaskDefinition)
				return true, nil
			}
			if attempt < registerAttempts && transient.IsErrorRetryable(err) && !session.Throttled(err) {
				return false, nil
			}
			return true, call.Error(err)
		})
	return out, err
}

// delete deregisters every revision, then asks AWS to delete them. AWS does so when nothing uses them any more. If it
// refuses, they stay INACTIVE, which costs nothing.
func (t *taskDefinition) delete(ctx context.Context, c taskCall) error {
	active, err := t.api.revisions(ctx, c.ID, types.TaskDefinitionStatusActive)
	if err != nil {
		return err
	}
	for _, arn := range active {
		if _, err := t.api.client.DeregisterTaskDefinition(ctx,
			&sdk.DeregisterTaskDefinitionInput{TaskDefinition: &arn}); err != nil {
			return call.Error(err)
		}
	}
	inactive, err := t.api.revisions(ctx, c.ID, types.TaskDefinitionStatusInactive)
	if err != nil {
		return nil
	}
	for len(inactive) > 0 {
		n := min(10, len(inactive)) // as many as DeleteTaskDefinitions takes
		if _, err := t.api.client.DeleteTaskDefinitions(ctx,
			&sdk.DeleteTaskDefinitionsInput{TaskDefinitions: inactive[:n]}); err != nil {
			return nil
		}
		inactive = inactive[n:]
	}
	return nil
}

// describe takes a family (its latest active revision) or the ARN of a revision.
func (t *taskDefinition) describe(ctx context.Context, id string) (*sdk.DescribeTaskDefinitionOutput, error) {
	out, err := t.api.client.DescribeTaskDefinition(ctx, &sdk.DescribeTaskDefinitionInput{
		TaskDefinition: &id, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	if err != nil {
		return nil, call.Error(err, call.NotFound("ClientException")) // this is ECS's code for a missing one
	}
	if out.TaskDefinition == nil || out.TaskDefinition.Status != types.TaskDefinitionStatusActive {
		return nil, fmt.Errorf("task definition %s: %w", id, resource.ErrNotFound)
	}
	return out, nil
}

func taskOutputs(t types.TaskDefinition) wanted.TaskDefinitionOutputs {
	return wanted.TaskDefinitionOutputs{
		Arn: aws.ToString(t.TaskDefinitionArn), Family: aws.ToString(t.Family),
		Revision: int(t.Revision),
	}
}
