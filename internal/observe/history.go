package observe

import (
	"context"
	"maps"
	"slices"

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
	past, err := state.ReadHistory(ctx, b.Store(key), more)
	if err != nil {
		return nil, err
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
			d.Version, d.Result, d.Who, d.Commit, d.Summary, d.Variables = report.Version(p.Deployment),
				string(p.Status), p.Who, p.GitCommit, p.Summary, p.Variables
		}
		out = append(out, d)
	}
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
