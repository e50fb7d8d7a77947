package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// StateVersions writes the state versions that can be restored.
func StateVersions(w *Writer, key state.Key, versions []report.StateVersion) {
	if len(versions) == 0 {
		w.Printf("There is no version of the state of %s to restore.\n", key)
		return
	}
	var rows [][]string
	for _, v := range versions {
		what := styled(red, v.Problem)
		if v.Problem == "" {
			what = fmt.Sprintf("%s, %s, by %s", outcome(v.Version, v.Result), count(v.Resources, "resource"), v.Who)
		}
		if v.Current {
			what += styled(dim, " (current)")
		}
		serial := ""
		if v.Serial > 0 {
			serial = fmt.Sprint(v.Serial)
		}
		rows = append(rows, []string{v.ID, v.At.UTC().Format("2006-01-02 15:04:05"), serial, what})
	}
	Table(w, []string{"VERSION", "WRITTEN (UTC)", "SERIAL", "STATE"}, rows)
}

// StateComparison writes how a new state differs from the current one.
func StateComparison(w *Writer, c *report.StateComparison) {
	w.Printf("State of %s/%s:\n", styled(bold, c.Stack), styled(bold, c.Environment))
	side(w, "new", &c.File)
	if c.Backend == nil {
		w.Printf("  %s %s\n", pad("there:", 8), "nothing readable")
	} else {
		side(w, "there", c.Backend)
	}
	if c.Base != nil {
		side(w, "before", c.Base)
	}
	w.Printf("\n")
	if len(c.Resources) == 0 {
		w.Printf("All of %s are the same.\n", count(c.Same, "resource"))
		return
	}
	width := 0
	for _, d := range c.Resources {
		width = max(width, min(len(d.Resource), 40))
	}
	lines := map[string][]string{}
	for _, d := range c.Resources {
		line := "    " + pad(d.Resource, width)
		if c.Base != nil {
			line += "  " + changedWords[d.Where][d.Changed]
		}
		if id := d.FileID + d.BackendID; d.Where != report.Differs {
			line += styled(dim, "  "+id)
		} else if len(d.Properties) > 0 {
			line += styled(dim, "  in "+strings.Join(d.Properties, ", "))
		} else if d.FileID != d.BackendID {
			line += styled(dim, "  another object")
		}
		lines[d.Where] = append(lines[d.Where], string(fold(line, 6, w.Width)))
	}
	for _, group := range []struct{ where, head, colour string }{
		{report.OnlyInFile, "Only in the new one", green},
		{report.OnlyInBackend, "Only in the present one", red},
		{report.Differs, "Different", yellow},
	} {
		if len(lines[group.where]) > 0 {
			w.Printf("  %s\n", styled(group.colour, group.head+":"))
		}
		for _, line := range lines[group.where] {
			w.Printf("%s\n", block(line))
		}
	}
	w.Printf("  %s\n", styled(dim, fmt.Sprintf("%d the same.", c.Same)))
}

// outcome says which deployment a state belongs to, and how it ended. Before its end, a deployment has no own number.
func outcome(version report.Version, result string) string {
	if result == string(state.InProgress) {
		version++
	}
	return fmt.Sprintf("%s %s", version, result)
}

func side(w *Writer, label string, s *report.StateSide) {
	w.Printf("  %s %s\n", pad(label+":", 8), s.Name)
	who := s.Who
	if who == "" {
		who = "someone"
	}
	w.Printf("           serial %d, fence %d, %s, %s, by %s, %s\n", s.Serial, s.Fence, outcome(s.Version, s.Result),
		s.At.UTC().Format("2006-01-02 15:04:05 UTC"), who, count(s.Resources, "resource"))
}

// changedWords say how a resource has changed since the common ancestor of both states.
var changedWords = map[string]map[string]string{
	report.OnlyInFile: {"file": "added", "backend": "deleted there", "both": "changed here, deleted there"},
	report.OnlyInBackend: {
		"file": "deleted in the new one", "backend": "added",
		"both": "changed, and deleted in the new one",
	},
	report.Differs: {"file": "changed in the new one", "backend": "changed there", "both": "changed in both"},
}

// WrittenJSON writes the result of a push or a restore; failure is its error, nil without one.
func WrittenJSON(
	w io.Writer, c *report.StateComparison, serial int64, version report.Version, warnings diag.List, failure error,
) error {
	return JSON(w, struct {
		Succeeded   bool                    `json:"succeeded"`
		Written     bool                    `json:"written"`
		Serial      int64                   `json:"serial,omitempty"`
		Version     report.Version          `json:"version,omitzero"`
		Comparison  *report.StateComparison `json:"comparison"`
		Diagnostics diag.List               `json:"diagnostics"`
	}{
		failure == nil, failure == nil && serial > 0, serial, version, c,
		append(nonNil(warnings), diag.From(failure)...),
	})
}

// Forgetting writes which objects stay in AWS when the state forgets resources, and which components need them.
func Forgetting(w *Writer, f *report.Forgotten) {
	if len(f.Resources) == 0 {
		w.Printf("%s has no objects in AWS. Only its name and outputs are removed from the state.\n",
			strings.Join(f.Components, ", "))
		return
	}
	w.Printf("%s\n\n",
		wrap(fmt.Sprintf("This removes %s from the state of %s/%s. The objects listed here stay in AWS. They keep "+
			"running and costing money, and deployer does not change or delete them any more.",
			count(len(f.Resources), "resource"), f.Stack, f.Environment), "", w.Width))
	var protected []string
	for _, r := range f.Resources {
		marks := ""
		if r.Protected {
			marks = " " + styled(red+bold, "[protected]")
			protected = append(protected, r.Resource)
		}
		if r.Deleted {
			marks += " " + styled(yellow, "[deleted already]")
		}
		w.Printf("  %s %s%s\n    %s\n", styled(bold, r.Resource), styled(dim, "("+r.Type+")"), marks, r.ID)
		if r.Name != "" && r.Name != r.ID {
			w.Printf("    in the console: %s\n", r.Name)
		}
	}
	if len(protected) > 0 {
		w.Printf("\n%s\n",
			wrap("This deletes no data, so protection does not prevent it. But it ends the protection: deployer "+
				"does not know "+strings.Join(protected, ", ")+" any more.", "", w.Width))
	}
	if len(f.Dependents) > 0 {
		w.Printf("\nThese stay in the state, and were created from its values:\n")
		for _, d := range f.Dependents {
			w.Printf("  %s %s\n", d.Resource, styled(dim, "needs "+d.Needs))
		}
	}
	w.Printf("\n%s\n", wrap("While the manifests have it, the next apply finds it by name and tags, and adds it "+
		"to the state again. Remove it from the manifests too, if deployer must not manage it any more.", "", w.Width))
}

// Forgot writes that the state forgot resources.
func Forgot(w *Writer, f *report.Forgotten, serial int64) {
	what := count(len(f.Resources), "resource")
	if len(f.Components) > 0 {
		what += " (" + strings.Join(f.Components, ", ") + ")"
	}
	w.Printf("%s %s from the state of %s/%s. Serial %d.\n", styled(green+bold, "Removed"), what, f.Stack, f.Environment,
		serial)
}

// ForgottenJSON writes what the state forgot; failure is the error, nil without one.
func ForgottenJSON(w io.Writer, f *report.Forgotten, serial int64, warnings diag.List, failure error) error {
	return JSON(w, struct {
		Succeeded bool `json:"succeeded"`
		Done      bool `json:"forgotten"`
		*report.Forgotten
		Serial      int64     `json:"serial,omitempty"`
		Diagnostics diag.List `json:"diagnostics"`
	}{failure == nil, failure == nil && serial > 0, f, serial, append(nonNil(warnings), diag.From(failure)...)})
}

// Moved writes which component has a new address, and that the manifests need the new address, too.
func Moved(w *Writer, m *report.Moved, serial int64) {
	w.Printf("%s %s to %s in %s/%s: %s. Serial %d.\n", styled(green+bold, "Moved"), m.From, m.To, m.Stack,
		m.Environment, count(len(m.Resources), "resource"), serial)
}

// MovedJSON is Moved as JSON; failure is the error, nil without one.
func MovedJSON(w io.Writer, m *report.Moved, serial int64, warnings diag.List, failure error) error {
	return JSON(w, struct {
		Succeeded bool `json:"succeeded"`
		Done      bool `json:"moved"`
		*report.Moved
		Serial      int64     `json:"serial,omitempty"`
		Diagnostics diag.List `json:"diagnostics"`
	}{failure == nil, failure == nil && serial > 0, m, serial, append(nonNil(warnings), diag.From(failure)...)})
}
