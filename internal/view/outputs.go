package view

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// text is an output in the form for people: strings as they are, the rest as JSON.
func text(data any) string {
	if s, ok := data.(string); ok {
		return s
	}
	v, err := value.From(data)
	if err != nil {
		return fmt.Sprint(data)
	}
	return v.String()
}

// Raw writes one output, for scripts.
func Raw(w *Writer, data any) { w.Printf("%s\n", block(text(data))) }

// Outputs writes all outputs by component.
func Outputs(w *Writer, all map[string]map[string]any) {
	for i, address := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			w.Printf("\n")
		}
		w.Printf("%s\n", styled(bold, address))
		for _, name := range slices.Sorted(maps.Keys(all[address])) {
			w.Printf("  %s = %s\n", name, text(all[address][name]))
		}
	}
}

// OutputsEnv writes outputs as lines that a POSIX shell can source: USER_SERVICE_API_URL='…'.
func OutputsEnv(w *Writer, all map[string]map[string]any) {
	for _, address := range slices.Sorted(maps.Keys(all)) {
		for _, name := range slices.Sorted(maps.Keys(all[address])) {
			key := strings.ToUpper(notVariable.ReplaceAllString(address+"_"+camel.ReplaceAllString(name, "${1}_${2}"),
				"_"))
			w.Printf("%s='%s'\n", key, block(strings.ReplaceAll(text(all[address][name]), "'", `'\''`)))
		}
	}
}

var (
	notVariable = regexp.MustCompile(`[^A-Za-z0-9]+`)
	camel       = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)
