// Package servicediscovery is the behaviour of the AWS Cloud Map resource types: private DNS namespaces and services.
//
// In: calls of the resource contract. Out: Cloud Map API calls, some of which start an operation to wait for, and one
// EC2 call about the DNS of a VPC. It must not keep state, or decide what the contract decides.
package servicediscovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of Cloud Map.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := newAPI(cfg)
	return []resource.Behaviour{newNamespace(api), newService(api)}
}

// api is the clients.
type api struct {
	client  *servicediscovery.Client
	network *ec2.Client
}

func newAPI(cfg aws.Config) *api {
	return &api{servicediscovery.NewFromConfig(cfg), ec2.NewFromConfig(cfg)}
}

// tagPermissions are what both types need for tags: Cloud Map cannot limit them to single objects.
func tagPermissions(s resource.Scope) []resource.Statement {
	return []resource.Statement{
		{When: s.Made(), Actions: []string{"servicediscovery:TagResource"}},
		{Actions: []string{"servicediscovery:ListTagsForResource", "servicediscovery:UntagResource"}},
	}
}

var failed = call.Errors(call.NotFound("NamespaceNotFound", "ServiceNotFound", "ResourceNotFoundException"),
	call.Exists("NamespaceAlreadyExists", "ServiceAlreadyExists"))

// operations need seconds for services and up to two minutes for namespaces, which get a hosted zone.
var operations = call.Pace{First: 500 * time.Millisecond, Longest: 5 * time.Second, Limit: 10 * time.Minute}

// operation returns the id of the operation that a call started. The call may also be an earlier, identical one whose
// answer was lost.
func operation(id *string, err error) (*string, error) {
	var duplicate *types.DuplicateRequest
	if errors.As(err, &duplicate) && duplicate.DuplicateOperationId != nil {
		return duplicate.DuplicateOperationId, nil
	}
	return id, err
}

// wait waits for an operation and returns the ids of the objects it changed, by kind of target.
func (a *api) wait(ctx context.Context, started string, id *string) (map[string]string, error) {
	var targets map[string]string
	err := call.Wait(ctx, operations, "servicediscovery:"+started+" succeeds", func(ctx context.Context) (bool, error) {
		out, err := a.client.GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: id})
		if err != nil {
			return false, failed(err)
		}
		switch out.Operation.Status {
		case types.OperationStatusSuccess:
			targets = out.Operation.Targets
			return true, nil
		case types.OperationStatusFail:
			return false, &resource.OpError{
				Operation: "servicediscovery:" + started, Code: aws.ToString(out.Operation.ErrorCode),
				Message: aws.ToString(out.Operation.ErrorMessage) + ", operation " + aws.ToString(id),
			}
		}
		return false, nil
	})
	return targets, err
}

// unused waits for a delete that AWS refuses while the object contains something.
var unused = call.Pace{First: time.Second, Longest: 10 * time.Second, Limit: 5 * time.Minute}

// whenUnused repeats do while AWS says that the object is in use. next is the advice if that does not end.
func whenUnused(ctx context.Context, what, next string, progress func(string), do func(context.Context) error) error {
	var last error
	err := call.Wait(ctx, unused, what, func(ctx context.Context) (bool, error) {
		err := do(ctx)
		if !call.HasCode(err, "ResourceInUse") {
			return err == nil, err
		}
		if last == nil {
			progress("waiting until " + what)
		}
		last = err
		return false, nil
	})
	var answered, refused *resource.OpError
	if err != nil && ctx.Err() == nil && !errors.As(err, &answered) && errors.As(last, &refused) {
		refused.Next = next
		return refused // the wait is over: return the last refusal
	}
	return err
}

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

func tagList(req resource.Request, user map[string]string) []types.Tag {
	return tagging.List(tagging.Wanted(req.Tags, user), tag)
}

func (a *api) tagsOf(ctx context.Context, arn *string) (map[string]string, error) {
	out, err := a.client.ListTagsForResource(ctx, &servicediscovery.ListTagsForResourceInput{ResourceARN: arn})
	if err != nil {
		return nil, failed(err)
	}
	return tagging.Map(out.Tags, tag), nil
}

// withTags reads an object and its tags, side by side if its ARN is recorded.
func withTags[T any](
	ctx context.Context, a *api, recorded string, read func(context.Context) (T, *string, error),
) (found T, tags map[string]string, err error) {
	var arn *string
	both, bothCtx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { found, arn, err = read(bothCtx); return err })
	if recorded != "" {
		both.Go(func() (err error) {
			if tags, err = a.tagsOf(bothCtx, &recorded); errors.Is(err, resource.ErrNotFound) {
				err = nil // the other read says whether it is gone
			}
			return err
		})
	}
	if err := both.Wait(); err != nil {
		return found, nil, err
	}
	if aws.ToString(arn) != recorded {
		tags, err = a.tagsOf(ctx, arn)
	}
	return found, tags, err
}

// retag changes an object's tags from old to user, the users' own.
func (a *api) retag(ctx context.Context, req resource.Request, arn string, old, user map[string]string) error {
	return tagging.Retag(old, tagging.Wanted(req.Tags, user), func(tags map[string]string) error {
		_, err := a.client.TagResource(ctx, &servicediscovery.TagResourceInput{
			ResourceARN: &arn, Tags: tagging.List(tags, tag),
		})
		return failed(err)
	}, func(keys []string) error {
		_, err := a.client.UntagResource(ctx, &servicediscovery.UntagResourceInput{ResourceARN: &arn, TagKeys: keys})
		return failed(err)
	})
}

func missing(what, name string) error {
	return fmt.Errorf("no %s %s: %w", what, name, resource.ErrNotFound)
}
