package tagging

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Index is the tag index of a region, asked for the objects with certain tags.
type Index struct {
	cfg   aws.Config
	tags  map[string]string
	first chan struct{} // closed when the first page is there
	list  []Object      // of the first page
	found map[string]bool
	next  *string // of the second page; nil: there is none
	err   error
}

// Begin asks for the first page of the objects with all these tags, and does not wait for it.
func Begin(ctx context.Context, cfg aws.Config, tags map[string]string) *Index {
	x := &Index{cfg: cfg, tags: tags, first: make(chan struct{}), found: map[string]bool{}}
	go func() {
		defer close(x.first)
		page, err := tagging.NewFromConfig(cfg).GetResources(ctx, query(tags))
		if err != nil {
			x.err = call.Error(err)
			return
		}
		if aws.ToString(page.PaginationToken) != "" {
			x.next = page.PaginationToken
		}
		x.list = objects(page)
		for _, object := range x.list {
			x.found[object.ARN] = true
		}
	}()
	return x
}

// First returns the objects of the first page.
func (x *Index) First(ctx context.Context) ([]Object, error) {
	select {
	case <-x.first:
		return x.list, x.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Has returns which of the objects the index lists. If a stack has more objects than fit on a page, the others are
// asked for by name, side by side, instead of page after page.
func (x *Index) Has(ctx context.Context, arns []string) (map[string]bool, error) {
	select {
	case <-x.first:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if x.err != nil || x.next == nil {
		return x.found, x.err
	}
	out := map[string]bool{}
	var open []string
	for _, arn := range arns {
		if x.found[arn] {
			out[arn] = true
		} else if arn != "" {
			open = append(open, arn)
		}
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	var failed error
	ignored := false // an emulator may ignore the names in a question
	get := tagging.NewFromConfig(x.cfg).GetResources
	for some := range slices.Chunk(open, pageSize) {
		all.Go(func() {
			answer, err := get(ctx, &tagging.GetResourcesInput{ResourceARNList: some})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = call.Error(err)
				return
			}
			for _, object := range answer.ResourceTagMappingList {
				ignored = ignored || !slices.Contains(some, aws.ToString(object.ResourceARN))
				if x.carries(object.Tags) {
					out[aws.ToString(object.ResourceARN)] = true
				}
			}
		})
	}
	all.Wait()
	if ignored && failed == nil {
		return x.pages(ctx)
	}
	return out, failed
}

// pages asks page after page.
func (x *Index) pages(ctx context.Context) (map[string]bool, error) {
	in := query(x.tags)
	in.PaginationToken = x.next
	rest, err := pages(ctx, x.cfg, in, 0)
	out := maps.Clone(x.found)
	for _, object := range rest {
		out[object.ARN] = true
	}
	return out, err
}

// carries reports whether an object has the tags: asked by name, the index also returns objects that lost them.
func (x *Index) carries(tags []types.Tag) bool {
	has := Map(tags, tag)
	for key, text := range x.tags {
		if has[key] != text {
			return false
		}
	}
	return true
}

// Seen returns the tags that users gave, as User does, and puts all tags into req.Seen if the read wants them.
func Seen(req resource.Request, object map[string]string) map[string]string {
	if req.Seen != nil {
		req.Seen.Tags = object
		if object == nil {
			req.Seen.Tags = map[string]string{}
		}
	}
	return User(object)
}
