package elasticache

import (
	"context"
	"fmt"
	"slices"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// The statuses of caches.
const (
	available    = "available"
	deletingNow  = "deleting"
	createFailed = "create-failed"
)

// broken are the statuses that do not pass by waiting.
var broken = []string{createFailed, "incompatible-network", "restore-failed"}

// usable waits until a cache is available, and returns it. describe reads it, status is the status of what was read.
// tell gets each further status on the way.
func usable[T any](
	ctx context.Context, id string, isNew bool, tell func(string), describe func(context.Context, string) (T, error),
	status func(T) string,
) (T, error) {
	var found T
	told := ""
	err := call.Wait(ctx, changing, "cache "+id+" is available", func(ctx context.Context) (bool, error) {
		var err error
		found, err = describe(ctx, id)
		if isNew && gone(err) {
			return false, nil // not known everywhere yet
		}
		if err != nil {
			return false, err
		}
		switch now := status(found); {
		case now == available:
			return true, nil
		case slices.Contains(broken, now):
			return false, fmt.Errorf("AWS could not make the cache %s (%s): look at its events in the ElastiCache "+
				"console; delete it there, then apply again", id, now)
		case now == deletingNow:
			return false, fmt.Errorf("the cache %s is being deleted by somebody else: apply again when it is gone", id)
		default:
			if now != told && told != "" {
				tell("the cache " + id + " is " + now)
			}
			told = now
			return false, nil
		}
	})
	return found, err
}

// atRest waits before a change until a cache is available, and says so: a person may have changed it, or AWS takes its
// daily snapshot.
func atRest[T any](
	ctx context.Context, id string, tell func(string), describe func(context.Context, string) (T, error),
	status func(T) string,
) (T, error) {
	found, err := describe(ctx, id)
	if err != nil || status(found) == available {
		return found, err
	}
	if now := status(found); passes(now) {
		tell("the cache " + id + " is " + now + ": this run waits until AWS has ended that")
	}
	return usable(ctx, id, false, tell, describe, status)
}

// passes reports whether a cache in that status becomes available by waiting.
func passes(status string) bool {
	return status != "" && status != available && status != deletingNow && !slices.Contains(broken, status)
}

// mostRefusals is how often AWS may refuse a change of a cache that it calls available: for about 8 minutes.
const mostRefusals = 25

// patiently makes a change as soon as AWS allows it. Another change may begin between the look at the status and the
// call; wait waits until that has ended.
func patiently(
	ctx context.Context, id string, tell func(string), wait func(context.Context) error, change func() error,
) error {
	refusals := 0
	return call.Wait(ctx, changing, "the cache "+id+" can be changed", func(ctx context.Context) (bool, error) {
		if refusals > 0 {
			if err := wait(ctx); err != nil {
				return false, err
			}
		}
		err := change()
		if !call.HasCode(err, unready...) || refusals == mostRefusals {
			return err == nil, failed(err)
		}
		if refusals++; refusals == 1 {
			tell("AWS allows no change of the cache " + id + " while another one is in progress: this run waits for it")
		}
		return false, nil
	})
}

// foreseeBusy says in a plan that a change of a cache has to wait. read returns the status.
func foreseeBusy(id, cache string, f *resource.Foresight, read func() (string, error)) {
	f.Ask(func() error {
		status, err := read()
		if err != nil && !gone(err) {
			return err
		}
		if passes(status) {
			f.Waits(id, "the cache %s is %s, and AWS allows a change only after that", cache, status)
		}
		return nil
	})
}
