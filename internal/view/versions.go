package view

import (
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/report"
)

// VersionComparison writes in what two versions differ: variables, then per component its configuration, its images
// and its resources, with the diff of plans.
func VersionComparison(w *Writer, c *report.VersionComparison) {
	if len(c.Components) == 0 && len(c.Variables) == 0 {
		w.Printf("%s and %s of %s/%s have the same configuration and resources.\n", c.From.Version, c.To.Version,
			c.Stack, c.Environment)
		return
	}
	w.Printf("%s/%s from %s to %s:\n", styled(bold, c.Stack), styled(bold, c.Environment), c.From.Version, c.To.Version)
	for _, side := range []report.Deployment{c.From, c.To} {
		w.Printf("%s\n", fold("  "+styled(dim, side.Version.String()+"  "+origin(side)), 6, w.Width))
	}
	if len(c.Variables) > 0 {
		w.Printf("%s\n", fold("  variables: "+changedVariables(c.Variables), 4, w.Width))
	}
	for _, d := range c.Components {
		s := symbols[d.Action]
		head := styled(s.colour+bold, s.mark+" "+d.Address)
		if d.Kind != "" {
			head += " " + styled(dim, "("+d.Kind+")")
		}
		w.Printf("\n%s\n", head)
		if len(d.Configuration) > 0 {
			w.Printf("    configuration\n")
			properties(w, d.Configuration)
		}
		if len(d.Images) > 0 {
			w.Printf("    images\n")
			for _, i := range d.Images {
				w.Printf("%s\n%s\n", fold("        "+styled(red, "- ")+orNone(i.Old), 10, w.Width),
					fold("        "+styled(green, "+ ")+orNone(i.New), 10, w.Width))
			}
		}
		width := 0
		for _, ch := range d.Resources {
			width = max(width, len(name(ch.Resource)))
		}
		for _, ch := range d.Resources {
			change(w, ch, min(width, 32))
		}
	}
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

// origin is when, by whom and from which commit a version was deployed.
func origin(d report.Deployment) string {
	parts := []string{d.At.UTC().Format("2006-01-02 15:04:05 UTC"), d.Result}
	if d.Rollback != nil {
		parts = append(parts, "rollback to "+d.Rollback.To.String())
	}
	if d.Commit != "" {
		parts = append(parts, "commit "+briefly(d.Commit))
	}
	return strings.Join(append(parts, "by "+d.Who), ", ")
}

type comparisonJSON struct {
	Stack       string                  `json:"stack"`
	Environment string                  `json:"environment"`
	From        report.Deployment       `json:"from"`
	To          report.Deployment       `json:"to"`
	Variables   []report.VariableChange `json:"variables"`
	Components  []comparedJSON          `json:"components"`
}

type comparedJSON struct {
	Address       string               `json:"address"`
	Kind          string               `json:"kind,omitempty"`
	Action        string               `json:"action"` // create: only to has it; delete: only from
	Configuration []propertyJSON       `json:"configuration"`
	Images        []report.ImageChange `json:"images"`
	Resources     []changeJSON         `json:"resources"`
}

// VersionComparisonJSON writes in what two versions differ.
func VersionComparisonJSON(w io.Writer, c *report.VersionComparison) error {
	out := comparisonJSON{
		Stack: c.Stack, Environment: c.Environment, From: c.From, To: c.To,
		Variables: append([]report.VariableChange{}, c.Variables...), Components: []comparedJSON{},
	}
	for _, d := range c.Components {
		j := comparedJSON{
			Address: d.Address, Kind: d.Kind, Action: string(d.Action), Configuration: []propertyJSON{},
			Images: append([]report.ImageChange{}, d.Images...), Resources: []changeJSON{},
		}
		for _, p := range d.Configuration {
			j.Configuration = append(j.Configuration, property(p))
		}
		for _, ch := range d.Resources {
			j.Resources = append(j.Resources, changeDocument(ch))
		}
		out.Components = append(out.Components, j)
	}
	return JSON(w, out)
}

// Blame writes the properties of a component or a resource below the versions that gave them their values.
func Blame(w *Writer, b *report.Blame) {
	w.Printf("%s %s\n", styled(bold, b.Address), styled(dim, "("+b.Kind+")"))
	last := report.Version(0)
	for _, p := range b.Properties {
		if p.Version != last {
			last = p.Version
			parts := []string{p.At.UTC().Format("2006-01-02 15:04 UTC")}
			if p.Commit != "" {
				parts = append(parts, briefly(p.Commit))
			}
			if p.Rollback != nil {
				parts = append(parts, "rollback to "+p.Rollback.To.String())
			}
			if p.Earliest {
				parts = append(parts, "or before")
			}
			w.Printf("\n%s\n", fold(styled(cyan+bold, p.Version.String())+"  "+
				strings.Join(append(parts, "by "+p.Who), ", "), 4, w.Width))
		}
		w.Printf("%s\n", fold("    "+strings.Join(p.Path, ".")+": "+text(p.Value), 8, w.Width))
	}
}

// configuration writes the configuration that a version gave a component.
func configuration(w *Writer, c report.ComponentDetail) {
	for _, p := range c.Configuration {
		w.Printf("%s\n", fold("  "+styled(dim, "spec.")+strings.Join(p.Path, ".")+": "+text(p.Value), 6, w.Width))
	}
}

// deployedLine says where the version of details comes from.
func deployedLine(w *Writer, d *report.Deployment) {
	if d == nil {
		return
	}
	w.Printf("%s\n", fold("  deployed "+origin(*d), 4, w.Width))
	var variables []string
	for _, name := range slices.Sorted(maps.Keys(d.Variables)) {
		variables = append(variables, name+"="+d.Variables[name])
	}
	if len(variables) > 0 {
		w.Printf("%s\n", fold("  variables "+strings.Join(variables, ", "), 4, w.Width))
	}
	if d.Duration > 0 {
		w.Printf("  took %s\n", (time.Duration(d.Duration) * time.Second).String())
	}
	if s := d.Summary; s != "" {
		w.Printf("  changes %s\n", s)
	}
}
