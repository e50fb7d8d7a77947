package tagging

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Object is one AWS object in the tag index.
type Object = resource.Tagged

// pageSize is how many objects GetResources returns at most.
const pageSize = 100

// Find asks the tag index of a region (GetResources of the Resource Groups Tagging API) for the objects with all these
// tags, at most limit of them; 0: all. The index is only a hint. New objects appear late, and deleted ones disappear
// even later (listeners, their rules and task definitions stay for hours). It lacks what the API does not cover: IAM
// roles outside us-east-1, scalable targets, rules of security groups.
func Find(ctx context.Context, cfg aws.Config, tags map[string]string, limit int) ([]Object, error) {
	return pages(ctx, cfg, query(tags), limit)
}

// pages reads page after page, until there are limit objects; 0: all pages.
func pages(ctx context.Context, cfg aws.Config, in *tagging.GetResourcesInput, limit int) ([]Object, error) {
	get := tagging.NewFromConfig(cfg).GetResources
	var out []Object
	for {
		page, err := get(ctx, in)
		if err != nil {
			return out, call.Error(err)
		}
		out = append(out, objects(page)...)
		if limit > 0 && len(out) >= limit {
			return out[:limit], nil
		}
		if aws.ToString(page.PaginationToken) == "" {
			return out, nil
		}
		in.PaginationToken = page.PaginationToken
	}
}

// objects returns the objects of a page.
func objects(page *tagging.GetResourcesOutput) []Object {
	out := make([]Object, len(page.ResourceTagMappingList))
	for i, found := range page.ResourceTagMappingList {
		out[i] = Object{
			ARN:  aws.ToString(found.ResourceARN),
			Tags: Map(found.Tags, tag),
		}
	}
	return out
}

// query asks for a page of the objects with all these tags.
func query(tags map[string]string) *tagging.GetResourcesInput {
	in := &tagging.GetResourcesInput{ResourcesPerPage: aws.Int32(pageSize)}
	for _, key := range Keys(tags) {
		in.TagFilters = append(in.TagFilters, types.TagFilter{Key: aws.String(key), Values: []string{tags[key]}})
	}
	return in
}

// Permissions are what Find and Begin need. AWS allows nothing narrower: the index covers the whole region.
func Permissions(resource.Scope) []resource.Statement {
	return []resource.Statement{{Actions: []string{"tag:GetResources"}}}
}

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }
