package observe

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// Blame says which version gave each property of a component ("web/api") or a resource ("web/api:service") its value.
// It looks at the newest limit versions; all with limit 0.
func Blame(
	ctx context.Context, b *backend.Backend, key state.Key, address string, limit int,
) (*report.Blame, error) {
	now, err := Read(ctx, b, key)
	if err != nil {
		return nil, err
	}
	past, err := state.ReadHistory(ctx, b.Store(key), limit)
	if err != nil {
		return nil, err
	}
	versions, err := lives(now, key, past)
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, diag.New(diag.Invalid, "No version yet",
			"The first run of "+key.String()+" has not ended.", "See "+b.CommandLine(key, "status"))
	}
	newest, there, err := propertiesOf(versions[0], address)
	if err == nil && !there {
		err = unknownAddress(versions[0], address)
	}
	if err != nil {
		return nil, err
	}
	out := &report.Blame{Address: address, Stack: key.Stack, Env: key.Environment, Kind: newest.kind}
	open := leaves(nil, newest.properties)
	blame := func(l leaf, s *Deployed, earliest bool) {
		d := backend.DeploymentOf(s.Payload)
		out.Properties = append(out.Properties, report.BlamedProperty{
			Path: l.path, Value: l.value.Interface(), Version: d.Version, At: d.At.UTC(), Who: d.Who, Commit: d.Commit,
			Rollback: d.Rollback, Earliest: earliest,
		})
	}
	after := newest
	for i, s := range versions {
		if i+1 == len(versions) {
			for _, l := range open {
				blame(l, s, s.Payload.Deployment != 1)
			}
			break
		}
		before, there, err := propertiesOf(versions[i+1], address)
		if err != nil {
			return nil, err
		}
		changed := differences(before.properties, after.properties)
		open = slices.DeleteFunc(open, func(l leaf) bool {
			if there && !touched(l.path, changed) {
				return false
			}
			blame(l, s, false)
			return true
		})
		if after = before; len(open) == 0 {
			break
		}
	}
	slices.SortStableFunc(out.Properties, func(a, b report.BlamedProperty) int {
		if a.Version != b.Version {
			return int(b.Version) - int(a.Version)
		}
		return slices.Compare(a.Path, b.Path)
	})
	return out, nil
}

// lives are the versions that ended, newest first, since the stack was last made.
func lives(now *Deployed, key state.Key, past []state.Past) ([]*Deployed, error) {
	var out []*Deployed
	if now.Payload.Status != state.InProgress && now.Payload.Deployment > 0 {
		out = append(out, now)
	}
	for _, entry := range past {
		if entry.Err != nil {
			continue // blame falls on the next version that can be read
		}
		s, err := state.Load(key, entry.Snapshot.Envelope)
		if err != nil {
			continue
		}
		if n := len(out); n > 0 && s.Payload.Deployment >= out[n-1].Payload.Deployment {
			if s.Payload.Deployment == out[n-1].Payload.Deployment {
				continue // the present state, in the history
			}
			break // an earlier life of the stack
		}
		d, err := deployed(s)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// owned are the properties of a component or a resource in one version.
type owned struct {
	kind       string
	properties value.Value
}

func propertiesOf(s *Deployed, address string) (owned, bool, error) {
	if strings.Contains(address, ":") {
		r, there := byResource(s)[address]
		return owned{r.Type, r.Inputs}, there, nil
	}
	all, err := configured(s)
	c, there := all[address]
	return owned{c.Kind, c.Spec}, there, err
}

func unknownAddress(s *Deployed, address string) error {
	all, err := configured(s)
	if err != nil {
		return err
	}
	var addresses, own []string
	for a := range all {
		addresses = append(addresses, a)
	}
	for id, r := range byResource(s) {
		if addresses = append(addresses, id); r.Component == address {
			own = append(own, id)
		}
	}
	slices.Sort(addresses)
	if slices.Sort(own); len(own) > 0 {
		return diag.New(diag.Invalid, "Component without a configuration",
			address+" is made from what other components need.", "Name one of its resources: "+names(own)+".")
	}
	return diag.New(diag.Invalid, "Unknown component", `The last version has no component or resource "`+address+`".`,
		diag.Candidates(address, addresses))
}

// leaf is a property that has no properties of its own.
type leaf struct {
	path  []string
	value value.Value
}

// leaves are the properties of a value, with the paths that the diff gives them.
func leaves(path []string, v value.Value) []leaf {
	var out []leaf
	below := func(key string, item value.Value) {
		out = append(out, leaves(append(path[:len(path):len(path)], key), item)...)
	}
	switch {
	case v.Kind() == value.Map && len(v.Entries()) > 0:
		for _, key := range v.Keys() {
			below(key, v.Entries()[key])
		}
	case v.Kind() == value.List && len(v.Items()) > 0 && !slices.ContainsFunc(v.Items(), notMap):
		var seen []string
		for _, item := range v.Items() {
			if name := item.Get("name").Str(); name != "" && !slices.Contains(seen, name) {
				seen = append(seen, name)
			}
		}
		for i, item := range v.Items() {
			if len(seen) == len(v.Items()) {
				below(seen[i], item)
			} else {
				below(strconv.Itoa(i), item)
			}
		}
	case len(path) > 0:
		out = append(out, leaf{path, v})
	}
	return out
}

func notMap(v value.Value) bool { return v.Kind() != value.Map }

// touched reports whether one of the changes is at a path, above it, or below it.
func touched(path []string, changes []plan.Property) bool {
	return slices.ContainsFunc(changes, func(c plan.Property) bool {
		n := min(len(path), len(c.Path))
		return slices.Equal(path[:n], c.Path[:n])
	})
}
