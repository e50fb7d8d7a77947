package view

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/plan"
)

// JSON writes any result as an indented document.
func JSON(w io.Writer, data any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(data); err != nil {
		return err
	}
	return Document(w, b.Bytes())
}

// Document writes an existing JSON document. Control sequences can only be inside its strings, and are escaped there:
// the data stay the same.
func Document(w io.Writer, raw []byte) error {
	var b strings.Builder
	b.Grow(len(raw))
	for _, r := range string(raw) {
		b.WriteString(clean(r))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// The shapes below are contracts with pipelines: fields may be added, never changed or removed.

type propertyJSON struct {
	Path              []string `json:"path"`
	Old               any      `json:"old"`
	New               any      `json:"new"`
	Unknown           bool     `json:"unknown,omitempty"`   // new is known only after the apply
	Sensitive         bool     `json:"sensitive,omitempty"` // old and new are withheld
	ForcesReplacement bool     `json:"forcesReplacement,omitempty"`
}

type changeJSON struct {
	Resource    string         `json:"resource"`
	Type        string         `json:"type"`
	Action      string         `json:"action"`
	Consequence string         `json:"consequence,omitempty"`
	Lasts       string         `json:"lasts,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	TakesOver   string         `json:"takesOver,omitempty"`
	Protected   bool           `json:"protected,omitempty"`
	Obstacles   []obstacleJSON `json:"obstacles,omitempty"`
	Properties  []propertyJSON `json:"properties,omitempty"`
}

type componentJSON struct {
	Address     string       `json:"address"`
	Kind        string       `json:"kind,omitempty"`
	MovedFrom   string       `json:"movedFrom,omitempty"`
	About       string       `json:"about,omitempty"`
	Overrides   []string     `json:"overrides,omitempty"`
	Action      string       `json:"action"`
	Consequence string       `json:"consequence,omitempty"`
	Changes     []changeJSON `json:"changes"`
	Notes       []string     `json:"notes,omitempty"`
}

type summaryJSON struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Replace   int `json:"replace"`
	Delete    int `json:"delete"`
	Adopt     int `json:"adopt"`
	Unchanged int `json:"unchanged"`
}

type planJSON struct {
	FormatVersion int             `json:"formatVersion"`
	Hash          string          `json:"hash,omitempty"` // of everything that was planned; apply FILE shows the same
	Stack         string          `json:"stack"`
	Environment   string          `json:"environment"`
	Targets       []string        `json:"targets,omitempty"` // only these were planned, and what they need
	Changes       bool            `json:"changes"`
	Summary       summaryJSON     `json:"summary"`
	Components    []componentJSON `json:"components"`
	Survey        *surveyJSON     `json:"survey,omitempty"` // which objects were compared with AWS
	// variables that nothing gave a value, so that they have the one of the last deployment
	Previous    []variableJSON `json:"previousVariables,omitempty"`
	Rollback    *rollbackJSON  `json:"rollback,omitempty"` // to an earlier version
	Diagnostics diag.List      `json:"diagnostics"`
}

type variableJSON struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Version string `json:"version"`
}

type obstacleJSON struct {
	What string `json:"what"`
	Next string `json:"next"`
}

// planFormatVersion is raised when a field changes its meaning or goes; new fields do not raise it.
const planFormatVersion = 1

// PlanJSON writes a plan as JSON.
func PlanJSON(w io.Writer, p *plan.Plan, hash string, warnings diag.List) error {
	document := planDocument(p, warnings)
	document.Hash = hash
	return JSON(w, document)
}

func planDocument(p *plan.Plan, warnings diag.List) planJSON {
	s := p.Summary()
	out := planJSON{
		FormatVersion: planFormatVersion,
		Stack:         p.Stack, Environment: p.Environment, Targets: p.Targets,
		Changes: p.HasChanges(), Summary: summaryJSON(s),
		Components: []componentJSON{}, Survey: surveyDocument(p.Survey), Diagnostics: nonNil(warnings),
		Rollback: rollbackDocument(p.Rollback),
	}
	for _, v := range p.Previous {
		out.Previous = append(out.Previous, variableJSON(v))
	}
	for _, c := range p.Components {
		cj := componentJSON{
			Address: c.Address, Kind: c.Kind, MovedFrom: c.MovedFrom, Action: string(c.Action),
			About: c.About, Overrides: c.Overrides,
			Consequence: string(c.Consequence), Changes: []changeJSON{}, Notes: c.Notes,
		}
		for _, ch := range c.Changes {
			cj.Changes = append(cj.Changes, changeDocument(ch))
		}
		out.Components = append(out.Components, cj)
	}
	return out
}

func changeDocument(ch plan.Change) changeJSON {
	j := changeJSON{
		Resource: ch.Resource, Type: ch.Type, Action: string(ch.Action),
		Consequence: string(ch.Consequence), Lasts: ch.Lasts, Reason: ch.Reason, TakesOver: ch.TakesOver,
		Protected: ch.Protected,
	}
	for _, o := range ch.Obstacles {
		j.Obstacles = append(j.Obstacles, obstacleJSON(o))
	}
	for _, p := range ch.Properties {
		j.Properties = append(j.Properties, property(p))
	}
	return j
}

func property(p plan.Property) propertyJSON {
	j := propertyJSON{
		Path: p.Path, ForcesReplacement: p.ForcesReplacement, Unknown: !p.New.Known(),
		Sensitive: p.Old.HasSensitive() || p.New.HasSensitive(),
	}
	if !j.Sensitive {
		j.Old, j.New = p.Old.Interface(), p.New.Interface()
	}
	return j
}

func nonNil(l diag.List) diag.List {
	if l == nil {
		return diag.List{}
	}
	return l
}

// FailureJSON writes why a command has no result. Every failed command calls it, unless it has written a result.
func FailureJSON(w io.Writer, list diag.List) error {
	return JSON(w, struct {
		Succeeded   bool      `json:"succeeded"`
		Diagnostics diag.List `json:"diagnostics"`
	}{false, nonNil(list)})
}

// DiagnosticsJSON writes the problems that validate found.
func DiagnosticsJSON(w io.Writer, list diag.List) error {
	return JSON(w, struct {
		Valid       bool      `json:"valid"`
		Diagnostics diag.List `json:"diagnostics"`
	}{!list.HasErrors(), nonNil(list)})
}
