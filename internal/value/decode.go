package value

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// ProblemKind classifies what Decode found.
type ProblemKind string

// The kinds of Problem.
const (
	UnknownKey ProblemKind = "unknown key"
	WrongType  ProblemKind = "wrong type"
	MissingKey ProblemKind = "missing key"
	BadValue   ProblemKind = "invalid value"
	NotKnown   ProblemKind = "not known at plan time"
)

// Problem is one thing wrong with a tree, at a path from its root.
type Problem struct {
	Kind    ProblemKind
	Path    []string // map keys and list indexes
	Message string   // what is wrong and what is wanted instead, one sentence
	Allowed []string // for UnknownKey and enums: valid texts, for suggestions
	Missing string   // for MissingKey: the key
	Want    Kind     // for WrongType: what it should be; Null when no Kind says it
	Strings bool     // for WrongType where a list is wanted: a list of strings
	Accepts string   // for WrongType where a number is wanted: which ones the field takes
	Rests   []string // other keys at the root that the problem depends on
	OfKey   bool     // the last key of the path is wrong, not its value
	Filled  bool     // the value was filled in: it has the right type but breaks a rule of its field
	Over    *Over    // of what AWS allows by default
}

// Over is more than AWS allows by default. An account may have a higher quota.
type Over struct {
	What          string // "120 rules of the public load balancer"
	Service, Code string // the quota, as Service Quotas calls it
	Name          string // the same for people
	Count         int
	Fixed         bool // AWS raises it for nobody
}

func (o *Over) Error() string { return o.What + ": more than " + o.Name }

// Problems collects the problems of a tree.
type Problems []Problem

// Bad adds an invalid value. path is keys and indexes with dots between: "encryption.kmsKey".
func (p *Problems) Bad(path, format string, args ...any) {
	*p = append(*p, Problem{Kind: BadValue, Path: strings.Split(path, "."), Message: fmt.Sprintf(format, args...)})
}

// RestsOn returns p with the keys at the root whose values the check compared: a check that compares cpu with memory is
// no use when cpu is not a number.
func (p Problem) RestsOn(keys ...string) Problem { p.Rests = keys; return p }

func (p Problem) Error() string {
	if len(p.Path) == 0 {
		return p.Message
	}
	return strings.Join(p.Path, ".") + ": " + p.Message
}

// Decode fills *out from v and returns everything that does not fit. Struct fields have the name of their json tag.
// Their other tags are rules of Field, which Decode enforces, and defaults, which Decode fills in. Fields of type Of[T]
// and Value may hold expressions; all others must be known.
func Decode(v Value, out any) []Problem {
	d := decoder{}
	d.decode(v, reflect.ValueOf(out).Elem(), nil, &Field{})
	return d.problems
}

type decoder struct{ problems []Problem }

func (d *decoder) add(kind ProblemKind, path []string, allowed []string, format string, args ...any) {
	d.problems = append(d.problems, Problem{
		Kind: kind, Path: slices.Clone(path), Message: fmt.Sprintf(format, args...),
		Allowed: allowed,
	})
}

func (d *decoder) wrong(want Kind, path []string, format string, args ...any) {
	d.add(WrongType, path, nil, format, args...)
	d.problems[len(d.problems)-1].Want = want
}

// decode fills out, which may hold an expression.
func (d *decoder) decode(v Value, out reflect.Value, path []string, f *Field) {
	if out.Type() == reflect.TypeFor[Value]() {
		out.Set(reflect.ValueOf(v))
		return
	}
	if h, ok := out.Addr().Interface().(interface{ hold(Value) }); ok {
		inner := out.Interface().(holder).inner()
		if v.Known() && !v.IsNull() && inner.Kind() != reflect.Interface {
			checked := reflect.New(inner).Elem()
			before := len(d.problems)
			d.decode(v, checked, path, f)
			if v.loose && len(d.problems) == before {
				converted := encode(checked)
				converted.sensitive = v.sensitive
				v = converted
			}
		}
		h.hold(v)
		return
	}
	if v.kind == Unknown || v.kind == Deferred {
		d.add(NotKnown, path, nil, "must be known before the first object is created. It can use variables, but "+
			"not outputs of components")
		return
	}
	if v.IsNull() {
		return
	}
	if out.Kind() == reflect.Pointer {
		out.Set(reflect.New(out.Type().Elem()))
		d.decode(v, out.Elem(), path, f)
		return
	}
	if u, ok := out.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.unmarshal(v, u, path, f)
		return
	}
	d.known(v, out, path, f)
}

func (d *decoder) unmarshal(v Value, u encoding.TextUnmarshaler, path []string, f *Field) {
	text, scalar := v.text()
	if !scalar {
		d.wrong(String, path, "must be a string, but is %s", v.kind.Article())
	} else if err := u.UnmarshalText([]byte(text)); err != nil {
		if v.sensitive {
			err = fmt.Errorf("%s cannot be used here", Redacted)
		}
		d.add(BadValue, path, nil, "%s", err)
	} else if span, ok := u.(*Duration); ok {
		d.rule(path, f.checkDuration(*span, v))
	}
}

// known fills out, which holds plain data.
func (d *decoder) known(v Value, out reflect.Value, path []string, f *Field) {
	switch out.Kind() {
	case reflect.Bool:
		if v.kind == String && v.loose && (v.Str() == "true" || v.Str() == "false") {
			v = NewBool(v.Str() == "true")
		}
		if d.want(v, Bool, path) {
			out.SetBool(v.Bool())
		}
	case reflect.String:
		if text, ok := v.text(); ok && f.ScalarText {
			sensitive := v.sensitive
			v = NewString(text)
			v.sensitive = sensitive
		}
		if d.want(v, String, path) {
			out.SetString(v.Str())
			d.rule(path, f.checkText(v))
		}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		if d.number(v, out, path, f) {
			d.rule(path, f.checkNumber(v))
		}
	case reflect.Slice:
		d.list(v, out, path, f)
	case reflect.Map:
		d.entries(v, out, path, f)
	case reflect.Struct:
		if d.want(v, Map, path) {
			d.structure(v, out, path)
		}
	default:
		panic("value: cannot decode into " + out.Type().String())
	}
}

func (d *decoder) list(v Value, out reflect.Value, path []string, f *Field) {
	if !d.want(v, List, path) {
		item := out.Type().Elem()
		if h, ok := reflect.New(item).Elem().Interface().(holder); ok {
			item = h.inner()
		}
		d.problems[len(d.problems)-1].Strings = item.Kind() == reflect.String
		return
	}
	out.Set(reflect.MakeSlice(out.Type(), len(v.Items()), len(v.Items())))
	for i, item := range v.Items() {
		d.decode(item, out.Index(i), append(path[:len(path):len(path)], strconv.Itoa(i)), f.item())
	}
	d.rule(path, f.checkCount(len(v.Items()), "items"))
	d.unique(v, path, f)
}

func (d *decoder) entries(v Value, out reflect.Value, path []string, f *Field) {
	if !d.want(v, Map, path) {
		return
	}
	out.Set(reflect.MakeMapWithSize(out.Type(), len(v.Entries())))
	for _, key := range v.Keys() {
		item := reflect.New(out.Type().Elem()).Elem()
		at := append(path[:len(path):len(path)], key)
		if b := f.checkKey(key); b.message != "" {
			d.rule(at, b)
			d.problems[len(d.problems)-1].OfKey = true
		}
		d.decode(v.Entries()[key], item, at, f.item())
		out.SetMapIndex(reflect.ValueOf(key), item)
	}
	d.rule(path, f.checkCount(len(v.Entries()), "entries"))
}

func (d *decoder) want(v Value, kind Kind, path []string) bool {
	if v.kind != kind {
		d.wrong(kind, path, "must be %s, but is %s", kind.Article(), v.kind.Article())
		return false
	}
	return true
}

// number fills out, and reports whether it could.
func (d *decoder) number(v Value, out reflect.Value, path []string, f *Field) bool {
	if v.kind == String && v.loose {
		n, err := strconv.ParseFloat(v.Str(), 64)
		if err != nil {
			d.add(WrongType, path, nil, "must be a number, but the variable has the text %s", v)
			return false
		}
		sensitive := v.sensitive
		v = NewNumber(n)
		v.sensitive = sensitive
	}
	if !d.want(v, Number, path) {
		d.problems[len(d.problems)-1].Accepts = f.accepts()
		return false
	}
	n := v.Number()
	if out.Kind() == reflect.Float64 {
		out.SetFloat(n)
		return true
	}
	if math.Abs(n) > maxWhole {
		text, _ := v.text() // as it is written
		if v.sensitive {
			text = Redacted
		}
		d.add(WrongType, path, nil, "%s", OutOfRange(text, f.accepts()))
		d.problems[len(d.problems)-1].Accepts = f.accepts()
		return false
	}
	if n != math.Trunc(n) {
		d.add(WrongType, path, nil, "must be a whole number, but is %s", v)
		return false
	}
	out.SetInt(int64(n))
	return true
}

// maxWhole is the largest number up to which a float64 holds every whole number exactly.
const maxWhole = 1 << 53

// InRange reports whether text is a number that a field of whole numbers can hold.
func InRange(text string) bool {
	n, err := strconv.ParseFloat(text, 64)
	return err == nil && math.Abs(n) <= maxWhole
}

// OutOfRange says what a field of whole numbers accepts, for a number that is too large or too small.
func OutOfRange(text, accepts string) string {
	return fmt.Sprintf("must be %s, but is %s", accepts, text)
}

func (d *decoder) structure(v Value, out reflect.Value, path []string) {
	s := structOf(out.Type())
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.Name
	}
	for _, key := range v.Keys() {
		if !slices.Contains(names, key) {
			d.add(UnknownKey, append(path[:len(path):len(path)], key), names, "unknown key %q", key)
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		item := v.Entries()[f.Name]
		if item.IsNull() {
			if f.Required {
				d.add(MissingKey, path, nil, "the key %q is required", f.Name)
				d.problems[len(d.problems)-1].Missing = f.Name
			} else {
				f.fillDefault(out)
			}
			continue
		}
		at := append(path[:len(path):len(path)], f.Name)
		d.decode(item, out.FieldByIndex(f.index), at, f)
		d.rule(at, f.checkSiblings(s, v))
	}
	for _, names := range s.anyOf {
		if !slices.ContainsFunc(names.Keys, func(name string) bool { return !v.Entries()[name].IsNull() }) {
			d.rule(path, names.broken())
		}
	}
}

// rule adds a breach of a field's rule by a value that is filled in.
func (d *decoder) rule(path []string, b breach) {
	if b.message != "" {
		d.add(BadValue, path, b.allowed, "%s", b.message)
		d.problems[len(d.problems)-1].Filled = true
	}
}

// unique reports items that are in a list more than once: whole items, or one of their keys.
func (d *decoder) unique(v Value, path []string, f *Field) {
	for _, key := range f.Unique {
		seen := map[string]bool{}
		for i, item := range v.Items() {
			at := append(path[:len(path):len(path)], strconv.Itoa(i))
			if key != "" {
				item, at = item.Get(key), append(at, key)
			}
			text, scalar := item.text()
			if !scalar {
				continue
			}
			if seen[text] {
				d.rule(at, breach{message: fmt.Sprintf("%s is given twice", item)})
			}
			seen[text] = true
		}
	}
}
