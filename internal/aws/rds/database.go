package rds

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// database is what RDS does alike for instances and for clusters. D is the SDK's description of one.
type database[D any] struct {
	api       *api
	noun      string // in sentences
	option    string // in the commands of AWS's CLI
	source    types.SourceType
	taken     string // the code for a final snapshot whose name is taken
	get       func(ctx context.Context, id string) (D, error)
	brief     func(D) brief
	unprotect func(ctx context.Context, id string) error
	// remove begins the delete. final names the final snapshot; nil: none.
	remove func(ctx context.Context, id string, final *string) error
}

// brief is what waiting and deleting need of a description.
type brief struct {
	status     string
	pending    bool // AWS has accepted changes that it has not made yet
	protected  bool
	resourceID string
	secret     *types.MasterUserSecret
}

// job is one change of one database.
type job struct {
	id   string
	new  bool // made by this job: all of its events are of interest
	tell func(string)
}

func jobOf[P, O any](c resource.Call[P, O], isNew bool) job {
	return job{id: c.ID, new: isNew, tell: c.Progress}
}

// usable returns the description as soon as RDS accepts changes: an interrupted run may have begun one, or a person.
// fits reports whether the change is allowed in another state, too; nil: it is not.
func (d database[D]) usable(ctx context.Context, j job, fits func(D) bool) (D, error) {
	found, err := d.get(ctx, j.id)
	if err != nil {
		return found, err
	}
	status := d.brief(found).status
	usable, err := state(status)
	if usable || fits != nil && fits(found) {
		return found, nil
	}
	if err == nil {
		j.tell(d.noun + " " + j.id + " is " + status + ": this run waits until AWS has ended that")
	}
	if err := d.wait(ctx, j, false); err != nil {
		return found, err
	}
	return d.get(ctx, j.id)
}

// ready waits until nothing is pending. complete changes what is still missing and reports whether anything was; nil:
// nothing can be missing.
func (d database[D]) ready(ctx context.Context, j job, complete func(D) (bool, error), rotation *int) (D, error) {
	if err := d.wait(ctx, j, true); err != nil {
		var none D
		return none, err
	}
	found, err := d.get(ctx, j.id)
	if err != nil {
		return found, err
	}
	if complete != nil {
		changed, err := complete(found)
		if err != nil {
			return found, err
		}
		if changed {
			return d.ready(ctx, j, nil, rotation)
		}
	}
	return found, d.api.rotate(ctx, d.brief(found).secret, rotation)
}

// mostRefusals is how often AWS may refuse a change or the delete of a database that it calls available: for about 8
// minutes.
const mostRefusals = 40

// change makes a change as soon as RDS allows it. RDS refuses some in the middle of a backup, and another change may
// begin between the look at the status and the call.
func (d database[D]) change(ctx context.Context, j job, make func() error) error {
	refusals, status := 0, ""
	return call.Wait(ctx, patient, d.noun+" "+j.id+" can be changed", func(ctx context.Context) (bool, error) {
		err := make()
		if !inChange(err) {
			if err = failed(err); storageCools(err) {
				var op *resource.OpError
				if errors.As(err, &op) {
					op.Next = whenStorage
				}
			}
			return err == nil, err
		}
		found, readErr := d.get(ctx, j.id)
		if readErr != nil {
			return false, readErr
		}
		is := d.brief(found).status
		if is == "available" || is == "deleting" {
			refusals++
		}
		if broken := stuck(is, false, d.option, j.id); broken != nil || refusals > mostRefusals {
			return false, cmp.Or(broken, failed(err))
		}
		if is != status {
			status = is
			j.tell("AWS allows no change of " + d.noun + " " + j.id + " while it is " + is + ": this run waits")
		}
		return false, nil
	})
}

// wait waits until the database is usable and, with nothingPending, no change is pending.
func (d database[D]) wait(ctx context.Context, j job, nothingPending bool) error {
	watch := events{api: d.api, kind: d.source, id: j.id, tell: j.tell, all: j.new}
	return call.Wait(ctx, patient, d.noun+" "+j.id+" is available", func(ctx context.Context) (bool, error) {
		found, err := d.get(ctx, j.id)
		if err != nil {
			return false, err
		}
		b := d.brief(found)
		usable, err := state(b.status)
		if usable && (!nothingPending || !b.pending) {
			return true, nil
		}
		watch.look(ctx, b.status)
		if err != nil && b.status == storageFull && b.pending {
			return false, nil // it gets more
		}
		if err != nil {
			return false, watch.explain(err)
		}
		return false, nil
	})
}

// delete deletes the database, with a final snapshot if final is set, and waits until it is gone. It lifts deletion
// protection unless protected says that somebody else has switched it on.
func (d database[D]) delete(ctx context.Context, j job, protected *bool, final bool) error {
	told, lifted, snapshot, waits, refusals := false, false, 0, "", 0
	// refused is the error of a call, nil if the call is to be repeated.
	refused := func(err error, status string) error {
		if !inChange(err) {
			return failed(err)
		}
		refusal := failed(err)
		if status == "available" {
			refusals++
		}
		if status != waits {
			waits = status
			text := "AWS does not delete " + d.noun + " " + j.id + " while it is " + status + ": this run waits"
			if status == "available" {
				text = "AWS does not delete " + d.noun + " " + j.id + " yet: this run tries again: " + refusal.Error()
			}
			j.tell(text)
		}
		if refusals > mostRefusals {
			return d.notDeleted(refusal, j.id)
		}
		return stuck(status, final, d.option, j.id)
	}
	return call.Wait(ctx, patient, d.noun+" "+j.id+" is gone", func(ctx context.Context) (bool, error) {
		found, err := d.get(ctx, j.id)
		if errors.Is(err, resource.ErrNotFound) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		b := d.brief(found)
		if b.status == deleting {
			if !told {
				told = true
				j.tell("deleting; this takes some minutes")
			}
			return false, nil
		}
		if !lifted && b.protected && (protected == nil || *protected) {
			if err := d.unprotect(ctx, j.id); err != nil {
				return false, refused(err, b.status)
			}
			lifted = true
		}
		var name *string
		if final {
			given := finalSnapshot(j.id, b.resourceID, snapshot)
			name = &given
		}
		err = d.remove(ctx, j.id, name)
		if call.HasCode(err, d.taken) { // of an earlier attempt that went no further
			snapshot++
			return false, nil
		}
		if err == nil && name != nil {
			j.tell("taking the final snapshot " + *name)
		}
		return false, refused(protectedError(err, d.option, j.id), b.status)
	})
}

// notDeleted says what to do about a database that is available, and that AWS does not delete.
func (d database[D]) notDeleted(err error, id string) error {
	var op *resource.OpError
	if errors.As(err, &op) && op.Next == "" {
		op.Next = fmt.Sprintf("look for what still uses it: aws rds describe-%ss --%s-identifier %s; then run the "+
			"command again", d.option, d.option, id)
	}
	return err
}
