package elbv2

import (
	"context"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

type tagCalls struct {
	describeTags op[elb.DescribeTagsInput, elb.DescribeTagsOutput]
	addTags      op[elb.AddTagsInput, elb.AddTagsOutput]
	removeTags   op[elb.RemoveTagsInput, elb.RemoveTagsOutput]
}

// tagActions are what every taggable type needs beside its own.
var tagActions = []string{"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"}

func tagList(req resource.Request, user map[string]string) []types.Tag {
	return tagging.List(tagging.Wanted(req.Tags, user), func(key, text string) types.Tag { return types.Tag{Key: &key, Value: &text} })
}

// tagsOf returns all tags of an object.
func (t tagCalls) tagsOf(ctx context.Context, arn string) (map[string]string, error) {
	out, err := t.describeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{arn}})
	if err != nil {
		return nil, failed("DescribeTags", err)
	}
	for _, d := range out.TagDescriptions {
		return tagging.Map(d.Tags, func(tag types.Tag) (*string, *string) { return tag.Key, tag.Value }), nil
	}
	return map[string]string{}, nil
}

// retag brings an object's tags from old to user, users' own ones, and applies the rest again.
func (t tagCalls) retag(ctx context.Context, req resource.Request, old, user map[string]string) error {
	if _, err := t.addTags(ctx, &elb.AddTagsInput{ResourceArns: []string{req.ID}, Tags: tagList(req, user)}); err != nil {
		return failed("AddTags", err)
	}
	if gone := tagging.Removed(old, tagging.Wanted(req.Tags, user)); len(gone) > 0 {
		if _, err := t.removeTags(ctx, &elb.RemoveTagsInput{ResourceArns: []string{req.ID}, TagKeys: gone}); err != nil {
			return failed("RemoveTags", err)
		}
	}
	return nil
}
