package ecs

import (
	"context"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	wanted "github.com/company/deployer/internal/resource/ecs"
)

var tagActions = []string{"ecs:TagResource", "ecs:UntagResource"}

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

// tagList returns an object's tags: those of the request, and user, the users' own.
func tagList(req resource.Request, user map[string]string) []types.Tag {
	return tagging.List(tagging.Wanted(req.Tags, user), tag)
}

// retag changes an object's tags from old to user, the users' own.
func (a *api) retag(ctx context.Context, req resource.Request, arn string, old, user map[string]string) error {
	return tagging.Retag(old, tagging.Wanted(req.Tags, user), func(tags map[string]string) error {
		_, err := a.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &arn, Tags: tagging.List(tags, tag)})
		return call.Error(err)
	}, func(keys []string) error {
		_, err := a.client.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: &arn, TagKeys: keys})
		return call.Error(err)
	})
}

// inOrder returns actual in the order of recorded if both hold the same items: AWS has sets where we have lists.
func inOrder(actual, recorded []string) []string {
	a, b := slices.Clone(actual), slices.Clone(recorded)
	slices.Sort(a)
	slices.Sort(b)
	if slices.Equal(a, b) {
		return recorded
	}
	return actual
}

// optional returns nil for the zero value: AWS often refuses a zero value where it accepts an absent one.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// own are the ARNs of a stack's objects of one kind: they begin with the kind and the name of the cluster or the
// family. inCluster is the condition that a request is about a cluster of the stack.
func inCluster(s resource.Scope) resource.Condition {
	return resource.Condition{"ArnLike": {"ecs:cluster": own(s, "cluster/")}}
}

func own(s resource.Scope, kind string) []string {
	return []string{s.ARN("ecs", kind+s.Names(wanted.NameLimit))}
}
