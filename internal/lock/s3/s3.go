// Package s3 keeps lock records as objects of the bucket that holds the states, and administers what they need there.
//
// In: an SDK configuration, a bucket and a prefix. Out: a lock.Table with AWS's clock. A record is one object, replaced
// whole by PutObject with If-Match, or If-None-Match for the first: each step reads the record, decides, and writes on
// the condition that nobody has written since. Objects are never deleted, because they hold the fence. It must not know
// the rules of locking, and its client must not ask a lock's guard.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/bucket"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/lock/servertime"
	"github.com/company/deployer/internal/resource"
)

// Settings say in which bucket, and under which prefix.
type Settings struct {
	Bucket    string
	Prefix    string // of the states, too
	PathStyle bool   // for endpoints that are not AWS's own
	// Encryption is what each PutObject asks for, as for states; "": the header is left out.
	Encryption string
}

const (
	// attempts and oneCall are for taking a lock and for heartbeats: a step takes milliseconds and carries its own
	// time. Its caller repeats it with a new time.
	attempts = 3
	oneCall  = 15 * time.Second
	// lasting is how long the other steps are retried; they do not depend on the time.
	lasting = 30 * time.Second
	// The pause before a step is repeated that met another one.
	firstPause, longestPause = 50 * time.Millisecond, time.Second
	// largest is more than any record has.
	largest = 1 << 20
)

// api is the calls for locks; functions, because a client in an interface makes the linker keep all its methods.
type api struct {
	get func(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	put func(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Table is the locks of one bucket and prefix.
type Table struct {
	api        api
	bucket     string
	prefix     string
	encryption string
	time       *servertime.Clock

	mu   sync.Mutex
	last map[lock.Key]object // as this process last wrote them
}

// object is a record with the ETag of the object that holds it; "": there is none.
type object struct {
	record lock.Record
	etag   string
}

var _ lock.Table = (*Table)(nil)

// New returns the table; it makes no call.
func New(cfg sdk.Config, s Settings, clock lock.Clock) *Table {
	t := &Table{
		bucket: s.Bucket, prefix: bucket.Prefix(s.Prefix), encryption: s.Encryption, time: servertime.New(clock),
		last: map[lock.Key]object{},
	}
	client := bucket.Client(cfg, s.PathStyle, func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, t.time.Observe)
	})
	t.api = api{get: client.GetObject, put: client.PutObject}
	return t
}

// folder is a folder of its own, because a lifecycle rule is for all keys with a prefix.
const folder = "locks/"

func (t *Table) objectKey(key lock.Key) string {
	return t.prefix + folder + key.Stack + "/" + key.Environment + ".json"
}

// Now is AWS's clock.
func (t *Table) Now() time.Time { return t.time.Now() }

// Take implements lock.Table with one GetObject and one PutObject; a held lock is one GetObject.
func (t *Table) Take(ctx context.Context, r lock.Record, seen *lock.Record) (lock.Record, error) {
	ctx, stop, options := brief(ctx)
	defer stop()
	return t.change(ctx, r.Key, false, lock.Taking(r, seen), options)
}

// Beat implements lock.Table with one PutObject.
func (t *Table) Beat(ctx context.Context, r lock.Record) error {
	ctx, stop, options := brief(ctx)
	defer stop()
	_, err := t.change(ctx, r.Key, true, lock.Beating(r), options)
	return err
}

// Raise implements lock.Table with one PutObject.
func (t *Table) Raise(ctx context.Context, r lock.Record, fence int64) error {
	ctx, stop := context.WithTimeout(ctx, lasting)
	defer stop()
	_, err := t.change(ctx, r.Key, true, lock.Raising(r, fence))
	return err
}

// Free implements lock.Table with one PutObject.
func (t *Table) Free(ctx context.Context, r lock.Record) error {
	ctx, stop := context.WithTimeout(ctx, lasting)
	defer stop()
	_, err := t.change(ctx, r.Key, true, lock.Freeing(r))
	return err
}

// Get implements lock.Table with one GetObject, which is consistent.
func (t *Table) Get(ctx context.Context, key lock.Key) (lock.Record, error) {
	o, err := t.read(ctx, key)
	return o.record, err
}

// brief is for callers that repeat the call themselves, and tell users about it.
func brief(ctx context.Context) (context.Context, context.CancelFunc, func(*s3.Options)) {
	ctx, stop := context.WithTimeout(resource.WithTell(ctx, func(string) {}), oneCall)
	return ctx, stop, func(o *s3.Options) { o.RetryMaxAttempts = attempts }
}

// errMoved says that the object is no longer the one that a step was decided on.
var errMoved = errors.New("the object has changed")

// change makes one atomic step. It returns the record after it or, with the step's error, as it is. guess: the step
// starts from what this process wrote last, if it fits; a wrong guess costs one call.
func (t *Table) change(
	ctx context.Context, key lock.Key, guess bool, step lock.Step, options ...func(*s3.Options),
) (lock.Record, error) {
	now, known := t.guess(key, guess, step)
	var written []byte
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if !known {
			var err error
			if now, err = t.read(ctx, key, options...); err != nil {
				return lock.Record{}, err
			}
		}
		if text, err := now.record.Encode(); now.etag != "" && written != nil && err == nil &&
			bytes.Equal(text, written) {
			t.keep(key, now)
			return now.record, nil // an earlier attempt, whose answer was lost
		}
		next, err := step(now.record)
		if err != nil {
			return next, err
		}
		if written, err = next.Encode(); err != nil {
			return lock.Record{}, err
		}
		etag, err := t.write(ctx, key, written, now.etag, options...)
		if err == nil {
			t.keep(key, object{next, etag})
			return next, nil
		}
		if !errors.Is(err, errMoved) {
			return lock.Record{}, err
		}
		known = false
		if err := lock.Sleep(ctx, pause/2+rand.N(pause)); err != nil {
			return lock.Record{}, t.problem("s3:PutObject", err)
		}
	}
}

// guess is what this process wrote last, if the step can start from that.
func (t *Table) guess(key lock.Key, wanted bool, step lock.Step) (object, bool) {
	if !wanted {
		return object{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	o, ok := t.last[key]
	if !ok {
		return object{}, false
	}
	_, err := step(o.record)
	return o, err == nil
}

func (t *Table) keep(key lock.Key, o object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last[key] = o
}

// write puts the record if the object still has that ETag; "": if there is none. The SDK repeats a write whose answer
// was lost, and S3 then refuses the repetition: errMoved does not mean that nothing was written.
func (t *Table) write(ctx context.Context, key lock.Key, text []byte, after string, options ...func(*s3.Options)) (
	string, error,
) {
	name := t.objectKey(key)
	in := bucket.Encrypted(&s3.PutObjectInput{
		Bucket: &t.bucket, Key: &name, Body: bytes.NewReader(text), ContentType: sdk.String("application/json"),
	}, t.encryption)
	if after == "" {
		in.IfNoneMatch = sdk.String("*")
	} else {
		in.IfMatch = &after
	}
	out, err := t.api.put(ctx, in, options...)
	switch {
	case err == nil:
		return sdk.ToString(out.ETag), nil
	case bucket.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict", "OperationAborted"),
		bucket.HasCode(err, "NoSuchKey") && after != "":
		return "", errMoved
	}
	return "", t.problem("s3:PutObject", err)
}

func (t *Table) read(ctx context.Context, key lock.Key, options ...func(*s3.Options)) (object, error) {
	name := t.objectKey(key)
	out, err := t.api.get(ctx, &s3.GetObjectInput{Bucket: &t.bucket, Key: &name}, options...)
	if bucket.HasCode(err, "NoSuchKey") {
		return object{record: lock.Record{Key: key}}, nil
	}
	if err != nil {
		return object{}, t.problem("s3:GetObject", err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, largest))
	if err != nil {
		return object{}, t.problem("s3:GetObject", err)
	}
	r, err := lock.Decode(key, text)
	if err != nil {
		return object{}, t.damaged(name, err)
	}
	return object{r, sdk.ToString(out.ETag)}, nil
}

func (t *Table) damaged(name string, err error) error {
	place := "s3://" + t.bucket + "/" + name
	d := diag.New(diag.Conflict, "Lock is damaged",
		fmt.Sprintf("The object %s does not hold a lock: %s.", place, err),
		"Nothing was changed. If no run of this stack is in progress, delete the object: aws s3 rm "+place)
	d.Cause = err
	return d
}

func (t *Table) problem(operation string, err error) error {
	if t.time.Known() && (aws.Trouble(err) || errors.Is(err, context.DeadlineExceeded)) {
		err = errors.Join(err, lock.ErrTrouble)
	}
	return bucket.Problem(t.bucket, operation, err)
}
