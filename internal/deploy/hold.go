package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// setHolds gives the next state its holds. A rollback adds a hold of what it left; any other run keeps the holds until
// endHolds, unless it releases them.
func (u *run) setHolds(p *state.Payload) {
	switch {
	case u.req.ReleaseHold:
		p.Holds = nil
	case u.rollback != nil:
		p.Holds = slices.DeleteFunc(slices.Clone(p.Holds), func(h state.Hold) bool {
			return u.matches(h, freeze(u.stack)) // a rollback to what an earlier rollback left
		})
		if h := u.left(p); h != nil {
			p.Holds = append(p.Holds, *h)
		}
	}
}

// left is the hold of what a rollback leaves; nil: nothing differs, or nothing was deployed.
func (u *run) left(next *state.Payload) *state.Hold {
	if u.rollback.automatic || u.Stored == nil || u.Stored.Payload.Status == state.Destroyed {
		return nil // a failed apply fails again, and is rolled back again: no accident is possible
	}
	before := u.Stored.Payload
	left, err := melted(before)
	if err != nil {
		return nil // it cannot be deployed again either
	}
	wanted := byAddress(freeze(u.stack))
	h := &state.Hold{
		Version: leaving(before), GitCommit: before.GitCommit, To: u.rollback.to.Payload.Deployment, At: next.At,
		Who: next.Who,
	}
	var components []frozen
	for _, c := range left {
		if to, stays := wanted[c.Address]; !stays || !alike(c, to) {
			components = append(components, c)
		}
		delete(wanted, c.Address)
	}
	for address := range wanted {
		h.Absent = append(h.Absent, address)
	}
	if len(components) == 0 && len(h.Absent) == 0 {
		return nil
	}
	slices.Sort(h.Absent)
	h.Config = encoded(components)
	return h
}

// leaving is the version that a rollback leaves; 0: that of a run that did not end.
func leaving(p *state.Payload) int {
	if p.Status == state.InProgress {
		return 0
	}
	return p.Deployment
}

// endHolds removes the holds after a run that has deployed something else everywhere.
func (u *run) endHolds(p *state.Payload) {
	if u.rollback == nil && !u.remedy && len(u.req.Targets) == 0 &&
		(p.Status == state.Succeeded || p.Status == state.Destroyed) {
		p.Holds = nil
	}
}

// releases reports whether the run releases a hold: then the state has to be written even if nothing else changes.
func (u *run) releases() bool {
	return u.req.ReleaseHold && u.Stored != nil && len(u.Stored.Payload.Holds) > 0
}

// onHold is the error of a run that would deploy again what a rollback took back; nil: it would not.
func (u *run) onHold() *diag.Diagnostic {
	if u.Stored == nil || u.stack == nil || u.rollback != nil || u.remedy || u.req.ReleaseHold {
		return nil
	}
	desired := freeze(u.stack)
	for _, h := range slices.Backward(u.Stored.Payload.Holds) {
		if !u.matches(h, desired) {
			continue
		}
		what := "the version that did not end"
		if h.Version > 0 {
			what = report.Version(h.Version).String()
		}
		if h.GitCommit != "" {
			what += " (" + short(h.GitCommit) + ")"
		}
		return diag.New(diag.Failed, "Version is held",
			fmt.Sprintf("%s rolled %s back from %s to v%d at %s. This configuration would deploy again what the "+
				"rollback took back: %s.", h.Who, u.req.Key, what, h.To, h.At.UTC().Format("2006-01-02 15:04:05 UTC"),
				some(h.Addresses(), 5)),
			"Nothing was changed. Deploy a correction, or release the hold and deploy anyway: "+
				u.again("--release-hold"))
	}
	return nil
}

// matches reports whether desired components have all that a rollback took back. With --target only the chosen
// components count.
func (u *run) matches(h state.Hold, desired []frozen) bool {
	components, err := component.ReadFrozen(h.Config)
	if err != nil {
		return false
	}
	about, wanted, some := u.about(), byAddress(desired), false
	for _, c := range components {
		if !about(c.Address) {
			continue
		}
		some = true
		if is, there := wanted[c.Address]; !there || !alike(c, is) {
			return false
		}
	}
	for _, address := range h.Absent {
		if !about(address) {
			continue
		}
		some = true
		if _, there := wanted[address]; there {
			return false
		}
	}
	return some
}

func byAddress(components []frozen) map[string]frozen {
	out := map[string]frozen{}
	for _, c := range components {
		out[c.Address] = c
	}
	return out
}

// alike reports whether two components are the same. An image without a digest, because no registry was asked, is the
// same as one with the same tag.
func alike(a, b frozen) bool {
	if state.Same(a, b) {
		return true
	}
	kind, ok := registry().Kind(a.Kind)
	if !ok || a.Kind != b.Kind {
		return false
	}
	for _, use := range kind.Images(component.Instance{Address: a.Address, Kind: a.Kind, Spec: a.Spec}) {
		one, other := image.Parse(use.Image), image.Parse(b.Spec.Get(use.Path...).Str())
		if one.Digest != "" && other.Digest != "" {
			continue
		}
		for _, side := range []*frozen{&a, &b} {
			name, _, _ := strings.Cut(side.Spec.Get(use.Path...).Str(), "@")
			side.Spec = with(side.Spec, use.Path, value.NewString(name))
		}
	}
	return state.Same(a, b)
}

func short(commit string) string { return commit[:min(len(commit), 7)] }
