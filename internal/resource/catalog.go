package resource

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// Catalog is every resource type and lookup that a provider offers: the registration list.
type Catalog struct {
	behaviours map[string]Behaviour
	lookups    map[string]Lookup
	indexing   *Indexing // nil: nothing is surveyed
}

// NewCatalog returns a catalog of the given types. It panics on a repeated type: a programming error.
func NewCatalog(behaviours []Behaviour, lookups []Lookup) *Catalog {
	c := &Catalog{behaviours: map[string]Behaviour{}, lookups: map[string]Lookup{}}
	for _, b := range behaviours {
		if _, twice := c.behaviours[b.Definition().Type]; twice {
			panic("resource: type registered twice: " + b.Definition().Type)
		}
		c.behaviours[b.Definition().Type] = b
	}
	for _, l := range lookups {
		if _, twice := c.lookups[l.Type]; twice {
			panic("resource: lookup registered twice: " + l.Type)
		}
		c.lookups[l.Type] = l
	}
	return c
}

// Behaviour returns the behaviour of a type.
func (c *Catalog) Behaviour(typ string) (Behaviour, error) {
	b, ok := c.behaviours[typ]
	if !ok {
		return nil, fmt.Errorf("this version of deployer does not know the resource type %q; a newer one may have "+
			"written the state", typ)
	}
	return b, nil
}

// Read answers a lookup. All of props is known.
func (c *Catalog) Read(ctx context.Context, typ string, props value.Value) (value.Value, error) {
	l, ok := c.lookups[typ]
	if !ok {
		return value.NullValue, fmt.Errorf("this version of deployer does not know the lookup %q", typ)
	}
	return l.Read(ctx, props)
}

// Outputs returns the names that a reference to a resource or a lookup of the type may use; nil for an unknown type.
func (c *Catalog) Outputs(typ string) []string {
	if b, ok := c.behaviours[typ]; ok {
		return b.Definition().Outputs
	}
	return c.lookups[typ].Outputs
}

// Properties returns the properties of a resource type; false for an unknown type or a lookup.
func (c *Catalog) Properties(typ string) (value.Shape, bool) {
	b, ok := c.behaviours[typ]
	if !ok || b.Definition().Properties == nil {
		return value.Shape{}, false
	}
	return b.Definition().Properties(), true
}

// Permissions returns the IAM permissions of a type or a lookup; nil for an unknown type.
func (c *Catalog) Permissions(typ string, scope Scope) []Statement {
	permissions := c.lookups[typ].Permissions
	if b, ok := c.behaviours[typ]; ok {
		permissions = b.Definition().Permissions
	}
	if permissions == nil {
		return nil
	}
	return permissions(scope)
}

// Lookups returns the lookups, by type.
func (c *Catalog) Lookups() []Lookup {
	var out []Lookup
	for _, l := range c.lookups {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Lookup) int { return strings.Compare(a.Type, b.Type) })
	return out
}

// Definitions returns the definitions of all types, by type.
func (c *Catalog) Definitions() []*Definition {
	var out []*Definition
	for _, b := range c.behaviours {
		out = append(out, b.Definition())
	}
	slices.SortFunc(out, func(a, b *Definition) int { return strings.Compare(a.Type, b.Type) })
	return out
}
