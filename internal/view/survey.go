package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
)

// named is how many resources a line of a survey names.
const named = 3

// survey says how fresh the data of a plan is: which objects AWS was asked about, and how old the other data is.
func survey(w *Writer, s *plan.Survey) {
	if s == nil || s.Objects == 0 {
		return
	}
	say := func(text string) { w.Printf("%s\n", fold(text, 2, w.Width)) }
	unasked := 0
	for _, u := range s.Unasked {
		unasked += len(u.Resources)
	}
	asked := s.Objects - unasked
	verb := "exist"
	if asked == 1 {
		verb = "exists"
	}
	line := fmt.Sprintf("Read from AWS: %d of %s %s.", s.There+len(s.Differing), count(asked, "object"), verb)
	if asked == 0 {
		line = "AWS could not be asked which objects exist."
	}
	if n := len(s.Missing); n > 0 {
		line += fmt.Sprintf(" Missing: %s.", some(s.Missing))
	}
	outside := slices.DeleteFunc(slices.Clone(s.Differing), func(id string) bool {
		return slices.Contains(s.Begun, id)
	})
	if len(outside) > 0 {
		line += fmt.Sprintf(" Changed outside of deployer: %s.", some(outside))
	}
	if len(s.Begun) > 0 {
		line += fmt.Sprintf(" Changed since the state was written, probably by the interrupted run: %s.",
			some(s.Begun))
	}
	say(line)
	for _, u := range s.Unasked {
		say(fmt.Sprintf("Not asked (%s): %s.", u.Why, some(u.Resources)))
	}
	for _, note := range s.Notes {
		say("Note: " + note + ".")
	}
	if believed := asked - s.Compared - len(s.Missing); believed > 0 || asked == 0 {
		what := fmt.Sprintf("The properties of %d of them", believed)
		if s.Compared == 0 {
			what = "Their properties"
		}
		say(fmt.Sprintf("%s are as of %s, %s ago; --refresh compares them.", what, report.Version(s.Version),
			ago(s.Age)))
	}
}

// some names the first few of a list.
func some(ids []string) string {
	if len(ids) <= named {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:named], ", "), len(ids)-named)
}

// surveyJSON says how fresh the data of a plan is.
type surveyJSON struct {
	Objects   int            `json:"objects"`   // in the state
	There     int            `json:"there"`     // as recorded, where AWS was asked
	Compared  int            `json:"compared"`  // properties were compared with AWS
	Missing   []string       `json:"missing"`   // deleted outside of deployer
	Differing []string       `json:"differing"` // changed since the state was written
	Begun     []string       `json:"begun"`     // of these, objects that an interrupted run was about to change
	Unasked   []unaskedJSON  `json:"unasked"`
	Drift     []driftJSON    `json:"drift,omitempty"` // what missing and differing are, where properties were read
	Notes     []string       `json:"notes"`
	Version   report.Version `json:"version,omitzero"` // the version that the other properties are as of
	At        *time.Time     `json:"at,omitempty"`
}

type driftJSON struct {
	Resource   string         `json:"resource"`
	Gone       bool           `json:"gone,omitempty"`
	Properties []propertyJSON `json:"properties,omitempty"`
}

type unaskedJSON struct {
	Why       string   `json:"why"`
	Resources []string `json:"resources"`
}

func surveyDocument(s *plan.Survey) *surveyJSON {
	if s == nil {
		return nil
	}
	out := &surveyJSON{
		Objects: s.Objects, There: s.There, Compared: s.Compared, Missing: list(s.Missing),
		Differing: list(s.Differing), Begun: list(s.Begun),
		Unasked: []unaskedJSON{}, Notes: list(s.Notes), Version: report.Version(s.Version),
	}
	for _, u := range s.Unasked {
		out.Unasked = append(out.Unasked, unaskedJSON(u))
	}
	for _, d := range s.Drift {
		next := driftJSON{Resource: d.Resource, Gone: d.Gone}
		for _, p := range d.Properties {
			next.Properties = append(next.Properties, property(p))
		}
		out.Drift = append(out.Drift, next)
	}
	if !s.At.IsZero() {
		out.At = &s.At
	}
	return out
}

// list is never null in JSON.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
