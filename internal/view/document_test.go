package view

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlanIsDocumented: the documentation of plan names every field of its JSON document.
func TestPlanIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/commands.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(page), "\n### plan\n")
	section, _, found := strings.Cut(section, "\n### Taking over requests\n")
	require.True(t, found)
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(typ.Elem())
		case reflect.Struct:
			if seen[typ] || typ.PkgPath() != reflect.TypeFor[planJSON]().PkgPath() {
				return // rollback says what its own document has, and diagnostics are the same everywhere
			}
			seen[typ] = true
			for i := range typ.NumField() {
				field := typ.Field(i)
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				if name == "rollback" {
					continue
				}
				if !regexp.MustCompile("[\"`{\\[, ]" + name + "[\"`:},\\]]").MatchString(section) {
					t.Errorf("docs/commands.md does not name the field %s of the JSON of a plan (%s)", name, typ)
				}
				walk(field.Type)
			}
		}
	}
	walk(reflect.TypeFor[planJSON]())
	require.Greater(t, len(seen), 6)
}
