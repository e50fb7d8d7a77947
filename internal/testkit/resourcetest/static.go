package resourcetest

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

var (
	typeForm   = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9-]+$`)
	actionForm = regexp.MustCompile(`^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$`)
)

func (s *suite) definition(t *testing.T) {
	d := s.def
	if !typeForm.MatchString(d.Type) {
		t.Errorf("type %q is not <service>/<kind>", d.Type)
	}
	if d.Version < 1 {
		t.Errorf("version is %d, the first is 1", d.Version)
	}
	if d.Version > 1 && d.Upgrade == nil {
		t.Errorf("version %d has no Upgrade", d.Version)
	}
	s.permissions(t)
	var names []string
	for _, f := range fields(s.Props) {
		names = append(names, f.name)
	}
	for _, name := range slices.Concat(d.ReplaceOn, d.CreateOnly, d.Labels, d.WriteOnly) {
		if names != nil && !slices.Contains(names, name) {
			t.Errorf("the definition names %q, which is no property", name)
		}
	}
	for _, name := range d.ChangesOnUpdate {
		if d.Outputs != nil && !slices.Contains(d.Outputs, name) {
			t.Errorf("the definition says that an update changes %q, which is no output", name)
		}
	}
	if d.HashedName != "" {
		if names != nil && !slices.Contains(names, d.HashedName) {
			t.Errorf("HashedName %q is no property", d.HashedName)
		}
		if d.NameLimit <= 0 {
			t.Error("HashedName without NameLimit")
		}
	}
	if len(d.ReplaceOn) > 0 && !d.DeleteBeforeReplace && d.HashedName == "" && !s.Generated && !s.Distinct {
		t.Error("a replacement would have the name of what it replaces: declare DeleteBeforeReplace or HashedName")
	}
	if s.Replace == nil && len(d.ReplaceOn) > 0 {
		t.Error("the type has properties that force a replacement, but the case has no Replace")
	}
}

// permissions: every action is exact, says on what it is needed, and confines itself to the stack where it can.
func (s *suite) permissions(t *testing.T) {
	if len(s.def.Actions()) == 0 {
		t.Fatal("no IAM actions declared")
	}
	for _, statement := range s.def.Permissions(resource.Scope{
		Stack: "suite", Environment: "test",
		Account: "123456789012", Region: "eu-central-1",
	}) {
		for i, action := range statement.Actions {
			if !actionForm.MatchString(action) {
				t.Errorf("%q is not an exact IAM action", action)
			}
			if slices.Contains(statement.Actions[:i], action) {
				t.Errorf("IAM action %s is twice in a statement", action)
			}
		}
		for _, arn := range statement.On {
			if !strings.HasPrefix(arn, "arn:aws:") {
				t.Errorf("%v: %q is not an ARN", statement.Actions, arn)
			}
		}
	}
}

// field is one property of a typed struct.
type field struct {
	name string
	typ  reflect.Type
}

// fields returns the properties of a typed struct, nil for a plain Value.
func fields(props any) []field {
	typ := reflect.TypeOf(props)
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[value.Value]() {
		return nil
	}
	var out []field
	for _, sf := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if sf.IsExported() && !sf.Anonymous && name != "-" && name != "" {
			out = append(out, field{name, sf.Type})
		}
	}
	return out
}

func (s *suite) check(t *testing.T) {
	s.want = s.checked(t, s.Props)
	again := s.checked(t, s.want)
	if s.def.HashedName != "" { // takes a prefix, so that a name would get a second hash
		again = again.With(s.def.HashedName, s.want.Get(s.def.HashedName))
	}
	if diff := cmp.Diff(s.want.Interface(), again.Interface()); diff != "" {
		t.Errorf("checking twice changes the properties (-once +twice):\n%s", diff)
	}
	if !s.want.Known() {
		t.Errorf("checked properties are not known: %s", s.want)
	}
	// In a preview, references are Unknown: every Of field must take that.
	props := encode(s.Props)
	for _, f := range fields(s.Props) {
		if props.Get(f.name).IsNull() {
			continue // not given: the type may exclude it beside what is
		}
		if _, takes := value.Inner(f.typ); !takes && f.typ != reflect.TypeFor[value.Value]() {
			continue
		}
		if _, problems := s.Behaviour.Check(props.With(f.name, value.NewUnknown())); len(problems) > 0 {
			t.Errorf("Check refuses an unknown %q: %v", f.name, problems)
		}
	}
}
