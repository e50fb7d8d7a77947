package deploy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

const (
	savedFormat        = "deployer plan"
	savedFormatVersion = 1
	// MaxSavedSize is the largest saved plan in bytes that is written or read.
	MaxSavedSize = 32 << 20
)

// Saved is a plan that a file holds, to be applied exactly as it was approved. It has no sensitive value: no field of a
// component takes one.
type Saved struct {
	Key  state.Key
	Hash string // of everything that was approved: "sha256:…"
	At   time.Time

	raw  json.RawMessage // what Hash covers: an approved
	plan approved
	// the lineage that the state gets if this is a first deployment: marks and sealed properties are made from it
	lineage string
}

// savedFile is the file: the checksum covers the content, so that a damaged file is recognised.
type savedFile struct {
	Format   string          `json:"format"`
	Version  int             `json:"version"`
	Checksum string          `json:"checksum"`
	Content  json.RawMessage `json:"content"`
}

type savedContent struct {
	At      time.Time       `json:"at"`
	Lineage string          `json:"lineage"`
	Plan    json.RawMessage `json:"plan"`
}

// approved is everything that decides what an apply does. The same input and the same state give the same bytes.
type approved struct {
	Deployer      string                 `json:"deployer"` // version of the program
	Stack         string                 `json:"stack"`
	Environment   string                 `json:"environment"`
	Account       string                 `json:"account"`
	Region        string                 `json:"region"`
	Backend       string                 `json:"backend"` // see backendOf
	State         approvedState          `json:"state"`
	Refresh       bool                   `json:"refresh,omitempty"`
	Targets       []string               `json:"targets,omitempty"`
	AllowDataLoss []string               `json:"allowDataLoss,omitempty"`
	Approval      string                 `json:"approval,omitempty"`
	Rollback      string                 `json:"rollback,omitempty"`
	Variables     map[string]string      `json:"variables,omitempty"`
	Components    []frozen               `json:"components"`
	Lookups       map[string]value.Value `json:"lookups,omitempty"`
	Changes       []approvedComponent    `json:"changes"`
}

// approvedState is the state that a plan starts from; zero for a first deployment.
type approvedState struct {
	Lineage    string `json:"lineage,omitempty"`
	Serial     int64  `json:"serial,omitempty"`
	SHA256     string `json:"sha256,omitempty"`
	Deployment int    `json:"deployment,omitempty"`
}

type approvedComponent struct {
	Address   string           `json:"address"`
	MovedFrom string           `json:"movedFrom,omitempty"`
	Changes   []approvedChange `json:"changes"`
}

type approvedChange struct {
	Resource    string             `json:"resource"`
	Action      plan.Action        `json:"action"`
	Consequence plan.Consequence   `json:"consequence,omitempty"`
	TakesOver   string             `json:"takesOver,omitempty"`
	Properties  []approvedProperty `json:"properties,omitempty"`
}

type approvedProperty struct {
	Name string      `json:"name"`
	Old  value.Value `json:"old"`
	New  value.Value `json:"new"`
}

func stateOf(s *state.Stored) approvedState {
	if s == nil {
		return approvedState{}
	}
	out := envelopeState(s.Snapshot.Envelope)
	out.Deployment = s.Payload.Deployment
	return out
}

func envelopeState(e *state.Envelope) approvedState {
	return approvedState{Lineage: e.Lineage, Serial: e.Serial, SHA256: e.SHA256}
}

// changesOf is what a plan changes, without its words.
func changesOf(p *plan.Plan) []approvedComponent {
	hidden := func(v value.Value) value.Value {
		if v.HasSensitive() {
			return value.NewString(value.Redacted)
		}
		return v
	}
	out := []approvedComponent{}
	for _, c := range p.Components {
		if len(c.Changes) == 0 && c.MovedFrom == "" {
			continue
		}
		next := approvedComponent{Address: c.Address, MovedFrom: c.MovedFrom, Changes: []approvedChange{}}
		for _, ch := range c.Changes {
			change := approvedChange{
				Resource: ch.Resource, Action: ch.Action, Consequence: ch.Consequence, TakesOver: ch.TakesOver,
			}
			for _, p := range ch.Properties {
				change.Properties = append(change.Properties,
					approvedProperty{p.Name(), hidden(p.Old), hidden(p.New)})
			}
			next.Changes = append(next.Changes, change)
		}
		out = append(out, next)
	}
	return out
}

// saved makes a Saved of the plan of u, which was made from a stored state.
func (u *run) saved(stored *state.Stored) (*Saved, error) {
	a := approved{
		Deployer: u.back.World.Version, Stack: u.req.Key.Stack, Environment: u.req.Key.Environment,
		Account: u.where.Account, Region: u.where.Region, Backend: backendOf(u.back), State: stateOf(stored),
		Refresh: u.req.Refresh, Targets: u.req.Targets, AllowDataLoss: u.req.AllowDataLoss, Approval: u.stack.Approval,
		Rollback: u.stack.Rollback, Variables: variables(u.stack), Components: freeze(u.stack), Lookups: u.lookups,
		Changes: changesOf(u.plan),
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("the plan cannot be saved: %w", err)
	}
	return &Saved{Key: u.req.Key, Hash: hashOf(raw), At: u.back.Now(), raw: raw, plan: a, lineage: u.Lineage}, nil
}

// backendOf is where a backend keeps states; "local" wherever that is on a machine.
func backendOf(b *backend.Backend) string {
	if b.World.Settings.Backend.Type != "s3" {
		return "local"
	}
	return b.Location()
}

// hashed returns an error if the plan, which was made from a stored state, is not the one that was approved.
func (u *run) hashed(stored *state.Stored) error {
	saved, err := u.saved(stored)
	if err != nil {
		return err
	}
	return saved.Approved(u.req.Hash)
}

// Approved returns an error if another plan than this one was approved.
func (s *Saved) Approved(hash string) error {
	if s.Hash == hash {
		return nil
	}
	return diag.New(diag.Conflict, "Plan is not the approved one",
		fmt.Sprintf("The plan for %s has the hash %s, and %s was approved. The manifests, the variables, the state or "+
			"AWS are not the same as then. Nothing was changed.", s.Key, s.Hash, hash),
		"Read the plan, and approve its hash.")
}

func hashOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Encode returns the file.
func (s *Saved) Encode() ([]byte, error) {
	content, err := json.Marshal(savedContent{At: s.At.UTC().Truncate(time.Second), Lineage: s.lineage, Plan: s.raw})
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(savedFile{savedFormat, savedFormatVersion, hashOf(content), content})
	if err == nil && len(raw) > MaxSavedSize {
		err = diag.New(diag.Invalid, "Plan is too large",
			fmt.Sprintf("The plan has %d MiB as a file; %d MiB are allowed.", len(raw)>>20, MaxSavedSize>>20),
			"Plan parts of the stack with --target, or split the stack.")
	}
	return append(raw, '\n'), err
}

// ReadSaved reads the file of a saved plan; name is for messages.
func ReadSaved(name string, raw []byte) (*Saved, error) {
	wrong := func(summary, format string, args ...any) (*Saved, error) {
		return nil, diag.New(diag.Invalid, summary, name+": "+fmt.Sprintf(format, args...)+" Nothing was changed.",
			"Make a new plan: deployer plan --out FILE")
	}
	var f savedFile
	if err := strict(raw, &f); err != nil || f.Format != savedFormat {
		switch {
		case len(bytes.TrimSpace(raw)) == 0:
			return wrong("Plan is not readable", "the file is empty.")
		case errors.Is(err, io.ErrUnexpectedEOF):
			return wrong("Plan is not readable",
				"the file ends in the middle: it was not written or copied completely.")
		case err != nil && bytes.Contains(raw[:min(len(raw), 100)], []byte(`"`+savedFormat+`"`)):
			return wrong("Plan is not readable", "the file is damaged: %s.", err)
		}
		return wrong("Not a plan", "this is no file that deployer plan --out has written.")
	}
	switch {
	case f.Version != savedFormatVersion:
		return nil, diag.New(diag.Invalid, "Plan of another version",
			fmt.Sprintf("%s has the format %d; this version of deployer reads %d. Nothing was changed.", name,
				f.Version,
				savedFormatVersion), "Plan and apply with the same version of deployer.")
	case hashOf(f.Content) != f.Checksum:
		return wrong("Plan was changed", "the checksum of the file does not fit its content. A saved plan cannot be "+
			"edited.")
	}
	var content savedContent
	s := &Saved{}
	if err := errors.Join(strict(f.Content, &content), strict(content.Plan, &s.plan)); err != nil {
		return wrong("Plan is not readable", "%s.", err)
	}
	s.raw, s.Hash, s.At, s.lineage = content.Plan, hashOf(content.Plan), content.At, content.Lineage
	s.Key = state.Key{Stack: s.plan.Stack, Environment: s.plan.Environment}
	if err := s.Key.Validate(); err != nil {
		return wrong("Plan is not readable", "%s.", strings.TrimSuffix(err.Error(), "."))
	}
	return s, nil
}

// strict decodes one JSON document with nothing after it and no unknown keys.
func strict(raw []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the end of the document")
	}
	return nil
}

// stack is the resolved configuration of the plan.
func (s *Saved) stack() *manifest.Stack {
	p := &s.plan
	out := thaw(s.Key, p.Account, p.Region, p.Components, p.Variables, "the saved plan")
	out.Approval, out.Rollback = p.Approval, p.Rollback
	return out
}
