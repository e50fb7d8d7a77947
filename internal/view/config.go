package view

import (
	"io"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/value"
)

// Config writes the effective settings, one line each, with the origin if asked.
func Config(w *Writer, e *config.Effective, origin bool) {
	width := 0
	for _, entry := range e.Entries {
		width = max(width, len(entry.Path)+2+columns(setting(entry.Value)))
	}
	for _, entry := range e.Entries {
		line := entry.Path + ": " + setting(entry.Value)
		if origin {
			line = pad(line, min(width, 60)) + "  " + styled(dim, "# "+entry.Origin)
		}
		w.Printf("%s\n", line)
	}
}

func setting(v value.Value) string {
	if text, ok := v.Text(); ok && text != "" && !v.IsSensitive() {
		return text
	}
	return v.String()
}

// ConfigJSON writes the effective settings as {"path": {"value": …, "origin": …}}.
func ConfigJSON(w io.Writer, e *config.Effective) error {
	type entry struct {
		Value  any    `json:"value"`
		Origin string `json:"origin"`
	}
	out := map[string]entry{}
	for _, e := range e.Entries {
		out[e.Path] = entry{e.Value.Interface(), e.Origin}
	}
	return JSON(w, out)
}
