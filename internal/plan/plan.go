// Package plan is the plan as data: what an apply would do to each component and resource, why, and the consequences.
//
// In: the engine's preview fills it. Out: package view renders it, package deploy guards it, JSON carries it. It only
// computes sums, and must not decide anything else.
package plan

import (
	"strings"
	"time"

	"github.com/company/deployer/internal/value"
)

// Action is what happens to a resource or a component.
type Action string

// The actions.
const (
	NoOp    Action = "no-op"
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace"
	Delete  Action = "delete"
	Adopt   Action = "adopt"
)

// Consequence is what a change means to users of the object, from harmless to grave.
type Consequence string

// The consequences, in the order of their gravity.
const (
	None        Consequence = ""
	InPlace     Consequence = "in place"    // nobody notices
	Reboot      Consequence = "reboot"      // nobody notices, and it has an effect only after a reboot
	Rolling     Consequence = "rolling"     // new tasks replace old ones, step by step
	Restart     Consequence = "restart"     // it restarts: connections break, and new ones succeed at once
	Replacement Consequence = "replacement" // a new object takes over, nothing is lost
	Downtime    Consequence = "downtime"    // it is away for a while
	DataLoss    Consequence = "data loss"   // what it holds is gone
)

var gravity = map[Consequence]int{
	None: 0, InPlace: 1, Reboot: 2, Rolling: 3, Restart: 4, Replacement: 5, Downtime: 6, DataLoss: 7,
}

// Worse returns the more severe one.
func Worse(a, b Consequence) Consequence {
	if gravity[b] > gravity[a] {
		return b
	}
	return a
}

// Property is one changed property.
type Property struct {
	Path              []string
	Old, New          value.Value // Null where there was or will be none; New may be Unknown
	ForcesReplacement bool
}

// Name is the dotted path.
func (p Property) Name() string { return strings.Join(p.Path, ".") }

// Change is what happens to one resource.
type Change struct {
	Resource    string // its ID: "web/api:service"
	Type        string
	Action      Action
	Consequence Consequence
	Lasts       string // how long users notice it: "some minutes"; "" where the type does not know
	Reason      string // why, one line: "image changes", "removed from the manifests"
	Properties  []Property
	Protected   bool // and therefore refused without --allow-data-loss
	Obstacles   []Obstacle
	TakesOver   string // what it takes from other components and when, as a sentence without its end; "" for nothing
}

// Obstacle is why AWS would refuse to delete an object now.
type Obstacle struct {
	What string // a sentence without its end: "the bucket x is not empty: it holds a/1"
	Next string // what to do about it, in the same form
}

// Component is what happens to one component.
type Component struct {
	Address     string
	Kind        string
	MovedFrom   string // its address until now; "": it is not renamed
	Action      Action
	Consequence Consequence
	About       string   // of a component that is created: what it will be, in one line; ""
	Overrides   []string // names of its resources that its manifest overrides
	Changes     []Change // without no-ops, in the order of execution
	Notes       []string // what its users must know or do, as sentences without their ends
}

// Plan is what an apply would do.
type Plan struct {
	Stack, Environment string
	Targets            []string    // addresses of --target: only they and what they need were planned; nil: all
	Components         []Component // sorted by address; those with nothing to do included
	Unchanged          int         // resources that stay as they are
	Survey             *Survey     // what AWS was asked before; nil: nothing was, because nothing is recorded
	Previous           []Variable  // that nothing gave a value, so that they have the one of the last deployment
	Rollback           *Rollback   // nil: it deploys the manifests
}

// Rollback is the earlier version that a plan goes back to.
type Rollback struct {
	From      int // the version that it leaves; 0: a run that did not end
	To        int
	At        time.Time // when To was deployed
	Age       time.Duration
	Commit    string
	Who       string
	Automatic bool // it follows the failure of an apply
}

// Variable is a variable with the value of an earlier deployment.
type Variable struct{ Name, Value, Version string }

// Survey says how current the plan's view of AWS is.
type Survey struct {
	Objects   int       // in the state
	There     int       // also in AWS, as far as that was asked
	Compared  int       // their properties were read from AWS, too; those of the others are as recorded
	Missing   []string  // resource IDs of those that somebody deleted
	Differing []string  // resource IDs of those that somebody changed
	Begun     []string  // those of Differing that a run was about to change when it was interrupted
	Unasked   []Unasked // those that nobody could ask for
	Drift     []Drift   // what Missing and Differing are, as far as properties were read
	Notes     []string  // what else was seen, one line each
	Version   int       // the version of the deployment that recorded the properties
	At        time.Time // when it did
	Age       time.Duration
}

// Drift is an object that somebody else has changed or deleted.
type Drift struct {
	Resource   string
	Gone       bool       // it was deleted
	Properties []Property // Old as recorded, New as in AWS
}

// Unasked are objects that AWS could not be asked about.
type Unasked struct {
	Why       string
	Resources []string
}

// Summary counts resources.
type Summary struct {
	Create, Update, Replace, Delete, Adopt, Unchanged int
}

// Summary counts what happens to resources.
func (p *Plan) Summary() Summary {
	s := Summary{Unchanged: p.Unchanged}
	for _, c := range p.Components {
		for _, ch := range c.Changes {
			s.count(ch.Action)
		}
	}
	return s
}

func (s *Summary) count(a Action) {
	switch a {
	case Create:
		s.Create++
	case Update:
		s.Update++
	case Replace:
		s.Replace++
	case Delete:
		s.Delete++
	case Adopt:
		s.Adopt++
	case NoOp:
		s.Unchanged++
	}
}

// HasChanges reports whether there is anything to do.
func (p *Plan) HasChanges() bool {
	s := p.Summary()
	return s.Create+s.Update+s.Replace+s.Delete+s.Adopt > 0
}
