package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Location is where the states are, in a form that people recognise.
func (r *Road) Location() string { return r.backend.Location() }

// Now is the clock that lock times are in.
func (r *Road) Now() time.Time { return r.locker.Now() }

// Details lists components with their outputs and resources, from the state alone.
func Details(s *Stored, components []state.Component) report.Details {
	p := s.Payload
	out := report.Details{Stack: p.Stack, Environment: p.Environment, Version: report.Version(p.Deployment), Result: string(p.Status), Account: p.Account, Region: p.Region, Components: []report.ComponentDetail{}}
	for _, c := range components {
		d := report.ComponentDetail{Address: c.Address, Kind: c.Kind, Protected: c.Protect, Shared: c.Synthetic, Outputs: c.Outputs, Resources: []report.ResourceDetail{}}
		if d.Outputs == nil {
			d.Outputs = map[string]any{}
		}
		for _, res := range s.Resources {
			if res.Component == c.Address {
				d.Resources = append(d.Resources, resourceDetail(res))
			}
		}
		out.Components = append(out.Components, d)
	}
	return out
}

func resourceDetail(r engine.StoredResource) report.ResourceDetail {
	return report.ResourceDetail{Resource: r.ID, Type: r.Type, ID: r.AWSID, Problems: r.InitErrors}
}

// Summary is a state in short, with all its resources.
func Summary(s *Stored) report.StateSummary {
	p, e := s.Payload, s.Snapshot.Envelope
	out := report.StateSummary{
		Stack: p.Stack, Environment: p.Environment, Lineage: e.Lineage, Serial: e.Serial, Fence: e.Fence, Version: report.Version(p.Deployment), Result: string(p.Status),
		At: p.At, Who: p.Who, Commit: p.GitCommit, Deployer: p.Version, Account: p.Account, Region: p.Region, Intents: []string{}, Resources: []report.ResourceDetail{},
	}
	if edit := p.Edited; edit != nil {
		out.Edited = fmt.Sprintf("%s by %s: %s", edit.At.UTC().Format("2006-01-02 15:04:05 UTC"), edit.Who, edit.What)
	}
	for _, i := range e.Intents {
		out.Intents = append(out.Intents, string(i.Action)+" "+i.Resource)
	}
	for _, r := range s.Resources {
		out.Resources = append(out.Resources, resourceDetail(r))
	}
	return out
}

// History lists the deployments, newest first.
func (r *Road) History(ctx context.Context, key state.Key, limit int) ([]report.Deployment, error) {
	more := limit
	if limit > 0 {
		more++ // the oldest one is compared with the one before it
	}
	past, err := state.ReadHistory(ctx, r.backend.Store(key), more)
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
			d.Version, d.Result, d.Who, d.Commit, d.Summary, d.Variables = report.Version(p.Deployment), string(p.Status), p.Who, p.GitCommit, p.Summary, p.Variables
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

// changedVariables lists the variables that differ, VERSION first: it is what most people look for.
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

// States lists every state of the backend.
func (r *Road) States(ctx context.Context) ([]report.State, error) {
	entries, err := r.backend.List(ctx)
	if err != nil {
		return nil, err
	}
	out := []report.State{}
	for _, e := range entries {
		out = append(out, report.State{Stack: e.Key.Stack, Environment: e.Key.Environment, Size: e.Size, Modified: e.Modified})
	}
	return out, nil
}

// Last returns what the state says of the last deployment of each environment, side by side; environments without a state say where it was looked for,
// those whose state cannot be read a Problem, with the errors beside.
func (r *Road) Last(ctx context.Context, stack string, environments []string) ([]report.Environment, error) {
	out := make([]report.Environment, len(environments))
	errs := make([]error, len(environments))
	var all sync.WaitGroup
	for i, name := range environments {
		all.Go(func() {
			s, err := r.read(ctx, state.Key{Stack: stack, Environment: name})
			out[i].Name, errs[i] = name, err
			switch {
			case err == nil && s == nil:
				out[i].Absent = r.backend.Location()
			case err != nil:
				out[i].Problem = diag.From(err)[0].Summary
			case s != nil:
				out[i] = report.Environment{Name: name, Version: report.Version(s.Payload.Deployment), Result: string(s.Payload.Status), At: s.Payload.At}
			}
		})
	}
	all.Wait()
	return out, diag.Join(errs...)
}

// Locks lists the held locks of all states in the backend, and of the given keys, which may never have been deployed.
func (r *Road) Locks(ctx context.Context, also []state.Key) ([]report.Lock, error) {
	entries, err := r.backend.List(ctx)
	if err != nil {
		return nil, err
	}
	keys := slices.Clone(also)
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	slices.SortFunc(keys, func(a, b state.Key) int { return strings.Compare(a.String(), b.String()) })
	keys = slices.Compact(keys)
	ask := make([]lock.Key, len(keys))
	for i, k := range keys {
		ask[i] = lock.Key(k)
	}
	if len(ask) == 0 { // that nothing is locked is said only of a table that is there
		_, err := r.locker.Inspect(ctx, lock.Key{})
		return []report.Lock{}, err
	}
	held, err := r.locker.List(ctx, ask)
	out := []report.Lock{}
	for _, record := range held {
		out = append(out, *r.lock(record))
	}
	return out, err
}

// Lock returns who holds the lock of a key, nil when nobody does.
func (r *Road) Lock(ctx context.Context, key state.Key) (*report.Lock, error) {
	record, err := r.locker.Inspect(ctx, lock.Key(key))
	if err != nil || !record.Held() {
		return nil, err
	}
	return r.lock(record), nil
}

func (r *Road) lock(record lock.Record) *report.Lock {
	return &report.Lock{
		Stack: record.Key.Stack, Environment: record.Key.Environment, ID: record.ID, By: record.LockedBy, At: record.LockedAt,
		Expires: record.ExpiresAt, LastHeartbeat: record.LastHeartbeat, Alive: r.locker.Liveness(record) != lock.Dead, Metadata: record.Metadata,
	}
}

// Unlock breaks the lock of a key and returns who held it.
func (r *Road) Unlock(ctx context.Context, key state.Key, id string, force bool) (string, error) {
	record, err := r.locker.ForceUnlock(ctx, lock.Key(key), id, force)
	return record.LockedBy, err
}
