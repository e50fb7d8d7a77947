package report

import "time"

// StateVersion is one content of a state that can be restored.
type StateVersion struct {
	ID        string    `json:"id"` // what `state restore` takes: "v3", or the id of an object version
	At        time.Time `json:"at"` // when it was written
	Current   bool      `json:"current,omitempty"`
	Serial    int64     `json:"serial,omitempty"`
	Version   Version   `json:"version,omitzero"`
	Result    string    `json:"result,omitempty"`
	Who       string    `json:"who,omitempty"`
	Resources int       `json:"resources"`
	Problem   string    `json:"problem,omitempty"` // why it cannot be restored
}

// StateSide is one of the states that are compared.
type StateSide struct {
	Name      string    `json:"name"` // the file, the place in the backend, "v3"
	Lineage   string    `json:"lineage"`
	Serial    int64     `json:"serial"`
	Fence     int64     `json:"fence"`
	Version   Version   `json:"version"`
	Result    string    `json:"result"`
	At        time.Time `json:"at"`
	Who       string    `json:"who"`
	Resources int       `json:"resources"`
}

// StateComparison compares a state that is to be written with the one in the backend.
type StateComparison struct {
	Stack       string    `json:"stack"`
	Environment string    `json:"environment"`
	File        StateSide `json:"file"` // what is to be written: a file, or an earlier version
	// the present state, or the one before it was damaged; null when nothing is known of it
	Backend   *StateSide        `json:"backend"`
	Base      *StateSide        `json:"base"` // what both started from, where the history has it
	Resources []StateDifference `json:"resources"`
	Same      int               `json:"same"` // resources that do not differ
}

// Where a resource of a StateDifference is.
const (
	OnlyInFile    = "only in file"
	OnlyInBackend = "only in backend"
	Differs       = "differs"
)

// StateDifference is one resource that is not the same in both states.
type StateDifference struct {
	Resource   string   `json:"resource"`
	Type       string   `json:"type"`
	Where      string   `json:"where"`
	FileID     string   `json:"fileId,omitempty"`    // its AWS ID in the file
	BackendID  string   `json:"backendId,omitempty"` // its AWS ID in the backend
	Properties []string `json:"properties,omitempty"`
	Changed    string   `json:"changed,omitempty"` // since the base: "file", "backend" or "both"
}

// Forgotten is what a state does not hold any more, or would not hold after a removal.
type Forgotten struct {
	Stack       string              `json:"stack"`
	Environment string              `json:"environment"`
	Resources   []ForgottenResource `json:"resources"`
	Dependents  []Dependent         `json:"dependents"`
	Components  []string            `json:"components"` // those of which nothing is left
}

// Moved is a component that a state holds under another address.
type Moved struct {
	Stack       string   `json:"stack"`
	Environment string   `json:"environment"`
	From        string   `json:"from"`
	To          string   `json:"to"`
	Resources   []string `json:"resources"` // under their new addresses
	// Former are addresses at which an apply takes the move back, if the manifests have one of them and not To.
	Former []string `json:"-"`
}

// ForgottenResource is an AWS object that stays behind.
type ForgottenResource struct {
	Resource  string `json:"resource"`
	Type      string `json:"type"`
	ID        string `json:"id"`             // its AWS ID
	Name      string `json:"name,omitempty"` // under which the console shows it
	Protected bool   `json:"protected,omitempty"`
	Deleted   bool   `json:"deleted,omitempty"` // it is already deleted: its replacement was interrupted
}

// Dependent is a resource that stays in the state and depends on one that does not.
type Dependent struct {
	Resource string `json:"resource"`
	Needs    string `json:"needs"`
}
