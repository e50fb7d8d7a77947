package observe

import (
	"context"
	"fmt"
	"sync"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Deployed is what a state says of a stack in an environment, with its resources.
type Deployed struct {
	*state.Stored
	Resources []engine.StoredResource
}

// Read returns what the state says; it is an error when there is none.
func Read(ctx context.Context, b *backend.Backend, key state.Key) (*Deployed, error) {
	s, err := b.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	resources, err := engine.Resources(s.Payload.Engine)
	return &Deployed{s, resources}, err
}

// ReadPlace is Read. Beside, it asks AWS who calls, so that PlaceOf need not ask after the read.
func ReadPlace(ctx context.Context, b *backend.Backend, key state.Key) (*Deployed, error) {
	if b.World.Settings.Backend.Type != "s3" {
		return Read(ctx, b, key)
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { b.Caller(ctx) }) // PlaceOf asks the same session, which knows the answer by then
	return Read(ctx, b, key)
}

// Select returns the components of a state, or only the one of that address.
func Select(s *Deployed, address string) ([]state.Component, error) {
	if address == "" {
		return s.Payload.Components, nil
	}
	var addresses []string
	for _, c := range s.Payload.Components {
		if c.Address == address {
			return []state.Component{c}, nil
		}
		addresses = append(addresses, c.Address)
	}
	return nil, diag.New(diag.Invalid, "Unknown component", `The state has no component "`+address+`".`,
		diag.Candidates(address, addresses))
}

// Details lists components with their outputs and resources, from the state alone.
func Details(s *Deployed, components []state.Component) report.Details {
	p := s.Payload
	out := report.Details{
		Stack: p.Stack, Environment: p.Environment, Version: report.Version(p.Deployment),
		Result: string(p.Status), Account: p.Account, Region: p.Region, Components: []report.ComponentDetail{},
	}
	for _, c := range components {
		d := report.ComponentDetail{
			Address: c.Address, Kind: c.Kind, Protected: c.Protect, Shared: c.Synthetic,
			Outputs: c.Outputs, Resources: []report.ResourceDetail{},
		}
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

// Summary is a short form of a state, with all its resources.
func Summary(s *Deployed) report.StateSummary {
	p, e := s.Payload, s.Snapshot.Envelope
	out := report.StateSummary{
		Stack: p.Stack, Environment: p.Environment, Lineage: e.Lineage, Serial: e.Serial, Fence: e.Fence,
		Version: report.Version(p.Deployment), Result: string(p.Status),
		At: p.At, Who: p.Who, Commit: p.GitCommit, Deployer: p.Version, Account: p.Account, Region: p.Region,
		Intents: []string{}, Resources: []report.ResourceDetail{},
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
