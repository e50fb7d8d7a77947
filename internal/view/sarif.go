package view

import (
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/company/deployer/internal/diag"
)

// The forms in which validate gives its answer.
const (
	FormatText   = "text"
	FormatJSON   = "json"
	FormatSARIF  = "sarif"
	FormatGitHub = "github"
)

// DiagnosticFormats are all forms, for help and completion.
var DiagnosticFormats = []string{FormatText, FormatJSON, FormatSARIF, FormatGitHub}

// Annotations writes problems as workflow commands, with which GitHub shows each at its line.
// folder is where the repository of the stacks is in the checkout, "" for its root.
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func Annotations(w io.Writer, list diag.List, folder string) error {
	for _, d := range list {
		properties := []string{"title=" + attribute(d.Summary)}
		if p := d.Position; p != nil {
			properties = append(properties, "file="+attribute(path.Join(folder, p.File)))
			if p.Line > 0 {
				properties = append(properties, fmt.Sprintf("line=%d", p.Line))
			}
			if p.Column > 0 {
				properties = append(properties, fmt.Sprintf("col=%d", p.Column))
			}
		}
		if _, err := fmt.Fprintf(w, "::%s %s::%s\n", level(d), strings.Join(properties, ","),
			command(message(d))); err != nil {
			return err
		}
	}
	return nil
}

// command escapes a text as the runner reads it.
func command(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(safe(text))
}

func attribute(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(command(text))
}

// safe is a text without control characters other than line ends.
func safe(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteString(clean(r))
	}
	return b.String()
}

func level(d *diag.Diagnostic) string {
	if d.Severity == diag.Warning {
		return "warning"
	}
	return "error"
}

// message is what a problem says apart from its summary and place.
func message(d *diag.Diagnostic) string {
	parts := []string{d.Detail, d.Next}
	if d.Detail == "" {
		parts[0] = d.Summary + "."
	}
	if len(d.Environments) > 0 {
		parts = append(parts, "Only in "+strings.Join(d.Environments, ", ")+".")
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifPhysical struct {
	ArtifactLocation sarifArtifact `json:"artifactLocation"`
	Region           *sarifRegion  `json:"region,omitempty"`
}

type sarifLocation struct {
	PhysicalLocation sarifPhysical `json:"physicalLocation"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

// SARIF writes problems as a SARIF 2.1.0 log, which code scanning services read. folder is where the repository of the
// stacks is in the checkout, version is the program's. A problem without a place gets the folder of the stacks, because
// code scanning refuses results without one.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/
func SARIF(w io.Writer, list diag.List, folder, version string) error {
	rules, index := []sarifRule{}, map[string]int{}
	results := []sarifResult{}
	for _, d := range list {
		id := ruleID(d.Summary)
		if _, known := index[id]; !known {
			index[id] = len(rules)
			rules = append(rules, sarifRule{ID: id, ShortDescription: sarifText{d.Summary}})
		}
		place := sarifPhysical{ArtifactLocation: sarifArtifact{URI: uri(folder, "stacks")}}
		if p := d.Position; p != nil {
			place.ArtifactLocation.URI = uri(folder, p.File)
			place.Region = region(p)
		}
		results = append(results, sarifResult{
			RuleID: id, RuleIndex: index[id], Level: level(d), Message: sarifText{message(d)},
			Locations: []sarifLocation{{place}},
		})
	}
	type driver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	type tool struct {
		Driver driver `json:"driver"`
	}
	type run struct {
		Tool       tool          `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	return JSON(w, struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []run  `json:"runs"`
	}{
		"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0",
		[]run{{tool{driver{"deployer", version, rules}}, "unicodeCodePoints", results}},
	})
}

func uri(folder, file string) string { return (&url.URL{Path: path.Join(folder, file)}).EscapedPath() }

func region(p *diag.Position) *sarifRegion {
	if p.Line == 0 {
		return nil
	}
	r := &sarifRegion{StartLine: p.Line, StartColumn: p.Column}
	if p.Column > 0 && p.Length > 0 {
		r.EndColumn = p.Column + p.Length
	}
	return r
}

// ruleID is a summary as a name: "Unknown kind" is unknown-kind. Summaries are fixed words.
func ruleID(summary string) string {
	words := strings.FieldsFunc(strings.ToLower(summary), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	return strings.Join(words, "-")
}
