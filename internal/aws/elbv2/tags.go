package elbv2

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

// tagActions are what every taggable type needs in addition to its own actions.
var tagActions = []string{"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"}

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

func tagList(req resource.Request, user map[string]string) []types.Tag {
	return tagging.List(tagging.Wanted(req.Tags, user), tag)
}

// tagsOf returns all tags of an object.
func (a *api) tagsOf(ctx context.Context, arn string) (map[string]string, error) {
	all, err := a.tagsOfAll(ctx, []string{arn})
	if err != nil {
		return nil, err
	}
	if all[arn] == nil {
		return map[string]string{}, nil
	}
	return all[arn], nil
}

// tagsOfAll returns the tags of objects by ARN, without objects that are gone.
func (a *api) tagsOfAll(ctx context.Context, arns []string) (map[string]map[string]string, error) {
	all := make(map[string]map[string]string, len(arns))
	for some := range slices.Chunk(arns, 20) { // as many as DescribeTags takes
		out, err := a.client.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: some})
		if err = failed(err); errors.Is(err, resource.ErrNotFound) && len(some) > 1 { // one missing fails all
			for _, arn := range some {
				one, err := a.tagsOfAll(ctx, []string{arn})
				if err != nil && !errors.Is(err, resource.ErrNotFound) {
					return nil, err
				}
				maps.Copy(all, one)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, d := range out.TagDescriptions {
			all[aws.ToString(d.ResourceArn)] = tagging.Map(d.Tags, tag)
		}
	}
	return all, nil
}

// retag changes an object's tags from old to user, the users' own.
func (a *api) retag(ctx context.Context, req resource.Request, old, user map[string]string) error {
	on := []string{req.ID}
	return tagging.Retag(old, tagging.Wanted(req.Tags, user), func(tags map[string]string) error {
		_, err := a.client.AddTags(ctx, &elb.AddTagsInput{ResourceArns: on, Tags: tagging.List(tags, tag)})
		return failed(err)
	}, func(keys []string) error {
		_, err := a.client.RemoveTags(ctx, &elb.RemoveTagsInput{ResourceArns: on, TagKeys: keys})
		return failed(err)
	})
}
