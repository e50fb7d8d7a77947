package component

import (
	"encoding/json"

	"github.com/company/deployer/internal/value"
)

// Frozen is one component of the resolved configuration that states and saved plans keep: enough to expand it again
// without the manifests. It has no sensitive value.
type Frozen struct {
	Address    string            `json:"address"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	Kind       string            `json:"kind"`
	Production bool              `json:"production,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Spec       value.Value       `json:"spec"`
}

// ReadFrozen reads the configuration that a state keeps; none if it has none.
func ReadFrozen(config json.RawMessage) ([]Frozen, error) {
	if len(config) == 0 {
		return nil, nil
	}
	var components []Frozen
	err := json.Unmarshal(config, &components)
	return components, err
}
