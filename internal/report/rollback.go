package report

import (
	"time"

	"github.com/company/deployer/internal/plan"
)

// Hold is a configuration that an apply does not deploy again until the hold is released.
type Hold struct {
	Version    Version   `json:"version,omitzero"` // that a rollback left; left out: a run that did not end
	Commit     string    `json:"commit,omitempty"` // of that version
	To         Version   `json:"to"`               // the version that the rollback went back to
	At         time.Time `json:"at"`               // of the rollback
	Who        string    `json:"who"`
	Components []string  `json:"components"` // that differ between the two versions
}

// Rollback says that a version has the configuration of an earlier one.
type Rollback struct {
	To        Version `json:"to"`
	From      Version `json:"from,omitzero"`       // that it left; left out: a run that did not end
	Automatic bool    `json:"automatic,omitempty"` // after the failure of an apply
}

// Changes counts the resources that a run has changed.
type Changes struct {
	Create  int `json:"create"`
	Adopt   int `json:"adopt"`
	Update  int `json:"update"`
	Replace int `json:"replace"`
	Delete  int `json:"delete"`
}

// VersionComparison says in what two versions differ.
type VersionComparison struct {
	Stack, Environment string
	From, To           Deployment
	Variables          []VariableChange
	Components         []ComponentComparison // that differ, by address
}

// ComponentComparison is a component that differs between two versions.
type ComponentComparison struct {
	Address       string
	Kind          string          // "": it is not configured, but made from what others need
	Action        plan.Action     // Create: only To has it; Delete: only From
	Configuration []plan.Property // below its spec
	Images        []ImageChange
	Resources     []plan.Change
}

// ImageChange is an image that differs.
type ImageChange struct {
	Field string `json:"field"` // of the spec: "image"
	Old   string `json:"old"`   // "" where there is none
	New   string `json:"new"`
}

// Blame says which version last changed the properties of a component or a resource.
type Blame struct {
	Address    string           `json:"address"`
	Stack      string           `json:"stack"`
	Env        string           `json:"environment"`
	Kind       string           `json:"kind"` // of a component; of a resource its type
	Properties []BlamedProperty `json:"properties"`
}

// BlamedProperty is a property with the version that gave it its value.
type BlamedProperty struct {
	Path     []string  `json:"path"`
	Value    any       `json:"value"`
	Version  Version   `json:"version"`
	At       time.Time `json:"at"`
	Who      string    `json:"who"`
	Commit   string    `json:"commit,omitempty"`
	Rollback *Rollback `json:"rollback,omitempty"` // the version was one
	// the history begins with this version, or is not readable before it: the value may be older
	Earliest bool `json:"earliest,omitempty"`
}
