package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Status is the end of the run that wrote a state.
type Status string

// The statuses. A claim leaves InProgress until the run ends: to others it means that the run goes on or died.
const (
	InProgress  Status = "in progress"
	Succeeded   Status = "succeeded"
	Failed      Status = "failed"
	Interrupted Status = "interrupted"
	Destroyed   Status = "destroyed"
)

// Payload is the content of a state. It holds no sensitive value in clear.
type Payload struct {
	Stack       string    `json:"stack"`
	Environment string    `json:"environment"`
	Account     string    `json:"account"`    // AWS account id, pinned by the first deployment
	Region      string    `json:"region"`     // pinned by the first deployment
	Deployment  int       `json:"deployment"` // the number N of version vN; 0 before the first success or failure
	Status      Status    `json:"status"`
	At          time.Time `json:"at"`        // when the run wrote this
	Who         string    `json:"who"`       // as in the lock
	GitCommit   string    `json:"gitCommit"` // of the deployment repository, "" outside git
	Version     string    `json:"version"`   // of deployer
	Summary     string    `json:"summary,omitempty"`
	Changes     *Changes  `json:"changes,omitempty"`         // what the run has changed
	Seconds     int       `json:"durationSeconds,omitempty"` // from the claim to the end of the run
	Rollback    *Rollback `json:"rollback,omitempty"`        // nil: the run was no rollback
	Edited      *Edit     `json:"edited,omitempty"`          // since that run, by a command that deploys nothing
	// Former are the lineages of states that this state has replaced. Objects with those lineages belong to this state.
	Former []string `json:"former,omitempty"`
	// Forgotten are the IDs of resources that were removed from the state although AWS may still have them.
	Forgotten []string `json:"forgotten,omitempty"`
	// Holds are what rollbacks took back, and what must not be deployed again by accident.
	Holds []Hold `json:"holds,omitempty"`
	// Approval is the environment's approval rule: "required" or "". It is kept for destroy, which needs no manifest.
	Approval string `json:"approval,omitempty"`

	Variables map[string]string `json:"variables,omitempty"` // the values given; sensitive ones are left out
	// the resolved configuration, which a rollback deploys again
	Config     json.RawMessage `json:"config,omitempty"`
	Components []Component     `json:"components,omitempty"`
	Engine     json.RawMessage `json:"engine,omitempty"` // the Pulumi deployment
}

// Changes counts the resources that a run has changed.
type Changes struct {
	Create  int `json:"create,omitempty"`
	Adopt   int `json:"adopt,omitempty"`
	Update  int `json:"update,omitempty"`
	Replace int `json:"replace,omitempty"`
	Delete  int `json:"delete,omitempty"`
}

// Rollback says that a run deployed the configuration of an earlier version.
type Rollback struct {
	To        int  `json:"to"`                  // that version
	From      int  `json:"from,omitempty"`      // the version that it left; 0: a run that did not end
	Automatic bool `json:"automatic,omitempty"` // after the failure of an apply
}

// Hold keeps the configuration that a rollback left from being deployed again by accident.
type Hold struct {
	Version   int       `json:"version,omitempty"`   // that the rollback left; 0: a run that did not end
	GitCommit string    `json:"gitCommit,omitempty"` // of that version
	To        int       `json:"to"`                  // the version that the rollback went back to
	At        time.Time `json:"at"`                  // of the rollback
	Who       string    `json:"who"`                 // made the rollback
	// Config are the components that the rollback changed or deleted, as the left version had them.
	Config json.RawMessage `json:"config,omitempty"`
	// Absent are the addresses of components that the left version did not have, and that the rollback brought back.
	Absent []string `json:"absent,omitempty"`
}

// Edit is a change of the state that no deployment made.
type Edit struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	What string    `json:"what"` // "state rm user-service/api"
}

// Component is what the state keeps of a component.
type Component struct {
	Address   string   `json:"address"` // "user-service/api"
	Kind      string   `json:"kind"`
	DependsOn []string `json:"dependsOn,omitempty"` // addresses
	Protect   bool     `json:"protect,omitempty"`   // kept here, so that removing the YAML does not lift it
	Synthetic bool     `json:"synthetic,omitempty"`
	// the old address that its physical names are still made from after a rename
	Named   string         `json:"named,omitempty"`
	Outputs map[string]any `json:"outputs,omitempty"` // plain JSON data; sensitive ones are left out
	// Missing are wanted resources that did not exist when this was written. Engine is written more often, and may have
	// them since.
	Missing []Missing `json:"missing,omitempty"`
	// Removed: a run began to delete the component and has not finished. Engine still has what is left of it.
	Removed bool `json:"removed,omitempty"`
}

// Missing is a wanted resource that does not exist.
type Missing struct {
	Resource string `json:"resource"` // its ID: "user-service/api:service"
	Type     string `json:"type"`
}

// Decode reads the payload. Config and Engine are not decoded.
func (e *Envelope) Decode() (*Payload, error) {
	var p Payload
	var config, engine json.RawMessage // most of the bytes: encoding/json would look at each three times, and copy it
	rest := []byte{'{'}
	cut := split(e.Payload, func(key []byte, v part) bool {
		switch {
		case bytes.EqualFold(key, []byte("config")):
			config = v.text
		case bytes.EqualFold(key, []byte("engine")):
			engine = v.text
		default:
			if len(rest) > 1 {
				rest = append(rest, ',')
			}
			rest = append(append(append(append(rest, '"'), key...), '"', ':'), v.text...)
		}
		return true
	})
	rest = append(rest, '}')
	if !cut {
		rest, config, engine = e.Payload, nil, nil
	}
	if err := json.Unmarshal(rest, &p); err != nil {
		return nil, fmt.Errorf("state: payload of serial %d: %w", e.Serial, err)
	}
	if config != nil {
		p.Config = config
	}
	if engine != nil {
		p.Engine = engine
	}
	return &p, nil
}

// SetPayload replaces the payload; Encode makes the digest fit.
func (e *Envelope) SetPayload(p *Payload) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("state: payload: %w", err)
	}
	e.Payload = raw
	return nil
}

// Place says where a state belongs.
type Place struct{ Stack, Environment, Account, Region string }

// Place reads only those fields of the payload.
func (e *Envelope) Place() (Place, error) {
	var p Place
	fields := map[string]*string{
		"stack": &p.Stack, "environment": &p.Environment, "account": &p.Account,
		"region": &p.Region,
	}
	var err error
	object := split(e.Payload, func(key []byte, v part) bool {
		if bytes.IndexByte(key, '\\') >= 0 { // it could be one of those
			err = errors.New("a key is written with escapes")
		}
		if field := fields[strings.ToLower(string(key))]; field != nil { // as encoding/json would
			err = json.Unmarshal(v.text, field)
		}
		return err == nil
	})
	if err == nil && !object {
		err = errors.New("it is no JSON object")
	}
	if err != nil {
		return Place{}, fmt.Errorf("state: payload of serial %d: %w", e.Serial, err)
	}
	return p, nil
}
