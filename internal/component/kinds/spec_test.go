package kinds_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/value"
)

// TestSpecsDescribeThemselves: the rules and defaults of all tags can be read, and every field says what it is.
func TestSpecsDescribeThemselves(t *testing.T) {
	reg := kinds.Registry()
	for _, name := range reg.Names() {
		kind, _ := reg.Kind(name)
		spec := kind.NewSpec()
		value.Decode(value.NewMap(nil), spec) // panics on a default that breaks its own rules
		describes(t, name, value.ShapeOf(reflect.TypeOf(spec)))
	}
}

func describes(t *testing.T, path string, s value.Shape) {
	if s.Items != nil {
		describes(t, path, *s.Items)
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		f.Item() // panics on a rule that cannot be read
		at := path + "." + f.Name
		if !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: its doc is no sentence: %q", at, f.Doc)
		}
		if f.Required && (f.Default != "" || f.Unset != "") {
			t.Errorf("%s is required, so nothing can hold without it", at)
		}
		if f.Pattern != "" && f.Form == "" || f.Keys != "" && f.KeyForm == "" {
			t.Errorf("%s has a pattern and no words for it", at)
		}
		describes(t, at, f.Shape())
	}
}
