package recovery

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Rename changes addresses in everything that a run starts from.
func (b *Base) Rename(to map[string]string) (err error) {
	if b.Engine, err = engine.Move(b.Engine, to); err != nil {
		return err
	}
	payload := *b.Stored.Payload
	payload.Components = renamed(payload.Components, to)
	stored := *b.Stored
	stored.Payload = &payload
	b.Stored = &stored
	for i := range b.Search {
		if b.Search[i], err = engine.MoveIntent(b.Search[i], to); err != nil {
			return err
		}
	}
	adopt, tokens := map[string]bool{}, map[string]string{}
	for id, yes := range b.Adopt {
		adopt[renamedID(id, to)] = yes
	}
	for id, token := range b.Tokens {
		tokens[renamedID(id, to)] = token
	}
	for i, id := range b.Unsure {
		b.Unsure[i] = renamedID(id, to)
	}
	b.Adopt, b.Tokens = adopt, tokens
	return nil
}

// renamed returns the components of a state with new addresses. Each keeps its names.
func renamed(components []state.Component, to map[string]string) []state.Component {
	out := slices.Clone(components)
	for i, c := range out {
		if address, yes := to[c.Address]; yes {
			out[i].Address = address
			if out[i].Named == "" {
				out[i].Named = c.Address
			}
			if out[i].Named == address { // it has its first address again
				out[i].Named = ""
			}
		}
		out[i].DependsOn = slices.Clone(c.DependsOn)
		for n, need := range out[i].DependsOn {
			if address, yes := to[need]; yes {
				out[i].DependsOn[n] = address
			}
		}
		out[i].Missing = slices.Clone(c.Missing)
		for n := range out[i].Missing {
			out[i].Missing[n].Resource = renamedID(out[i].Missing[n].Resource, to)
		}
	}
	slices.SortFunc(out, func(a, b state.Component) int { return strings.Compare(a.Address, b.Address) })
	return out
}

func renamedID(id string, to map[string]string) string {
	address := resource.ComponentOf(id)
	if now, yes := to[address]; yes {
		return now + strings.TrimPrefix(id, address)
	}
	return id
}

// RenamedIntents are intents under new addresses.
func RenamedIntents(intents []state.Intent, to map[string]string) ([]state.Intent, error) {
	out := slices.Clone(intents)
	for i := range out {
		var err error
		out[i].Resource = renamedID(out[i].Resource, to)
		if out[i].Engine, err = engine.MoveIntent(out[i].Engine, to); err != nil {
			return nil, err
		}
	}
	return out, nil
}
