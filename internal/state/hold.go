package state

import (
	"encoding/json"
	"slices"
)

// Addresses are the components that a hold is about, sorted.
func (h Hold) Addresses() []string {
	var components []struct {
		Address string `json:"address"`
	}
	_ = json.Unmarshal(h.Config, &components) // an unreadable one holds nothing
	out := slices.Clone(h.Absent)
	for _, c := range components {
		out = append(out, c.Address)
	}
	slices.Sort(out)
	return out
}
