package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// wait is one component that waits for another.
type wait struct {
	from, to  string // addresses
	whole     bool   // dependsOn: all of from waits for all of to; else one reference
	reference string // the output, for a reference
	at        span
}

// link turns the names in dependsOn and uses into addresses, checks them, and records what the component waits for.
func (r *resolver) link(c *Component) {
	r.dependsOn(c)
	r.uses(c)
	c.Spec.Walk(func(path []string, n value.Value) {
		if n.Kind() != value.Deferred {
			return
		}
		_, val := c.spec.locate(path)
		for _, ref := range n.References() {
			r.waits = append(r.waits, wait{from: c.Address, to: ref.Target, reference: ref.Output, at: val})
		}
	})
}

// resolve returns the full address for a name written in a component, or a problem when there is none.
func (r *resolver) resolve(c *Component, written string) (string, *diag.Diagnostic) {
	address := written
	if !strings.Contains(written, "/") {
		address = c.Service + "/" + written
	}
	if _, ok := r.targets[address]; ok {
		return address, nil
	}
	if r.bundle.broken || r.problems.full() {
		return "", ignored
	}
	return "", r.unknownComponent(written, c.Service)
}

func (r *resolver) report(c *Component, d *diag.Diagnostic, where span) {
	if d != ignored {
		r.problems.add(at(d, where).For(c.Address))
	}
}

func (r *resolver) dependsOn(c *Component) {
	list := c.Spec.Get("dependsOn")
	if list.Kind() != value.List {
		return // a wrong type is reported with the rest of the spec
	}
	items := slices.Clone(list.Items())
	for i, item := range items {
		if item.Kind() != value.String {
			continue
		}
		_, where := c.spec.locate([]string{"dependsOn", strconv.Itoa(i)})
		address, problem := r.resolve(c, item.Str())
		if problem != nil {
			r.report(c, problem, where)
			continue
		}
		items[i] = value.NewString(address)
		c.DependsOn = append(c.DependsOn, address)
		r.waits = append(r.waits, wait{from: c.Address, to: address, whole: true, at: where})
	}
	slices.Sort(c.DependsOn)
	c.DependsOn = slices.Compact(c.DependsOn)
	c.Spec = c.Spec.With("dependsOn", value.NewList(items...))
}

func (r *resolver) uses(c *Component) {
	uses, written := c.Spec.Get("uses"), c.spec.child("uses")
	if uses.Kind() != value.Map || written == nil || written.kind != value.Map {
		return
	}
	renamed := make(map[string]value.Value, len(uses.Entries()))
	entries := make([]entry, 0, len(written.entries))
	for _, e := range written.entries {
		address, problem := r.resolve(c, e.key)
		if problem != nil {
			r.report(c, problem, e.at)
			continue
		}
		if _, again := renamed[address]; again {
			r.problems.add(at(diag.New(diag.Invalid, "Duplicate key",
				fmt.Sprintf("uses names %q twice, once by its short and once by its full name.", address),
				"Keep one of them."), e.at).For(c.Address))
			continue
		}
		renamed[address] = uses.Entries()[e.key]
		entries = append(entries, entry{key: address, at: e.at, value: e.value})
		r.verbs(c, address, renamed[address], e)
	}
	c.Spec = c.Spec.With("uses", value.NewMap(renamed))
	changed := slices.Clone(c.spec.entries)
	for i := range changed {
		if changed[i].key == "uses" {
			changed[i].value = newMap(written.at, entries)
		}
	}
	c.spec = newMap(c.spec.at, changed)
}

// verbs checks the verbs that uses asks of one component.
func (r *resolver) verbs(c *Component, address string, asked value.Value, e entry) {
	kind := r.targets[address].kind
	if kind == nil {
		return
	}
	if len(kind.Verbs) == 0 {
		r.problems.add(at(diag.New(diag.Invalid, "Cannot be used",
			fmt.Sprintf("%q is of the kind %s, which grants nothing to others.", address, kind.Name),
			"Refer to its outputs instead."), e.at).For(c.Address))
		return
	}
	for i, verb := range asked.Items() {
		if verb.Kind() != value.String || slices.Contains(kind.Verbs, verb.Str()) {
			continue
		}
		_, where := e.value.locate([]string{strconv.Itoa(i)})
		r.problems.add(at(diag.New(diag.Invalid, "Unknown verb",
			fmt.Sprintf("%q is not a verb of the %s %q. %s", verb.Str(), kind.Name, address,
				suggest(verb.Str(), kind.Verbs)), ""), where).For(c.Address))
	}
}
