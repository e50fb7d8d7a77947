// Package applicationautoscaling makes scalable targets, target-tracking policies and scheduled actions for the task
// count of ECS services: the behaviours of the types in resource/applicationautoscaling.
//
// In: desired properties and the recorded state. Out: the objects as they really are. Every put of this API overwrites
// the existing object. Names contain the service, so they say whose an object is. It must not touch the service itself.
package applicationautoscaling

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// api is the client, and reads that share calls.
type api struct {
	client   *sdk.Client
	targets  *call.Batch[string, types.ScalableTarget]
	policies *call.Batch[string, types.ScalingPolicy]   // by ID
	actions  *call.Batch[string, types.ScheduledAction] // by ID
}

// Behaviours returns the resource types of Application Auto Scaling.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	c := sdk.NewFromConfig(cfg)
	calls := &api{
		client: c,
		targets: &call.Batch[string, types.ScalableTarget]{
			Size: 50,
			Ask: func(ctx context.Context, ids []string) (map[string]types.ScalableTarget, error) {
				return describeTargets(ctx, c, ids)
			},
		},
		policies: &call.Batch[string, types.ScalingPolicy]{
			Size: 50,
			Ask: func(ctx context.Context, ids []string) (map[string]types.ScalingPolicy, error) {
				return describePolicies(ctx, c, ids)
			},
		},
		actions: &call.Batch[string, types.ScheduledAction]{
			Size: 50,
			Ask: func(ctx context.Context, ids []string) (map[string]types.ScheduledAction, error) {
				return describeActions(ctx, c, ids)
			},
		},
	}
	return []resource.Behaviour{newTarget(calls), newPolicy(calls), newScheduledAction(calls)}
}

const (
	namespace = types.ServiceNamespaceEcs
	dimension = types.ScalableDimensionECSServiceDesiredCount
)

// gone is the error for an object that does not exist.
var gone = call.NotFound("ObjectNotFoundException")

// notYet are the errors for a service, its scalable target or the roles of both that AWS does not know yet.
var notYet = []resource.NotYet{
	{
		Operations: []string{
			"application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy",
			"application-autoscaling:PutScheduledAction",
		},
		Codes: []string{"ValidationException", "FailedResourceAccessException"},
		Says:  []string{"ecs service doesn't exist", "service linked role", "service-linked role", "unable to assume"},
	},
	{
		Operations: []string{"application-autoscaling:PutScalingPolicy", "application-autoscaling:PutScheduledAction"},
		// "No scalable target registered for service namespace: ecs, resource ID: ..."
		Codes: []string{"ObjectNotFoundException"},
	},
	{
		Operations: []string{"application-autoscaling:ListTagsForResource", "application-autoscaling:TagResource"},
		Codes:      []string{"ResourceNotFoundException"}, New: true,
	},
}

// patiently repeats a call while AWS says that something else is changing the object.
func patiently(ctx context.Context, do func(context.Context) error) error {
	return call.Wait(ctx, call.Eventually, "Application Auto Scaling takes the call",
		func(ctx context.Context) (bool, error) {
			err := do(ctx)
			if call.HasCode(err, "ConcurrentUpdateException") {
				return false, nil
			}
			return true, call.Error(err, gone)
		})
}

func mentions(err error, parts ...string) bool {
	text := strings.ToLower(err.Error())
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// findBy looks for an object of a target; without a name, for the target itself. The ID is made of names.
func findBy(
	ctx context.Context, target value.Of[string], name string, describe func(ctx context.Context, id string) error,
) (string, map[string]string, error) {
	id := target.Get()
	if id == "" { // not known when the run was interrupted
		return "", nil, errors.ErrUnsupported
	}
	if name != "" {
		id = join(id, name)
	}
	return id, nil, describe(ctx, id)
}

// join makes the ID of an object of a target: service/<cluster>/<service>/<name>.
func join(resourceID, name string) string { return resourceID + "/" + name }

// split is the inverse of join. Names contain no slash.
func split(id string) (resourceID, name string) {
	i := strings.LastIndexByte(id, '/')
	return id[:max(i, 0)], id[i+1:]
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func number32(n *int) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(*n))
}

func number(n *int32) *int {
	if n == nil {
		return nil
	}
	return aws.Int(int(*n))
}

// targets are the ARNs of scalable targets. AWS chooses their ids, so only tags tell which ones are the stack's.
func targets(s resource.Scope) []string {
	return []string{s.ARN("application-autoscaling", "scalable-target/*")}
}
