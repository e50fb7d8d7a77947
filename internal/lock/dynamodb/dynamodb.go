// Package dynamodb keeps lock records as items of a DynamoDB table, and administers that table.
//
// In: an SDK configuration, the table, and the bucket and prefix whose states are locked. Out: a lock.Table with AWS's
// clock. It relies on UpdateItem's conditions and on the HTTP Date header. Items are never deleted, because they hold
// the fence; the table must have no TTL. It must not know the rules of locking, and its client must not ask a lock's
// guard.
package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/servertime"
	"github.com/company/deployer/internal/resource"
)

// Settings say which table, and for which states.
type Settings struct {
	Table  string
	Bucket string // that holds the states; "" when they are local
	Prefix string // in that bucket
}

const (
	// attempts and oneCall are for taking a lock and for heartbeats: a call takes milliseconds and carries its own
	// time. Its caller repeats it with a new time.
	attempts = 3
	oneCall  = 15 * time.Second
	// step is how long the other steps are retried; they do not depend on the time.
	step = 30 * time.Second
)

// api is the calls for locks; functions, because a client in an interface makes the linker keep all its methods.
type api struct {
	update func(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput,
		error)
	get func(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// Table is one DynamoDB table, for the states of one bucket and prefix.
type Table struct {
	api   api
	name  string
	scope string // "bucket/prefix"
	short bool   // keys without the scope are tried first
	time  *servertime.Clock

	mu   sync.Mutex
	long map[lock.Key]bool // keys whose short form belongs to another bucket
}

var _ lock.Table = (*Table)(nil)

// New returns the table; it makes no call.
func New(cfg sdk.Config, s Settings, clock lock.Clock) *Table {
	t := &Table{name: s.Table, time: servertime.New(clock), long: map[lock.Key]bool{}}
	prefix := strings.Trim(s.Prefix, "/")
	t.short = prefix == ""
	if s.Bucket != "" || prefix != "" {
		t.scope = s.Bucket + "/" + prefix
	}
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, t.time.Observe)
	})
	t.api = api{update: client.UpdateItem, get: client.GetItem}
	return t
}

// Now is AWS's clock.
func (t *Table) Now() time.Time { return t.time.Now() }

// itemKey is the item's key. The plain key belongs to the first bucket that locked it on this table. For states under a
// prefix or in another bucket the key has bucket and prefix appended, so that they do not share a lock.
func (t *Table) itemKey(key lock.Key) (item string, short bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.scope == "" || t.short && !t.long[key] {
		return key.String(), t.scope != ""
	}
	return key.String() + ":" + t.scope, false
}

func (t *Table) useLong(key lock.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.long[key] = true
}

// Take implements lock.Table with one UpdateItem.
func (t *Table) Take(ctx context.Context, r lock.Record, seen *lock.Record) (lock.Record, error) {
	for {
		id, short := t.itemKey(r.Key)
		u := t.newUpdate(id)
		u.setHolder(r)
		u.add("fence", 1)
		if seen == nil {
			u.conditions = append(u.conditions, "attribute_not_exists("+u.name("lockId")+")")
		} else {
			u.equals("lockId", text(seen.ID))
			u.equals("rvn", text(seen.RVN))
			u.set("unclaimed", &types.AttributeValueMemberBOOL{Value: true})
		}
		if short {
			u.set("bucket", text(t.scope))
			u.conditions = append(u.conditions,
				fmt.Sprintf("(attribute_not_exists(%[1]s) OR %[1]s = %[2]s)", u.name("bucket"), u.value(text(t.scope))))
		}
		after, err := t.update(ctx, u, brief)
		if errors.Is(err, errCondition) && short && str(after, "bucket") != "" && str(after, "bucket") != t.scope {
			t.useLong(r.Key)
			continue
		}
		if errors.Is(err, errCondition) {
			err = lock.ErrHeld
		}
		return toRecord(r.Key, after), err
	}
}

// Beat implements lock.Table with one UpdateItem.
func (t *Table) Beat(ctx context.Context, r lock.Record) error {
	id, _ := t.itemKey(r.Key)
	u := t.newUpdate(id)
	u.set("rvn", text(r.RVN))
	u.set("lastHeartbeat", number(r.LastHeartbeat.Unix()))
	u.set("expiresAt", number(r.ExpiresAt.Unix()))
	u.equals("lockId", text(r.ID))
	u.equals("fence", number(r.Fence))
	return t.held(ctx, u, brief)
}

// Raise implements lock.Table with one UpdateItem.
func (t *Table) Raise(ctx context.Context, r lock.Record, fence int64) error {
	id, _ := t.itemKey(r.Key)
	u := t.newUpdate(id)
	u.set("fence", number(fence))
	u.equals("lockId", text(r.ID))
	return t.held(ctx, u, lasting)
}

// Free implements lock.Table with one UpdateItem.
func (t *Table) Free(ctx context.Context, r lock.Record) error {
	id, _ := t.itemKey(r.Key)
	u := t.newUpdate(id)
	u.remove(holderFields...)
	if r.LastSerial != 0 {
		u.set("lastSerial", number(r.LastSerial))
	}
	if r.Unclaimed {
		u.set("unclaimed", &types.AttributeValueMemberBOOL{Value: true})
	} else {
		u.remove("unclaimed")
	}
	u.equals("lockId", text(r.ID))
	if r.RVN != "" {
		u.equals("rvn", text(r.RVN))
	}
	return t.held(ctx, u, lasting)
}

// held makes a step that only the holder may make.
func (t *Table) held(ctx context.Context, u *update, e effort) error {
	_, err := t.update(ctx, u, e)
	if errors.Is(err, errCondition) {
		return lock.ErrLost
	}
	return err
}

// Get implements lock.Table with one GetItem, two where another bucket owns the plain key.
func (t *Table) Get(ctx context.Context, key lock.Key) (lock.Record, error) {
	for {
		id, short := t.itemKey(key)
		item, err := t.get(ctx, id)
		if err != nil {
			return lock.Record{}, err
		}
		if owner := str(item, "bucket"); short && owner != "" && owner != t.scope {
			t.useLong(key)
			continue
		}
		return toRecord(key, item), nil
	}
}

// effort is how often and how long a call is tried.
type effort func(context.Context) (context.Context, context.CancelFunc, func(*dynamodb.Options))

// brief is for callers that repeat the call themselves, and tell users about it.
func brief(ctx context.Context) (context.Context, context.CancelFunc, func(*dynamodb.Options)) {
	ctx, stop := context.WithTimeout(resource.WithTell(ctx, func(string) {}), oneCall)
	return ctx, stop, func(o *dynamodb.Options) { o.RetryMaxAttempts = attempts }
}

func lasting(ctx context.Context) (context.Context, context.CancelFunc, func(*dynamodb.Options)) {
	ctx, stop := context.WithTimeout(ctx, step)
	return ctx, stop, func(*dynamodb.Options) {}
}

func (t *Table) get(ctx context.Context, id string, options ...func(*dynamodb.Options)) (
	map[string]types.AttributeValue, error,
) {
	out, err := t.api.get(ctx, &dynamodb.GetItemInput{
		TableName: &t.name, ConsistentRead: sdk.Bool(true), Key: map[string]types.AttributeValue{"lockKey": text(id)},
	}, options...)
	if err != nil {
		return nil, t.problem("dynamodb:GetItem", err)
	}
	return out.Item, nil
}

// errCondition says that the item does not meet the condition.
var errCondition = errors.New("condition failed")

// update returns the item after the step or, with errCondition, as it is.
func (t *Table) update(ctx context.Context, u *update, e effort) (map[string]types.AttributeValue, error) {
	ctx, stop, options := e(ctx)
	defer stop()
	out, err := t.api.update(ctx, u.input(), options)
	if err == nil {
		return out.Attributes, nil
	}
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return nil, t.problem("dynamodb:UpdateItem", err)
	}
	if failed.Item != nil {
		return failed.Item, errCondition
	}
	// Not every server returns the item, and no server does if there is no item.
	item, err := t.get(ctx, u.key, options)
	if err != nil {
		return nil, err
	}
	return item, errCondition
}

func (t *Table) problem(operation string, err error) error {
	var missing *types.ResourceNotFoundException
	var api smithy.APIError
	switch {
	case errors.As(err, &missing):
		return noTable(t.name, operation, err)
	case errors.As(err, &api) && api.ErrorCode() == "ValidationException" &&
		strings.Contains(api.ErrorMessage(), "key"):
		return otherKey(t.name, operation, err)
	case t.time.Known() && (aws.Trouble(err) || errors.Is(err, context.DeadlineExceeded)):
		err = errors.Join(err, lock.ErrTrouble)
	}
	return aws.Problem(operation, err)
}

// otherKey is what AWS's "The provided key element does not match the schema" means here.
func otherKey(name, operation string, err error) error {
	d := diag.New(diag.Invalid, "Lock table has another key",
		fmt.Sprintf("The key of the DynamoDB table %q %s, so it cannot store locks.", name, wrongKey),
		"Check locks.table, or use another table, because a table's key cannot be changed. "+createHint("NAME"))
	d.Operation, d.RequestID, d.Cause = operation, aws.RequestID(err), err
	return d
}

func noTable(name, operation string, err error) error {
	d := diag.New(diag.Invalid, "Lock table does not exist",
		fmt.Sprintf("There is no DynamoDB table %q for the locks in this region.", name),
		"Check locks.table and locks.region. "+createHint(name))
	d.Operation, d.RequestID, d.Cause = operation, aws.RequestID(err), err
	return d
}
