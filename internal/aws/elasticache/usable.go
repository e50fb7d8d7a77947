package elasticache

import (
	"context"
	"fmt"
	"slices"

	"github.com/company/deployer/internal/aws/call"
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
