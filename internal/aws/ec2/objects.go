package ec2

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	session "github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

// objects are all EC2 objects of one type. AWS makes up their ids, so only the tags of an object say what it is for.
type objects[T any] struct {
	noun      string // "VPC"
	operation string // that lists them: "DescribeVpcs"
	missing   string // AWS's error code for an id that does not exist
	idFilter  string
	// list returns all objects that pass the filters. The emulator ignores some filters, so callers check again.
	list func(context.Context, []types.Filter) ([]T, error)
	id   func(T) *string
	tags func(T) []types.Tag
	many *call.Batch[string, T]
	mark func(ctx context.Context, id string, old, wanted map[string]string) error // api.retag
}

// batched completes objects with reads that share calls, and with changes of tags.
func batched[T any](api *api, o objects[T]) *objects[T] {
	o.mark = api.retag
	o.many = call.ByID(filterValues, func(ctx context.Context, ids []string) ([]T, error) {
		return o.list(ctx, []types.Filter{filter(o.idFilter, ids...)})
	}, o.id)
	return &o
}

// get returns the object with an id; ErrNotFound if AWS does not list it.
func (o *objects[T]) get(ctx context.Context, id string) (T, error) {
	found, there, err := o.many.Get(ctx, id)
	if err == nil && !there {
		err = o.gone(id)
	}
	return found, failed(err)
}

// retag changes the tags of an object that exists: for an id that does not, CreateTags may return no error.
func (o *objects[T]) retag(ctx context.Context, req resource.Request, old, wanted map[string]string) error {
	if _, err := o.get(ctx, req.ID); err != nil {
		return err
	}
	return o.mark(ctx, req.ID, old, tagging.Wanted(req.Tags, wanted))
}

func (o *objects[T]) gone(id string) error { return gone(o.operation, o.missing, "the "+o.noun+" "+id) }

// find looks for the object that a run made for the resource, and that is not in the state.
func (o *objects[T]) find(ctx context.Context, req resource.Request) (string, map[string]string, error) {
	return o.findFor(ctx, req, nil)
}

// findFor is find among the objects that count; nil: all.
func (o *objects[T]) findFor(
	ctx context.Context, req resource.Request, counts func(T) bool,
) (string, map[string]string, error) {
	list, err := o.list(ctx, []types.Filter{filter("tag:"+resource.TagStack, req.Tags[resource.TagStack])})
	if err != nil {
		return "", nil, failed(err)
	}
	for _, item := range list {
		id, tags := aws.ToString(o.id(item)), tagging.Map(o.tags(item), tag)
		if (counts == nil || counts(item)) && req.Marks(id, tags) {
			return id, tags, nil
		}
	}
	return "", nil, gone(o.operation, o.missing, "a "+o.noun+" for "+req.Resource)
}

// attempts is how often a call without a client token is made.
const attempts = 5

// listed is how long a new object may be missing from the lists of EC2.
var listed = call.Pace{First: 500 * time.Millisecond, Longest: 3 * time.Second, Limit: 15 * time.Second}

// makeOnce makes an object with a call that has no client token. After a lost answer it looks for the object before it
// calls again: a repeated call would make a second object.
func (o *objects[T]) makeOnce(
	ctx context.Context, req resource.Request, make func(context.Context, func(*ec2.Options)) (*string, error),
) (string, error) {
	transient := retry.NewStandard()
	for attempt := 1; ; attempt++ {
		id, err := make(ctx, func(options *ec2.Options) { options.Retryer = session.OnlyRefused(options.Retryer) })
		if err == nil {
			return aws.ToString(id), nil
		}
		if !transient.IsErrorRetryable(err) || session.Throttled(err) || attempt == attempts {
			return "", failed(err)
		}
		made := ""
		looked := call.Wait(ctx, listed, "AWS lists the "+o.noun+" whose answer was lost",
			func(ctx context.Context) (bool, error) {
				found, _, findErr := o.find(ctx, req)
				made = found
				return findErr == nil, nil //nolint:nilerr // not there yet, or no answer: look again
			})
		if looked == nil {
			return made, nil
		}
		if ctx.Err() != nil {
			return "", failed(err)
		}
	}
}

// known waits until EC2 knows a new object, as ready says, and returns it.
func (o *objects[T]) known(
	ctx context.Context, pace call.Pace, id, what string, ready func(T) (bool, error),
) (found T, err error) {
	err = call.Wait(ctx, pace, "the "+o.noun+" "+id+" "+what, func(ctx context.Context) (bool, error) {
		list, err := o.list(ctx, []types.Filter{filter(o.idFilter, id)})
		if err != nil {
			return false, failed(err)
		}
		for _, item := range list {
			if aws.ToString(o.id(item)) == id {
				found = item
				return ready(item)
			}
		}
		return false, nil
	})
	return found, err
}

// there is a condition for known: the object is listed.
func there[T any](T) (bool, error) { return true, nil }

// detached repeats a delete while AWS says that something still uses the object. Network interfaces disappear minutes
// after what they belonged to. users tells what uses it, for people, and deletes what AWS itself has left; nil: nobody
// knows.
func detached(
	ctx context.Context, progress func(string), what string, remove func(context.Context) error,
	users func(context.Context) []string,
) error {
	told, by := "", ""
	err := call.Wait(ctx, released, "nothing uses "+what+" any more", func(ctx context.Context) (bool, error) {
		err := remove(ctx)
		if !call.HasCode(err, "DependencyViolation", "InvalidIPAddress.InUse") {
			return err == nil, failed(err)
		}
		if users != nil {
			by = usedBy(users(ctx))
		}
		if text := "waiting: AWS says that " + what + " is still in use" + by; text != told {
			told = text
			progress(text)
		}
		return false, nil
	})
	if err != nil && by != "" {
		err = fmt.Errorf("%w. AWS says that it is still in use%s", err, by)
	}
	return err
}

// whatUses is why detached needs more permissions.
const whatUses = "a delete that AWS refuses says what still uses the object"

// usedBy lists users of an object, as the end of a sentence.
func usedBy(users []string) string {
	const most = 5
	switch more := len(users) - most; {
	case len(users) == 0:
		return ""
	case more > 0:
		return fmt.Sprintf(", by %s and %d more", strings.Join(users[:most], ", "), more)
	}
	return ", by " + strings.Join(users, ", ")
}

// scoped are the permissions that all taggable types have: make, tag, change and delete objects with the stack's tags,
// and list all. create is the call that makes one; change are calls on an object that exists.
func scoped(s resource.Scope, object, create string, change []string, describe ...string) []resource.Statement {
	on := []string{s.ARN("ec2", object+"/*")}
	return []resource.Statement{
		{On: on, When: s.Made(), Actions: []string{"ec2:" + create}},
		{On: on, Actions: []string{"ec2:CreateTags"}, When: resource.Condition{
			"StringEquals": {"ec2:CreateAction": {create}},
		}},
		{On: on, When: s.Tagged(), Actions: append([]string{"ec2:CreateTags", "ec2:DeleteTags"}, change...)},
		{Actions: describe},
	}
}

// within is the permission to make something in objects of the stack.
func within(s resource.Scope, action string, objects ...string) resource.Statement {
	on := make([]string, len(objects))
	for i, object := range objects {
		on[i] = s.ARN("ec2", object+"/*")
	}
	return resource.Statement{On: on, When: s.Tagged(), Actions: []string{"ec2:" + action}}
}
