package engine

import (
	"encoding/json"
	"slices"
	"strings"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// StoredResource is one resource as the state has it.
type StoredResource struct {
	ID           string // "web/api:service"
	Component    string
	Type         string // "ecs/service"
	AWSID        string
	Inputs       value.Value
	Outputs      value.Value
	Protect      bool
	Dependencies []string // IDs
	InitErrors   []string // why the last rollout failed
	// the old address that its tags still have after its component was renamed; "": they have the current one
	MovedFrom string
	Deleting  bool // it was replaced, and its deletion is still to come
	Replacing bool // the object is deleted, and its replacement is still to come
}

// Interrupted reports whether nobody knows if the resource became as wanted, because the run that made it was
// interrupted.
func (s StoredResource) Interrupted() bool {
	return slices.Contains(s.InitErrors, interrupted) || slices.Contains(s.InitErrors, stoppedMeanwhile)
}

// Resources lists the resources of a state, each after its dependencies. It needs no engine and accepts states of any
// stack.
func Resources(state []byte) ([]StoredResource, error) {
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	out := make([]StoredResource, 0, len(d.Resources))
	for _, raw := range d.Resources {
		rec, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		typ, ours := typeOf(rec.Type)
		if !ours {
			continue
		}
		s := StoredResource{
			ID: rec.URN.Name(), Component: resource.ComponentOf(rec.URN.Name()), Type: typ, AWSID: rec.ID,
			Protect:    rec.Protect,
			InitErrors: rec.InitErrors, Deleting: rec.Delete, Replacing: rec.PendingReplacement,
			Inputs: rec.inputs, Outputs: rec.outputs.With(versionKey, value.NullValue),
		}
		if len(s.InitErrors) > 0 {
			if from, moved := strings.CutPrefix(s.InitErrors[0], movedFrom); moved {
				s.InitErrors, s.MovedFrom = nil, from
			}
		}
		for _, urn := range rec.Dependencies {
			s.Dependencies = append(s.Dependencies, urn.Name())
		}
		out = append(out, s)
	}
	return out, nil
}

// StackOutputs returns the outputs of each component as the state has them, without the sensitive ones.
func StackOutputs(state []byte) (map[string]map[string]value.Value, error) {
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]value.Value{}
	for _, raw := range d.Resources {
		var h head
		if err := json.Unmarshal(raw, &h); err != nil {
			return nil, err
		}
		if h.Type != string(sdk.RootStackType) {
			continue
		}
		rec, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		for address, out := range rec.outputs.Entries() {
			all[address] = out.Entries()
		}
		break
	}
	return all, nil
}

// PendingOperation is a step that an interrupted run had begun.
type PendingOperation struct {
	Resource string
	Type     string
	Action   plan.Action
	Intent   json.RawMessage // of a creation: as one of Preview.Intents
}

// Pending lists the steps that an interrupted run had begun and not ended. Every later run handles them: it adopts or
// creates what was about to be created, and reads the rest again before it plans. Creations of resources that are not
// desired any more stay pending.
func Pending(state []byte) ([]PendingOperation, error) {
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	if len(d.PendingOperations) == 0 {
		return nil, nil
	}
	stored := map[sdk.URN]bool{}
	for _, raw := range d.Resources {
		var h head
		if err := json.Unmarshal(raw, &h); err != nil {
			return nil, err
		}
		stored[h.URN] = true
	}
	var out []PendingOperation
	for _, op := range d.PendingOperations {
		rec, err := decodeRecord(op.Resource)
		if err != nil {
			return nil, err
		}
		typ, _ := typeOf(rec.Type)
		action := map[string]plan.Action{
			opCreating: plan.Create, opUpdating: plan.Update,
			opDeleting: plan.Delete,
		}[op.Type]
		p := PendingOperation{Resource: rec.URN.Name(), Type: typ, Action: action}
		if action == plan.Create {
			if p.Intent, err = json.Marshal(intent{Resource: op.Resource, Replaces: stored[rec.URN]}); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// DIY returns the files of Pulumi's self-managed backend for a state, by path, so that the stock pulumi CLI opens it:
// the project is the stack, the stack is the environment.
func DIY(state []byte, stack, environment string, place Place) (map[string][]byte, error) {
	d, err := complete(state, place)
	if err != nil {
		return nil, err
	}
	file := struct {
		Version    int `json:"version"`
		Checkpoint struct {
			Stack  string      `json:"stack"`
			Latest *deployment `json:"latest"`
		} `json:"checkpoint"`
	}{Version: 3}
	file.Checkpoint.Stack = "organization/" + stack + "/" + environment
	file.Checkpoint.Latest = d
	text, err := json.MarshalIndent(file, "", "    ")
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		".pulumi/meta.yaml": []byte("version: 1\n"),
		".pulumi/stacks/" + stack + "/" + environment + ".json": append(text, '\n'),
	}, nil
}

// Deployment returns a state as Pulumi's apitype.DeploymentV3, which Pulumi Cloud imports.
func Deployment(state []byte, place Place) (json.RawMessage, error) {
	d, err := complete(state, place)
	if err != nil {
		return nil, err
	}
	return json.Marshal(d)
}

// complete is a state with what Pulumi's tools look for: the manifest, and for the Plugin where the objects are.
func complete(state []byte, place Place) (*deployment, error) {
	d, err := decodeDeployment(state)
	if err != nil {
		return nil, err
	}
	if d.Manifest == nil {
		d.Manifest = manifest()
	}
	config := map[string]any{}
	if place.Account != "" {
		config[accountKey] = place.Account
	}
	if place.Region != "" {
		config[regionKey] = place.Region
	}
	for i, raw := range d.Resources {
		var h head
		if err := json.Unmarshal(raw, &h); err != nil {
			return nil, err
		}
		if len(config) == 0 || h.Type != string(providerType) {
			continue
		}
		rec, err := decodeRecord(raw)
		if err != nil {
			return nil, err
		}
		encodable := rec.encodable()
		encodable.Inputs, encodable.Outputs = config, config
		d.Resources[i] = encodable.encode()
		break
	}
	return d, nil
}
