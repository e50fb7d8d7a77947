package engine

import (
	"encoding/json"
	"fmt"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// versionKey is the output under which the state keeps resource.Definition.Version; absent means 1.
const versionKey = "__version"

// stored is one resource of a loaded state.
type stored struct {
	id       string // "" for the stack and the provider
	typ      string // "sqs/queue"
	raw      json.RawMessage
	state    *pkgresource.State
	inputs   value.Value // as the engine sees them too
	upgraded bool        // raw is of an older version of the type

	// As the state says; the fields of state.state change during a run.
	protected, deleting, waiting bool
}

// loaded is a state made ready for a run.
type loaded struct {
	bytes    []byte // as given
	all      []*stored
	live     map[sdk.URN]*stored // without those that only wait for deletion
	creating []operation         // creations that an interrupted run did not finish
	adopt    []string            // their IDs
	stale    []string            // IDs of resources whose update or deletion an interrupted run did not finish
	root     *stored
	provider *stored
	seeded   bool // root and provider are not in bytes
}

// load decodes a state and upgrades what older versions of deployer stored.
func load(state []byte, names naming, catalog *resource.Catalog) (*loaded, error) {
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	l := &loaded{
		bytes: state, all: make([]*stored, 0, len(d.Resources)+2),
		live: make(map[sdk.URN]*stored, len(d.Resources)),
	}
	for _, raw := range d.Resources {
		rec, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		s := &stored{
			raw: raw, state: rec.state(), protected: rec.Protect, deleting: rec.Delete,
			waiting: rec.PendingReplacement,
		}
		l.all = append(l.all, s)
		switch rec.URN {
		case names.root():
			l.root = s
		case names.provider():
			l.provider = s
		default:
			if err := s.describe(rec, names, catalog); err != nil {
				return nil, err
			}
			if !rec.Delete {
				l.live[rec.URN] = s
			}
		}
	}
	for _, op := range d.PendingOperations {
		rec, err := decodeRecord(op.Resource)
		if err != nil {
			return nil, err
		}
		if op.Type == opCreating {
			l.creating = append(l.creating, op)
			l.adopt = append(l.adopt, rec.URN.Name())
		} else {
			l.stale = append(l.stale, rec.URN.Name())
		}
	}
	if l.root == nil && l.provider == nil {
		l.seed(names)
	}
	if l.root == nil || l.provider == nil {
		return nil, fmt.Errorf("the stored deployment lacks its stack or its provider: it was damaged")
	}
	return l, nil
}

func (s *stored) describe(rec *record, names naming, catalog *resource.Catalog) error {
	typ, ours := typeOf(rec.Type)
	if !ours {
		return fmt.Errorf("the stored deployment holds %s of the type %s, which deployer does not manage",
			rec.URN.Name(), rec.Type)
	}
	s.id, s.typ = rec.URN.Name(), typ
	if want := names.resource(s.id, typ); rec.URN != want {
		return fmt.Errorf("the stored deployment belongs to stack %s, environment %s, not to %s, %s",
			rec.URN.Project(), rec.URN.Stack(), names.stack, names.environment)
	}
	behaviour, err := catalog.Behaviour(typ)
	if err != nil {
		return fmt.Errorf("%s: %w", s.id, err)
	}
	s.inputs = rec.inputs
	return s.upgrade(rec, behaviour.Definition())
}

func (s *stored) upgrade(rec *record, def *resource.Definition) error {
	wanted := max(def.Version, 1)
	from := 1
	if v := rec.outputs.Get(versionKey); v.Kind() == value.Number {
		from = int(v.Number())
	}
	if from > wanted {
		return fmt.Errorf("%s: a newer deployer stored it (version %d of %s; this one knows %d): update deployer", s.id,
			from, s.typ, wanted)
	}
	if from == wanted || def.Upgrade == nil {
		return nil
	}
	outputs := rec.outputs.With(versionKey, value.NullValue)
	for ; from < wanted; from++ {
		s.inputs, outputs = def.Upgrade(from, s.inputs, outputs)
	}
	s.upgraded = true
	s.state.Inputs, s.state.Outputs = properties(s.inputs), versioned(properties(outputs), def)
	return nil
}

// versioned adds the schema version to outputs.
func versioned(outputs sdk.PropertyMap, def *resource.Definition) sdk.PropertyMap {
	if def.Version > 1 {
		outputs[versionKey] = sdk.PropertyValue{V: float64(def.Version)}
	}
	return outputs
}

// seed adds the stack and the provider to a state that has none. Their IDs never change, so the engine finds them
// unchanged, and equal runs give equal states.
func (l *loaded) seed(names naming) {
	l.seeded = true
	l.root = seeded(&record{URN: names.root(), Type: sdk.RootStackType})
	l.provider = seeded(&record{URN: names.provider(), Custom: true, ID: providerID, Type: names.provider().Type()})
	l.all = append(l.all, l.root, l.provider)
}

func seeded(rec *record) *stored { return &stored{raw: rec.encode(), state: rec.state()} }
