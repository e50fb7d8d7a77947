package view

import (
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/report"
)

// Details writes components, their outputs and resources.
func Details(w *Writer, d *report.Details) {
	w.Printf("%s/%s  %s %s, account %s, %s\n", styled(bold, d.Stack), styled(bold, d.Environment), d.Version, d.Result,
		d.Account, d.Region)
	deployedLine(w, d.Deployment)
	for _, c := range d.Components {
		marks := c.Kind
		if c.Shared {
			marks += ", shared"
		}
		if c.Protected {
			marks += ", protected"
		}
		w.Printf("\n%s %s\n", styled(bold, c.Address), styled(dim, "("+marks+")"))
		configuration(w, c)
		for _, name := range slices.Sorted(maps.Keys(c.Outputs)) {
			w.Printf("  %s = %s\n", name, text(c.Outputs[name]))
		}
		width, types := 0, 0
		for _, r := range c.Resources {
			width, types = max(width, columns(name(r.Resource))), max(types, columns(r.Type))
		}
		for _, r := range c.Resources {
			w.Printf("%s\n",
				fold("  "+styled(dim, pad(name(r.Resource), width+2)+r.Type)+
					strings.Repeat(" ", types-columns(r.Type)+2)+r.ID, 4, w.Width))
			for _, p := range r.Problems {
				w.Printf("%s\n", paint(red, wrap(p, "    ", w.Width)))
			}
		}
	}
}
