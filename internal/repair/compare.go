package repair

import (
	"context"
	"slices"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// compare compares file, which is to be written, with there, which is in the backend. base is the state that both
// started from. there and base may be nil.
func compare(key state.Key, file, there, base *backend.Named) (*report.StateComparison, error) {
	out := &report.StateComparison{
		Stack: key.Stack, Environment: key.Environment,
		Resources: []report.StateDifference{},
	}
	var objects [3]map[string]engine.StoredResource
	for i, s := range []*backend.Named{file, there, base} {
		if s == nil {
			continue
		}
		side, found, err := sideOf(s)
		if err != nil {
			return nil, err
		}
		objects[i] = found
		switch i {
		case 0:
			out.File = *side
		case 1:
			out.Backend = side
		case 2:
			out.Base = side
		}
	}
	ids := map[string]bool{}
	for _, side := range objects[:2] {
		for id := range side {
			ids[id] = true
		}
	}
	for _, id := range sortedKeys(ids) {
		d, same := differenceOf(id, objects[0], objects[1])
		if same {
			out.Same++
			continue
		}
		if base != nil {
			d.Changed = changedSince(id, objects[0], objects[1], objects[2])
		}
		out.Resources = append(out.Resources, d)
	}
	return out, nil
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func sideOf(s *backend.Named) (*report.StateSide, map[string]engine.StoredResource, error) {
	e, p := s.Snapshot.Envelope, s.Payload
	resources, err := engine.Resources(p.Engine)
	if err != nil {
		return nil, nil, err
	}
	objects := make(map[string]engine.StoredResource, len(resources))
	for _, r := range resources {
		objects[objectKey(r)] = r
	}
	return &report.StateSide{
		Name: s.Name, Lineage: e.Lineage, Serial: e.Serial, Fence: e.Fence, Version: report.Version(p.Deployment),
		Result: string(p.Status), At: p.At, Who: p.Who,
		Resources: len(resources),
	}, objects, nil
}

// objectKey tells apart the object of a resource and one that waits for its deletion.
func objectKey(r engine.StoredResource) string {
	if r.Deleting {
		return r.ID + " (to be deleted: " + r.AWSID + ")"
	}
	return r.ID
}

func differenceOf(id string, file, backend map[string]engine.StoredResource) (d report.StateDifference, same bool) {
	a, inFile := file[id]
	b, inBackend := backend[id]
	d = report.StateDifference{Resource: id, Type: a.Type, FileID: a.AWSID, BackendID: b.AWSID, Where: report.Differs}
	switch {
	case !inBackend:
		d.Where = report.OnlyInFile
	case !inFile:
		d.Where, d.Type = report.OnlyInBackend, b.Type
	case sameObject(a, b):
		return d, true
	default:
		d.Properties = differing(a, b)
	}
	return d, false
}

func sameObject(a, b engine.StoredResource) bool {
	return a.AWSID == b.AWSID && a.Protect == b.Protect && a.Deleting == b.Deleting && a.Replacing == b.Replacing &&
		value.Equal(a.Inputs, b.Inputs) &&
		value.Equal(a.Outputs, b.Outputs) && slices.Equal(a.Dependencies, b.Dependencies) &&
		slices.Equal(a.InitErrors, b.InitErrors)
}

// differing returns the properties that differ between two objects; if the inputs are equal, those made by AWS.
func differing(a, b engine.StoredResource) []string {
	names := func(x, y value.Value) []string {
		all := map[string]bool{}
		for _, v := range []value.Value{x, y} {
			for name := range v.Entries() {
				if !value.Equal(x.Get(name), y.Get(name)) {
					all[name] = true
				}
			}
		}
		return sortedKeys(all)
	}
	out := names(a.Inputs, b.Inputs)
	if len(out) == 0 {
		out = names(a.Outputs, b.Outputs)
	}
	for what, differs := range map[string]bool{
		"protect": a.Protect != b.Protect,
		"rollout": !slices.Equal(a.InitErrors, b.InitErrors),
	} {
		if differs {
			out = append(out, what)
		}
	}
	slices.Sort(out)
	return out
}

// changedSince returns in which of two states a resource differs from their common base.
func changedSince(id string, file, backend, base map[string]engine.StoredResource) string {
	was, existed := base[id]
	changed := func(side map[string]engine.StoredResource) bool {
		is, exists := side[id]
		return exists != existed || exists && !sameObject(is, was)
	}
	switch inFile, inBackend := changed(file), changed(backend); {
	case inFile && inBackend:
		return "both"
	case inFile:
		return "file"
	}
	return "backend"
}

// commonBase is the newest state of the history that both are made from; nil when the history has none, or cannot be
// read.
func commonBase(ctx context.Context, b *backend.Backend, key state.Key, file, there *state.Stored) *backend.Named {
	if file == nil || there == nil {
		return nil
	}
	past, err := state.ReadHistory(ctx, b.Store(key), 0)
	if err != nil {
		return nil // without a base the report says less
	}
	x, y := file.Snapshot.Envelope, there.Snapshot.Envelope
	for _, p := range past {
		if p.Err != nil {
			continue
		}
		// A state that was written under a higher fence, or later, is none of those that a run started from.
		e := p.Snapshot.Envelope
		if e.Lineage != x.Lineage || e.Lineage != y.Lineage || e.Fence > min(x.Fence, y.Fence) ||
			e.Serial > min(x.Serial, y.Serial) {
			continue
		}
		if e.Writer == x.Writer || e.Writer == y.Writer {
			return nil // one of them is made from the other: no base is needed
		}
		if s, err := state.Load(key, e); err == nil {
			return &backend.Named{Name: backend.VersionOf(s), Stored: s}
		}
	}
	return nil
}
