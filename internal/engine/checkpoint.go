package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"github.com/company/deployer/internal/value"
)

// record is one resource of a deployment: the fields of Pulumi's apitype.ResourceV3 that we use, under the same names.
// It is our own type, because pkg/resource/stack adds start-up time and secrets managers. It has no times, so equal
// runs give equal states.
type record struct {
	URN                  sdk.URN                       `json:"urn"`
	Custom               bool                          `json:"custom"`
	Delete               bool                          `json:"delete,omitempty"`
	ID                   string                        `json:"id,omitempty"`
	Type                 tokens.Type                   `json:"type"`
	Inputs               map[string]any                `json:"inputs,omitempty"`
	Outputs              map[string]any                `json:"outputs,omitempty"`
	Parent               sdk.URN                       `json:"parent,omitempty"`
	Protect              bool                          `json:"protect,omitempty"`
	Dependencies         []sdk.URN                     `json:"dependencies,omitempty"`
	InitErrors           []string                      `json:"initErrors,omitempty"`
	Provider             string                        `json:"provider,omitempty"`
	PropertyDependencies map[sdk.PropertyKey][]sdk.URN `json:"propertyDependencies,omitempty"`
	PendingReplacement   bool                          `json:"pendingReplacement,omitempty"`

	inputs, outputs value.Value // of a decoded record, instead of Inputs and Outputs
}

// operation is a step that was begun; a finished deployment has none.
type operation struct {
	Resource json.RawMessage `json:"resource"`
	Type     string          `json:"type"` // creating, updating, deleting
}

// deployment is Pulumi's apitype.DeploymentV3 with undecoded resources.
type deployment struct {
	Manifest          json.RawMessage   `json:"manifest"`
	SecretsProviders  json.RawMessage   `json:"secrets_providers,omitempty"`
	Resources         []json.RawMessage `json:"resources,omitempty"`
	PendingOperations []operation       `json:"pending_operations,omitempty"`
	Metadata          json.RawMessage   `json:"metadata,omitempty"`
}

// manifest says which engine wrote the state. The stock CLI checks that magic is the hash of version.
func manifest() json.RawMessage {
	sum := sha256.Sum256([]byte(engineVersion))
	return json.RawMessage(`{"time":"0001-01-01T00:00:00Z","magic":"` + hex.EncodeToString(sum[:]) + `","version":"` +
		engineVersion + `"}`)
}

func decodeDeployment(state []byte) (*deployment, error) {
	d := &deployment{}
	r := &reader{data: state}
	if r.peek() == 0 {
		return d, nil
	}
	err := r.object(func(key string) (err error) {
		switch key {
		case "resources":
			return r.array(func() error {
				raw, err := r.raw()
				d.Resources = append(d.Resources, raw)
				return err
			})
		case "manifest":
			d.Manifest, err = r.raw()
		case "secrets_providers":
			d.SecretsProviders, err = r.raw()
		case "metadata":
			d.Metadata, err = r.raw()
		case "pending_operations":
			var raw json.RawMessage
			if raw, err = r.raw(); err == nil {
				err = json.Unmarshal(raw, &d.PendingOperations)
			}
		default:
			_, err = r.raw()
		}
		return err
	})
	if err == nil && r.peek() != 0 {
		err = r.fail()
	}
	if err != nil {
		return nil, fmt.Errorf("the stored deployment is not valid: %w", err)
	}
	return d, nil
}

func encodeDeployment(resources []json.RawMessage, pending []operation) []byte {
	size := 512
	for _, r := range resources {
		size += len(r) + 1
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	out.WriteString(`{"manifest":`)
	out.Write(manifest())
	if len(resources) > 0 {
		out.WriteString(`,"resources":[`)
		for i, r := range resources {
			if i > 0 {
				out.WriteByte(',')
			}
			out.Write(r)
		}
		out.WriteByte(']')
	}
	if len(pending) > 0 {
		text, err := json.Marshal(pending)
		if err != nil {
			panic(err) // raw messages that came from json.Marshal
		}
		out.WriteString(`,"pending_operations":`)
		out.Write(text)
	}
	out.WriteString(`,"metadata":{}}`)
	return out.Bytes()
}

func decodeRecord(raw json.RawMessage) (*record, error) {
	rec := &record{}
	r := &reader{data: raw}
	err := r.object(func(key string) (err error) {
		var s string
		switch key {
		case "urn":
			rec.URN, err = r.urn()
		case "custom":
			rec.Custom, err = r.boolean()
		case "delete":
			rec.Delete, err = r.boolean()
		case "id":
			rec.ID, err = r.text()
		case "type":
			s, err = r.text()
			rec.Type = tokens.Type(s)
		case "inputs":
			rec.inputs, err = r.value()
		case "outputs":
			rec.outputs, err = r.value()
		case "parent":
			rec.Parent, err = r.urn()
		case "protect":
			rec.Protect, err = r.boolean()
		case "dependencies":
			rec.Dependencies, err = r.urns()
		case "initErrors":
			rec.InitErrors, err = r.texts()
		case "provider":
			rec.Provider, err = r.text()
		case "propertyDependencies":
			rec.PropertyDependencies = map[sdk.PropertyKey][]sdk.URN{}
			err = r.object(func(property string) error {
				urns, err := r.urns()
				rec.PropertyDependencies[sdk.PropertyKey(property)] = urns
				return err
			})
		case "pendingReplacement":
			rec.PendingReplacement, err = r.boolean()
		default:
			_, err = r.raw()
		}
		return err
	})
	if err == nil && rec.URN == "" {
		err = errors.New("it has no URN")
	}
	if err != nil {
		return nil, fmt.Errorf("the stored deployment holds a resource that is not valid: %w", err)
	}
	return rec, nil
}

// urn reads a URN and checks that it has all parts: the engine uses them without a check.
func (r *reader) urn() (sdk.URN, error) {
	s, err := r.text()
	if urn := sdk.URN(s); err != nil || urn.IsValid() {
		return urn, err
	}
	return "", fmt.Errorf("%q is not a URN", s)
}

func (r *reader) urns() ([]sdk.URN, error) {
	if r.peek() == 'n' {
		return nil, r.word("null")
	}
	var urns []sdk.URN
	err := r.array(func() error {
		urn, err := r.urn()
		urns = append(urns, urn)
		return err
	})
	return urns, err
}

// encode writes a record made by recordOf or by hand.
func (rec *record) encode() json.RawMessage {
	text, err := json.Marshal(rec)
	if err != nil {
		panic(err) // only strings, numbers, booleans, lists and maps
	}
	return text
}

// state converts a decoded record to the engine's model.
func (rec *record) state() *pkgresource.State {
	return &pkgresource.State{
		Type: rec.Type, URN: rec.URN, Custom: rec.Custom, Delete: rec.Delete, ID: sdk.ID(rec.ID),
		Inputs: properties(rec.inputs), Outputs: properties(rec.outputs),
		Parent: rec.Parent, Protect: rec.Protect, Dependencies: rec.Dependencies, InitErrors: rec.InitErrors,
		Provider: rec.Provider, PendingReplacement: rec.PendingReplacement,
		PropertyDependencies: rec.PropertyDependencies,
	}
}

// recordOf converts from the engine's model.
func recordOf(s *pkgresource.State) *record {
	return &record{
		Type: s.Type, URN: s.URN, Custom: s.Custom, Delete: s.Delete, ID: string(s.ID),
		Inputs: plainMap(s.Inputs), Outputs: plainMap(s.Outputs),
		Parent: s.Parent, Protect: s.Protect, Dependencies: s.Dependencies, InitErrors: s.InitErrors,
		Provider: s.Provider, PendingReplacement: s.PendingReplacement, PropertyDependencies: s.PropertyDependencies,
	}
}

// encodable returns a decoded record in the form that encode writes.
func (rec *record) encodable() *record { return recordOf(rec.state()) }

// reencode writes a decoded record again.
func (rec *record) reencode() json.RawMessage { return rec.encodable().encode() }
