package report

import (
	"strings"
	"time"

	"github.com/company/deployer/internal/value"
)

// Drift is what AWS, the state and the manifests say of the objects of a stack in an environment.
type Drift struct {
	Stack, Environment string
	Version            Version   // the last deployment; 0: none has ended
	Result             string    // how it ended, or "in progress"
	At                 time.Time // when
	Unread             string    // why the manifests were not compared; "": they were
	Objects            int       // of the state that were asked about
	Compared           int       // of them, those whose properties were read
	Drifted            []Drifted // by resource
	Ignored            []Drifted // what the file of ignored differences names
	Pending            []Pending // changes of the manifests that are not deployed yet, by resource
	Uncompared         []Uncompared
	Notes              []string // facts that a person should know, and that are no difference
	Untold             string   // why AWS could not be asked who changed the objects; "": it was, or need not be
}

// HasDrift reports whether somebody else changed anything that is not ignored.
func (d *Drift) HasDrift() bool { return len(d.Drifted) > 0 }

// Count counts the drifted objects of a kind.
func (d *Drift) Count(kind DriftKind) int {
	n := 0
	for _, one := range d.Drifted {
		if one.Kind == kind {
			n++
		}
	}
	return n
}

// DriftKind says what somebody else did with an object.
type DriftKind string

// The kinds of drift.
const (
	DriftChanged DriftKind = "changed"
	DriftDeleted DriftKind = "deleted"
	DriftMade    DriftKind = "made" // beside the object of a resource, and not in the state
)

// Drifted is one object that somebody else changed, deleted, or made.
type Drifted struct {
	Resource   string // its ID; of an object that was made: the resource that it belongs to
	Type       string // of the resource
	ID         string // of the object in AWS
	Kind       DriftKind
	What       string  // of an object that was made: "a rule for tcp 22 from 0.0.0.0/0"
	Next       string  // how to remove an object that was made, as a command or a clause
	Problem    string  // what differs beside properties: tags that say whose the object is
	Properties []Sides // of an object that was changed
	Rule       string  // of an ignored one: the line of the file
	Reason     string  // of an ignored one: why, as the file says
	Deeds      []Deed  // who did it, newest first; empty: not known
}

// Sides is one property in AWS, in the state and in the manifests. A side without it is Null.
type Sides struct {
	Path             []string
	AWS, State, YAML value.Value
	Pending          bool // the manifests say otherwise than the state
}

// Name is the dotted path.
func (s Sides) Name() string { return strings.Join(s.Path, ".") }

// Deed is one event of AWS's record of calls.
type Deed struct {
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	Action string    `json:"action"`          // "ModifyRule"
	From   string    `json:"from,omitempty"`  // "console", "203.0.113.7"
	Event  string    `json:"event,omitempty"` // its id in CloudTrail
}

// Pending is a change of the manifests that is not deployed yet.
type Pending struct {
	Resource   string
	Type       string
	Action     string
	Properties []Sides // of an update or a replacement; AWS is not shown
}

// Uncompared is what could not be compared.
type Uncompared struct {
	Resource   string   `json:"resource"`
	Type       string   `json:"type"`
	Properties []string `json:"properties,omitempty"` // top-level names; empty: the whole object
	What       string   `json:"what,omitempty"`       // of an object's surroundings: "policies of the role"
	Why        string   `json:"why"`
	// it may hide a difference that another run, or other credentials, would see
	Failed bool `json:"failed,omitempty"`
}
