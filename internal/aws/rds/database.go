package rds

import (
	"context"
	"errors"

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

// usable returns the description as soon as RDS accepts changes: an interrupted run may have begun one.
func (d database[D]) usable(ctx context.Context, j job) (D, error) {
	found, err := d.get(ctx, j.id)
	if err != nil {
		return found, err
	}
	if usable, _ := state(d.brief(found).status); usable {
		return found, nil
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
		if err != nil {
			return false, watch.explain(err)
		}
		return false, nil
	})
}

// delete deletes the database, with a final snapshot if final is set, and waits until it is gone. It lifts deletion
// protection unless protected says that somebody else has switched it on.
func (d database[D]) delete(ctx context.Context, j job, protected *bool, final bool) error {
	told, lifted, snapshot := false, false, 0
	return call.Wait(ctx, patient, d.noun+" "+j.id+" is gone", func(ctx context.Context) (bool, error) {
		found, err := d.get(ctx, j.id)
		if errors.Is(err, resource.ErrNotFound) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		b := d.brief(found)
		if b.status == "deleting" {
			if !told {
				told = true
				j.tell("deleting; this takes some minutes")
			}
			return false, nil
		}
		if !lifted && b.protected && (protected == nil || *protected) {
			if err := d.unprotect(ctx, j.id); err != nil {
				return false, busy(err)
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
		return false, busy(protectedError(err, d.option, j.id))
	})
}
