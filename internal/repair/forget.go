package repair

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/deploy/recovery"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Selection says what to forget: a component's address, a resource's ID, or the AWS ID of the object.
type Selection struct {
	Address string // of a component, or the ID of a resource
	ID      string // of a resource, or the AWS ID of the object
}

func (s Selection) text() string { return s.Address + s.ID }

func (s Selection) has(r engine.StoredResource) bool {
	if s.ID != "" {
		return r.ID == s.ID || r.AWSID == s.ID
	}
	return r.Component == s.Address || r.ID == s.Address
}

// Forget removes resources from the state; AWS keeps the objects. approve is asked with what stays behind; nil:
// approved. Beside an error, too, Forget returns what it knows.
func Forget(
	ctx context.Context, b *backend.Backend, req backend.Request, which Selection,
	approve func(*report.Forgotten) (bool, error),
) (*report.Forgotten, *Written, error) {
	u, err := openEdited(ctx, b, req)
	if err != nil {
		return nil, &Written{}, err
	}
	gone, next, err := u.forget(u.Stored.Payload, which)
	if err != nil {
		return gone, &Written{}, backend.Closing(u.held, err)
	}
	intents, err := remainingIntents(recovery.IntentsOf(u.held.State()), gone)
	if err != nil {
		return gone, &Written{}, backend.Closing(u.held, err)
	}
	if approve != nil {
		if ok, err := approve(gone); !ok || err != nil {
			return gone, &Written{}, backend.Closing(u.held, err)
		}
	}
	next.Edited = &state.Edit{At: u.held.Lock().Now(), Who: u.held.Who(), What: "state rm " + which.text()}
	written, err := u.write(ctx, next, intents)
	return gone, written, err
}

// forget finds the selected resources, what depends on them, and the state without them.
func (u *edited) forget(p *state.Payload, which Selection) (*report.Forgotten, *state.Payload, error) {
	resources, err := engine.Resources(u.Engine)
	if err != nil {
		return nil, nil, err
	}
	out := &report.Forgotten{
		Stack: p.Stack, Environment: p.Environment,
		Resources: []report.ForgottenResource{}, Dependents: []report.Dependent{}, Components: []string{},
	}
	gone, stays := map[string]bool{}, map[string]bool{}
	for _, r := range resources {
		if !which.has(r) {
			continue
		}
		gone[r.ID] = true
		out.Resources = append(out.Resources, report.ForgottenResource{
			Resource: r.ID, Type: r.Type, ID: r.AWSID, Name: consoleName(r), Protected: r.Protect,
			Deleted: r.Replacing,
		})
	}
	for _, r := range resources {
		if gone[r.ID] {
			continue
		}
		stays[r.Component] = true
		for _, need := range r.Dependencies {
			if gone[need] {
				out.Dependents = append(out.Dependents, report.Dependent{Resource: r.ID, Needs: need})
			}
		}
	}
	next := *p
	next.Components = nil
	next.Forgotten = slices.Sorted(maps.Keys(gone))
	for _, id := range p.Forgotten {
		if !gone[id] {
			next.Forgotten = append(next.Forgotten, id)
		}
	}
	named := false
	for _, c := range p.Components {
		named = named || which.ID == "" && c.Address == which.Address
		if stays[c.Address] || !touched(resources, gone, c.Address) && c.Address != which.Address {
			c.Missing = wantedStill(c, resources, gone)
			next.Components = append(next.Components, c)
			continue
		}
		out.Components = append(out.Components, c.Address)
	}
	if len(gone) == 0 && !named {
		return nil, nil, unknownResource(p, resources, which)
	}
	next.Engine, err = engine.Forget(u.Engine, func(id string) bool { return gone[id] })
	if err != nil {
		return out, nil, unfinishedReplacement(err)
	}
	return out, &next, nil
}

// wantedStill returns the missing resources of a component after those are forgotten: the manifests still want them.
func wantedStill(c state.Component, resources []engine.StoredResource, gone map[string]bool) []state.Missing {
	missing := slices.Clone(c.Missing)
	for _, r := range resources {
		if r.Component == c.Address && gone[r.ID] && !r.Deleting && !c.Removed {
			missing = append(missing, state.Missing{Resource: r.ID, Type: r.Type})
		}
	}
	return missing
}

// touched reports whether a component loses resources.
func touched(resources []engine.StoredResource, gone map[string]bool, address string) bool {
	return slices.ContainsFunc(resources, func(r engine.StoredResource) bool {
		return r.Component == address && gone[r.ID]
	})
}

// consoleName is the name under which AWS shows an object.
func consoleName(r engine.StoredResource) string {
	for _, properties := range []interface{ Str() string }{
		r.Inputs.Get("name"), r.Outputs.Get("name"),
		r.Inputs.Get("family"),
	} {
		if name := properties.Str(); name != "" {
			return name
		}
	}
	return path.Base(r.AWSID)
}

// remainingIntents returns the intents of a state without those of forgotten resources. An intent to create an object
// that the state has is resolved; an intent to replace that object is not.
func remainingIntents(intents []state.Intent, gone *report.Forgotten) ([]state.Intent, error) {
	var out []state.Intent
	for _, i := range intents {
		is := slices.ContainsFunc(gone.Resources, func(r report.ForgottenResource) bool {
			return r.Resource == i.Resource
		})
		switch {
		case is && i.Action == state.Replace:
			return nil, unfinishedReplacement(fmt.Errorf("an interrupted run was about to replace %s", i.Resource))
		case is && i.Action == state.Create:
		default:
			out = append(out, i)
		}
	}
	return out, nil
}

func unfinishedReplacement(err error) error {
	return diag.New(diag.Conflict, "Cannot remove it from the state yet",
		diag.Sentence(err.Error())+" It is not known yet which object exists.",
		"Nothing was changed. Run apply (or destroy) first: it checks AWS and completes the change.")
}

func unknownResource(p *state.Payload, resources []engine.StoredResource, which Selection) error {
	var names []string
	for _, c := range p.Components {
		names = append(names, c.Address)
	}
	addresses := len(names)
	for _, r := range resources {
		names = append(names, r.ID)
	}
	if which.ID != "" {
		names, addresses = names[addresses:], len(resources)
	}
	next := diag.DidYouMean(which.text(), names)
	switch {
	case next != "":
	case len(names) == 0:
		next = "The state is empty."
	default:
		next = "There are: " + strings.Join(names[:min(addresses, 20)], ", ") + "."
	}
	what := "Unknown address"
	if which.ID != "" {
		what = "Unknown resource"
	}
	return diag.New(diag.Invalid, what, fmt.Sprintf("The state has no %q.", which.text()), next)
}
