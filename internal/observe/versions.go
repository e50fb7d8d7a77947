package observe

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// ReadVersion returns the state of a version, "v4" or "4": the present one, or one of the history.
func ReadVersion(ctx context.Context, b *backend.Backend, key state.Key, version string) (*Deployed, error) {
	number, err := strconv.Atoi(strings.TrimPrefix(version, "v"))
	if err != nil || number < 1 {
		return nil, diag.New(diag.Invalid, "Invalid version", fmt.Sprintf("%q is not a version.", version),
			"Write it as deployer history does: v4.")
	}
	now, err := b.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	if now.Payload.Deployment == number && now.Payload.Status != state.InProgress {
		return deployed(now)
	}
	if number > now.Payload.Deployment {
		return nil, diag.New(diag.Invalid, "Unknown version",
			fmt.Sprintf("%s has no version v%d; the last one is v%d.", key, number, now.Payload.Deployment),
			"See "+b.CommandLine(key, "history"))
	}
	named, err := b.Find(ctx, key, report.Version(number).String())
	if err != nil {
		return nil, err
	}
	return deployed(named.Stored)
}

func deployed(s *state.Stored) (*Deployed, error) {
	resources, err := engine.Resources(s.Payload.Engine)
	return &Deployed{s, resources}, err
}

// CompareVersions says in what two versions differ: the configuration of components, their images, their resources.
func CompareVersions(
	ctx context.Context, b *backend.Backend, key state.Key, from, to string,
) (*report.VersionComparison, error) {
	var sides [2]*Deployed
	var both errgroup.Group
	for i, version := range []string{from, to} {
		both.Go(func() (err error) { sides[i], err = ReadVersion(ctx, b, key, version); return err })
	}
	if err := both.Wait(); err != nil {
		return nil, err
	}
	return compare(sides[0], sides[1])
}

func compare(a, b *Deployed) (*report.VersionComparison, error) {
	out := &report.VersionComparison{
		Stack: b.Payload.Stack, Environment: b.Payload.Environment,
		From: backend.DeploymentOf(a.Payload), To: backend.DeploymentOf(b.Payload),
		Variables: changedVariables(a.Payload.Variables, b.Payload.Variables),
	}
	before, err := configured(a)
	if err != nil {
		return nil, err
	}
	after, err := configured(b)
	if err != nil {
		return nil, err
	}
	old, now := byResource(a), byResource(b)
	var addresses []string
	for address := range before {
		addresses = append(addresses, address)
	}
	for address := range after {
		addresses = append(addresses, address)
	}
	for _, side := range []*Deployed{a, b} {
		for _, r := range side.Resources {
			addresses = append(addresses, r.Component)
		}
	}
	slices.Sort(addresses)
	for _, address := range slices.Compact(addresses) {
		was, before := before[address]
		is, after := after[address]
		c := report.ComponentComparison{
			Address: address, Kind: is.Kind, Action: plan.Update,
			Configuration: differences(was.Spec, is.Spec), Images: images(was, is),
			Resources: resources(address, old, now),
		}
		switch {
		case before && !after:
			c.Kind, c.Action = was.Kind, plan.Delete
		case after && !before:
			c.Action = plan.Create
		}
		if len(c.Configuration)+len(c.Resources) > 0 {
			out.Components = append(out.Components, c)
		}
	}
	return out, nil
}

// VersionDetails are details of a version, with its configuration.
func VersionDetails(s *Deployed, components []state.Component) (report.Details, error) {
	out := Details(s, components)
	d := backend.DeploymentOf(s.Payload)
	out.Deployment = &d
	all, err := configured(s)
	if err != nil {
		return out, err
	}
	for i, c := range out.Components {
		for _, l := range leaves(nil, all[c.Address].Spec) {
			out.Components[i].Configuration = append(out.Components[i].Configuration,
				report.ConfiguredProperty{Path: l.path, Value: l.value.Interface()})
		}
	}
	return out, nil
}

// configured is the configuration of a version, by address.
func configured(s *Deployed) (map[string]component.Frozen, error) {
	list, err := component.ReadFrozen(s.Payload.Config)
	if err != nil {
		return nil, fmt.Errorf("the configuration in the state of v%d: %w", s.Payload.Deployment, err)
	}
	out := map[string]component.Frozen{}
	for _, c := range list {
		c.Spec = written(c.Spec)
		out[c.Address] = c
	}
	return out, nil
}

func byResource(s *Deployed) map[string]engine.StoredResource {
	out := map[string]engine.StoredResource{}
	for _, r := range s.Resources {
		if !r.Deleting && !r.Replacing {
			out[r.ID] = r
		}
	}
	return out
}

// differences uses the diff of plans.
func differences(old, now value.Value) []plan.Property {
	return resource.Compare(&resource.Definition{}, old, now).Changes
}

// resources are the changes from the resources of one version to those of another.
func resources(address string, old, now map[string]engine.StoredResource) []plan.Change {
	var ids []string
	for _, side := range []map[string]engine.StoredResource{old, now} {
		for id, r := range side {
			if r.Component == address {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	var out []plan.Change
	for _, id := range slices.Compact(ids) {
		was, before := old[id]
		is, after := now[id]
		c := plan.Change{Resource: id, Type: is.Type, Action: plan.Update}
		switch {
		case !after:
			c.Type, c.Action = was.Type, plan.Delete
		case !before:
			c.Action = plan.Create
		default:
			if c.Properties = differences(was.Inputs, is.Inputs); was.AWSID != is.AWSID && !sameRevisions(was, is) {
				c.Action = plan.Replace
			}
		}
		if c.Action != plan.Update || len(c.Properties) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// sameRevisions reports whether two IDs are revisions of the same object: ARNs that differ in their last number.
func sameRevisions(a, b engine.StoredResource) bool {
	one, _, found := cutLast(a.AWSID, ":")
	other, _, alsoFound := cutLast(b.AWSID, ":")
	return found && alsoFound && one == other
}

func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// images are the images that differ between two versions of a component.
func images(was, is component.Frozen) []report.ImageChange {
	old, now := imagesOf(was), imagesOf(is)
	var fields []string
	for field := range old {
		fields = append(fields, field)
	}
	for field := range now {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	var out []report.ImageChange
	for _, field := range slices.Compact(fields) {
		if old[field] != now[field] {
			out = append(out, report.ImageChange{Field: field, Old: old[field], New: now[field]})
		}
	}
	return out
}

// imagesOf are the images of a component, by field: "image", "sidecars.0.image".
func imagesOf(c component.Frozen) map[string]string {
	out := map[string]string{}
	kind, ok := kinds.Registry().Kind(c.Kind)
	if !ok {
		return out
	}
	for _, use := range kind.Images(component.Instance{Address: c.Address, Kind: c.Kind, Spec: c.Spec}) {
		out[strings.Join(use.Path, ".")] = use.Image
	}
	return out
}

// written is a value with expressions as they are written: ${database.endpoint}.
func written(v value.Value) value.Value {
	switch v.Kind() {
	case value.Deferred:
		return value.NewString(v.Expression().Text())
	case value.List:
		items := make([]value.Value, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = written(item)
		}
		return value.NewList(items...)
	case value.Map:
		entries := map[string]value.Value{}
		for key, item := range v.Entries() {
			entries[key] = written(item)
		}
		return value.NewMap(entries)
	}
	return v
}
