package deploy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// limits takes the warnings about AWS's default quotas out of a list. The plan asks for the account's own quotas.
func (u *run) limits(found diag.List) diag.List {
	var others diag.List
	for _, d := range found {
		var over *value.Over
		if errors.As(d.Cause, &over) {
			u.over.Add(d)
		} else {
			others.Add(d)
		}
	}
	return others
}

// weigh compares, beside everything else, with the account's own quotas. The returned function waits for the answers.
// A warning goes when there is room, and stays when AWS does not tell. What the account does not allow is an error.
func (u *run) weigh(ctx context.Context) func() error {
	over, w := u.over, u.back.World
	u.over = nil // asked once, also when the plan is made again
	if len(over) == 0 || u.req.Offline || w.Quota == nil {
		u.limited.Add(over...)
		return func() error { return nil }
	}
	cfg := u.where.Reading()
	quotas := make([]float64, len(over))
	var all sync.WaitGroup
	for i, d := range over {
		var of *value.Over
		if errors.As(d.Cause, &of) {
			all.Go(func() {
				most, err := w.Quota(ctx, cfg, of.Service, of.Code)
				if err == nil {
					quotas[i] = most
				}
			})
		}
	}
	return func() error {
		all.Wait()
		var refused diag.List
		for i, d := range over {
			var of *value.Over
			switch known := errors.As(d.Cause, &of) && quotas[i] > 0; {
			case !known:
				u.limited.Add(d)
			case float64(of.Count) > quotas[i]:
				refused.Add(overQuota(d, of, quotas[i]))
			}
		}
		return refused.Err()
	}
}

func overQuota(d *diag.Diagnostic, over *value.Over, most float64) *diag.Diagnostic {
	next := "Ask AWS for a higher quota under Service Quotas, or spread the services over several stacks."
	if over.Fixed {
		next = "Spread the services over several stacks: AWS does not raise this quota."
	}
	out := diag.New(diag.Invalid, "AWS would refuse this", fmt.Sprintf("The stack makes %s, but AWS's quota %q is %s.",
		over.What, over.Name, strconv.FormatFloat(most, 'f', -1, 64)), next).For(d.Component)
	out.Position = d.Position
	return out
}
