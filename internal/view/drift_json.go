package view

import (
	"io"
	"time"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/value"
)

// driftFormatVersion is raised when a field changes its meaning or goes; new fields do not raise it.
const driftFormatVersion = 1

type driftReportJSON struct {
	FormatVersion int                 `json:"formatVersion"`
	Stack         string              `json:"stack"`
	Environment   string              `json:"environment"`
	Version       report.Version      `json:"version,omitzero"`
	Result        string              `json:"result"`
	At            time.Time           `json:"at"`
	Drifted       bool                `json:"drifted"`
	Summary       driftSummaryJSON    `json:"summary"`
	Drift         []driftedJSON       `json:"drift"`
	Ignored       []driftedJSON       `json:"ignored"`
	Pending       []pendingJSON       `json:"pending"`
	Uncompared    []report.Uncompared `json:"uncompared"`
	Notes         []string            `json:"notes"`
	Unread        string              `json:"unread,omitempty"` // why the manifests were not compared
	Untold        string              `json:"untold,omitempty"` // why nobody says who changed the objects
}

type driftSummaryJSON struct {
	Objects  int `json:"objects"`
	Compared int `json:"compared"`
	Changed  int `json:"changed"`
	Deleted  int `json:"deleted"`
	Made     int `json:"made"`
	Ignored  int `json:"ignored"`
	Pending  int `json:"pending"`
}

type driftedJSON struct {
	Resource   string        `json:"resource"`
	Type       string        `json:"type"`
	ID         string        `json:"id"`
	Kind       string        `json:"kind"` // changed, deleted, made
	What       string        `json:"what,omitempty"`
	Remove     string        `json:"remove,omitempty"`
	Problem    string        `json:"problem,omitempty"`
	Properties []sidesJSON   `json:"properties,omitempty"`
	Deeds      []report.Deed `json:"deeds,omitempty"` // newest first
	Rule       string        `json:"rule,omitempty"`  // of an ignored one: file and line
	Reason     string        `json:"reason,omitempty"`
}

type sidesJSON struct {
	Path      []string `json:"path"`
	AWS       any      `json:"aws"`
	State     any      `json:"state"`
	YAML      any      `json:"yaml"`
	Pending   bool     `json:"pending,omitempty"`   // yaml differs from state
	Unknown   bool     `json:"unknown,omitempty"`   // yaml is known only after the apply
	Sensitive bool     `json:"sensitive,omitempty"` // all three are withheld
}

type pendingJSON struct {
	Resource   string                `json:"resource"`
	Type       string                `json:"type"`
	Action     string                `json:"action"`
	Properties []pendingPropertyJSON `json:"properties,omitempty"`
}

type pendingPropertyJSON struct {
	Path      []string `json:"path"`
	State     any      `json:"state"`
	YAML      any      `json:"yaml"`
	Unknown   bool     `json:"unknown,omitempty"`
	Sensitive bool     `json:"sensitive,omitempty"`
}

// DriftJSON writes a report of drift as JSON.
func DriftJSON(w io.Writer, d *report.Drift) error {
	out := driftReportJSON{
		FormatVersion: driftFormatVersion, Stack: d.Stack, Environment: d.Environment, Version: d.Version,
		Result: d.Result, At: d.At, Drifted: d.HasDrift(),
		Summary: driftSummaryJSON{
			Objects: d.Objects, Compared: d.Compared, Changed: d.Count(report.DriftChanged),
			Deleted: d.Count(report.DriftDeleted), Made: d.Count(report.DriftMade), Ignored: len(d.Ignored),
			Pending: len(d.Pending),
		},
		Drift: driftedDocument(d.Drifted), Ignored: driftedDocument(d.Ignored), Pending: []pendingJSON{},
		Uncompared: d.Uncompared, Notes: list(d.Notes), Unread: d.Unread, Untold: d.Untold,
	}
	if out.Uncompared == nil {
		out.Uncompared = []report.Uncompared{}
	}
	for _, p := range d.Pending {
		next := pendingJSON{Resource: p.Resource, Type: p.Type, Action: p.Action}
		for _, s := range p.Properties {
			all, sensitive := plainSides(s.State, s.YAML)
			next.Properties = append(next.Properties, pendingPropertyJSON{
				Path: s.Path, State: all[0], YAML: all[1], Unknown: !s.YAML.Known(), Sensitive: sensitive,
			})
		}
		out.Pending = append(out.Pending, next)
	}
	return JSON(w, out)
}

func driftedDocument(all []report.Drifted) []driftedJSON {
	out := []driftedJSON{}
	for _, d := range all {
		next := driftedJSON{
			Resource: d.Resource, Type: d.Type, ID: d.ID, Kind: string(d.Kind), What: d.What, Remove: d.Next,
			Problem: d.Problem, Deeds: d.Deeds, Rule: d.Rule, Reason: d.Reason,
		}
		for _, s := range d.Properties {
			all, sensitive := plainSides(s.AWS, s.State, s.YAML)
			next.Properties = append(next.Properties, sidesJSON{
				Path: s.Path, AWS: all[0], State: all[1], YAML: all[2], Pending: s.Pending, Unknown: !s.YAML.Known(),
				Sensitive: sensitive,
			})
		}
		out = append(out, next)
	}
	return out
}

// plainSides are values as JSON data; none of them if one is sensitive.
func plainSides(all ...value.Value) (out []any, sensitive bool) {
	out = make([]any, len(all))
	for _, v := range all {
		sensitive = sensitive || v.HasSensitive()
	}
	for i, v := range all {
		if !sensitive {
			out[i] = v.Interface()
		}
	}
	return out, sensitive
}
