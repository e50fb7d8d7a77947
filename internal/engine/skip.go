package engine

import (
	"cmp"
	"errors"
	"slices"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
)

const wasStopped = "the run was stopped before"

// skipped lists what a run that stopped early did not reach: desired resources, and stored ones that should be deleted.
func (r *run) skipped(s *source, runErr error) []Skip {
	failed, stopped := map[string]bool{}, map[string]bool{}
	for _, f := range r.failed {
		failed[f.Resource], stopped[f.Resource] = true, f.Stopped
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := map[string][]string{} // by resource that was not reached: what it waits for
	for _, n := range s.nodes {
		if n.desired != nil && !n.desired.Data && !n.done && !failed[n.id] {
			waiting[n.id] = n.needs
		}
	}
	gone := map[string]bool{} // of them, those that should be deleted
	r.ledger.mu.Lock()
	for _, slot := range r.ledger.slots {
		id := slot.URN.Name()
		if slot.raw != nil && r.isOurs(slot.URN) && s.byID[id] == nil && !failed[id] {
			waiting[id], gone[id] = nil, true
		}
	}
	r.ledger.mu.Unlock()
	for _, stored := range r.state.all { // a deletion waits for the deletions of everything that needs the object
		for _, need := range needsOf(stored.state) {
			if gone[need] {
				waiting[need] = append(waiting[need], stored.id)
			}
		}
	}
	var ended *StoppedError
	out := make([]Skip, 0, len(waiting))
	for id := range waiting {
		skip := Skip{Resource: id}
		switch cause := behind(id, waiting, failed); {
		case stopped[cause]:
			skip.Reason = wasStopped
		case cause != "" && gone[id]:
			skip.Because, skip.Reason = cause, cause+", which needs it, failed"
		case cause != "":
			skip.Because, skip.Reason = cause, cause+", which it needs, failed"
		case errors.As(runErr, &ended) || len(r.failed) == 0:
			skip.Reason = wasStopped
		default:
			skip.Because = r.failed[0].Resource
			skip.Reason = "the run stopped after the failure of " + skip.Because
		}
		out = append(out, skip)
	}
	slices.SortFunc(out, func(a, b Skip) int { return cmp.Compare(a.Resource, b.Resource) })
	return out
}

// behind returns the failed resource that a resource waits for, directly or through other waiting ones; "" when there
// is none.
func behind(id string, waiting map[string][]string, failed map[string]bool) string {
	seen := map[string]bool{}
	var look func(id string) string
	look = func(id string) string {
		if seen[id] {
			return ""
		}
		seen[id] = true
		for _, need := range waiting[id] {
			if failed[need] {
				return need
			}
		}
		for _, need := range waiting[id] {
			if cause := look(need); cause != "" {
				return cause
			}
		}
		return ""
	}
	return look(id)
}

func needsOf(s *pkgresource.State) []string {
	out := make([]string, 0, len(s.Dependencies))
	for _, urn := range s.Dependencies {
		out = append(out, urn.Name())
	}
	return out
}
