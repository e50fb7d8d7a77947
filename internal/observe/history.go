package observe

import (
	"context"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// History lists the deployments, newest first.
func History(ctx context.Context, b *backend.Backend, key state.Key, limit int) ([]report.Deployment, error) {
	more := limit
	if limit > 0 {
		more++ // the oldest one is compared with the one before it
	}
	var past []state.Past
	var now *state.Stored
	var both errgroup.Group
	both.Go(func() (err error) { past, err = state.ReadHistory(ctx, b.Store(key), more); return err })
	both.Go(func() error {
		now, _ = b.Get(ctx, key) // only the holds come from the state: a damaged one hides no history
		return nil
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	held := map[int]bool{}
	if now != nil {
		for _, h := range now.Payload.Holds {
			held[h.Version] = true
		}
	}
	out := []report.Deployment{}
	for _, entry := range past {
		d := report.Deployment{At: entry.At, Name: entry.Name}
		err := entry.Err
		var p *state.Payload
		if err == nil {
			p, err = entry.Snapshot.Envelope.Decode()
		}
		if err != nil {
			d.Problem = err.Error()
		} else {
			d = backend.DeploymentOf(p)
			d.At, d.Name, d.Held = entry.At, entry.Name, held[p.Deployment]
		}
		out = append(out, d)
	}
	byVersion(out)
	for i := range out {
		if i+1 < len(out) && out[i].Problem == "" && out[i+1].Problem == "" {
			out[i].Changed = changedVariables(out[i+1].Variables, out[i].Variables)
		} else if i+1 == len(out) && out[i].Version == 1 {
			out[i].Changed = changedVariables(nil, out[i].Variables)
		}
	}
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}

// crowded is within how much time two deployments may have got names in the wrong order: the entry of a deployment is
// written while the next one begins, and takes a later second if that one was faster.
const crowded = 10 * time.Second

// byVersion puts neighbours that are so close into the order of their versions, the newest first.
func byVersion(list []report.Deployment) {
	for i := range list {
		for j := i; j > 0; j-- {
			newer, older := list[j-1], list[j]
			if newer.Problem != "" || older.Problem != "" || newer.Version >= older.Version ||
				newer.At.Sub(older.At) > crowded {
				break
			}
			list[j-1], list[j] = older, newer
		}
	}
}

// changedVariables lists the variables that differ, VERSION first, because most people look for it.
func changedVariables(old, now map[string]string) []report.VariableChange {
	var out []report.VariableChange
	all := maps.Clone(old)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, now)
	names := slices.Sorted(maps.Keys(all))
	slices.SortStableFunc(names, func(a, b string) int { return order(a == "VERSION") - order(b == "VERSION") })
	for _, name := range names {
		was, before := old[name]
		is, after := now[name]
		if before == after && was == is {
			continue
		}
		change := report.VariableChange{Name: name}
		if before {
			change.Old = &was
		}
		if after {
			change.New = &is
		}
		out = append(out, change)
	}
	return out
}

func order(first bool) int {
	if first {
		return 0
	}
	return 1
}
