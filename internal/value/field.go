package value

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Field is one key of a map that a struct describes: it holds the struct field's tags. Decode enforces them, and schema
// and reference show them, so a rule is written once. All texts are as in the tags.
type Field struct {
	Name     string // json
	Doc      string // doc: what it is, in one or more sentences
	Required bool   // required:"true"
	Example  string // example
	Default  string // default: what Decode fills in for a key that is not given
	Unset    string // unset: in words, what applies without the key, where there is no default

	ScalarText bool     // scalar:"text": numbers and booleans may stand for the text they are written as
	Enum       []string // enum:"a,b": of a text or a number, or of the items of a list
	Min, Max   string   // min, max: of a number or a duration; characters of a text, items of a list, entries of a map
	Step       string   // step: a duration is a multiple of it
	Pattern    string   // pattern: a regular expression; of the items, where the field is a list or a map
	Form       string   // form: what has the pattern, as sentences want it: "an AWS region such as eu-central-1"
	Keys       string   // keys: the pattern of a map's keys
	KeyForm    string   // keyForm: that pattern in words
	// unique:"name,port": these keys differ among the items of a list; unique:"true": [""], the items themselves differ
	Unique  []string
	Needs   []string // needs:"host|hosts": one of these keys must be given, too
	Without []string // without:"tags,ids": none of these keys may be given, too
	Why     string   // why: the reason for a rule, added to the message of a breach

	typ       reflect.Type
	index     []int
	omitEmpty bool
	rules     *rules
}

// AnyOf are keys of a map of which at least one must be given: the tag anyOf:"min,max" of a field named _.
type AnyOf struct {
	Keys []string
	Why  string
}

// structure is a struct type as Decode and Encode see it.
type structure struct {
	fields     []Field
	anyOf      []AnyOf
	hasDefault bool // a field, or one of a struct that is a field, has a default
}

// Fields returns the keys of the Map that Encode makes of a struct T, in the order of the struct. It includes keys of
// omitted fields.
func Fields[T any]() []string {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[Value]() {
		return nil
	}
	fields := structOf(t).fields
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

var structures sync.Map // reflect.Type -> *structure

func structOf(t reflect.Type) *structure {
	if cached, ok := structures.Load(t); ok {
		return cached.(*structure)
	}
	s := &structure{}
	for _, sf := range reflect.VisibleFields(t) {
		if any := sf.Tag.Get("anyOf"); any != "" {
			s.anyOf = append(s.anyOf, AnyOf{Keys: strings.Split(any, ","), Why: sf.Tag.Get("why")})
		}
		if !sf.IsExported() || sf.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = strings.ToLower(sf.Name[:1]) + sf.Name[1:]
		}
		f := fieldOf(name, sf)
		f.omitEmpty = strings.Contains(options, "omitempty")
		s.hasDefault = s.hasDefault || f.Default != "" || sf.Type.Kind() == reflect.Struct && !opaque(sf.Type) &&
			structOf(sf.Type).hasDefault
		s.fields = append(s.fields, f)
	}
	structures.Store(t, s)
	return s
}

// opaque reports whether a struct is something else than a map of its fields.
func opaque(t reflect.Type) bool {
	_, holds := Inner(t)
	return holds || t == reflect.TypeFor[Value]()
}

func fieldOf(name string, sf reflect.StructField) Field {
	tag := sf.Tag.Get
	list := func(name, separator string) []string {
		if text := tag(name); text != "" {
			return strings.Split(text, separator)
		}
		return nil
	}
	f := Field{
		Name: name, Doc: tag("doc"), Required: tag("required") == "true", Example: tag("example"),
		Default: tag("default"), Unset: tag("unset"),
		ScalarText: tag("scalar") == "text", Enum: list("enum", ","), Min: tag("min"), Max: tag("max"),
		Step: tag("step"), Pattern: tag("pattern"), Form: tag("form"), Keys: tag("keys"), KeyForm: tag("keyForm"),
		Unique: list("unique", ","),
		Needs:  list("needs", "|"), Without: list("without", ","), Why: tag("why"), typ: sf.Type, index: sf.Index,
		rules: &rules{},
	}
	if f.Default != "" && sf.Type.Kind() == reflect.Pointer {
		panic("value: a pointer says whether a field was given, and " + name + " has a default: it needs none")
	}
	if len(f.Unique) == 1 && f.Unique[0] == "true" {
		f.Unique[0] = ""
	}
	return f
}

// rules are the texts of a field, parsed at first use: most commands need few.
type rules struct {
	once     sync.Once
	of       *Field // of the items of a list or the values of a map
	pattern  *regexp.Regexp
	keys     *regexp.Regexp
	min, max float64 // in the unit that the rule counts in
	step     time.Duration

	defaults sync.Once
	fill     reflect.Value // the default; shared, so the field is no pointer
}

// parsed panics on a rule that cannot be parsed: a programming error, which the test of all specs finds.
func (f *Field) parsed() *rules {
	if f.rules == nil {
		return &rules{of: f}
	}
	f.rules.once.Do(func() {
		r := f.rules
		of := *f
		of.Min, of.Max, of.Unique, of.Keys, of.rules = "", "", nil, "", &rules{}
		r.of = &of
		if f.Pattern != "" {
			r.pattern = regexp.MustCompile(f.Pattern)
		}
		if f.Keys != "" {
			r.keys = regexp.MustCompile(f.Keys)
		}
		r.min, r.max = f.bound(f.Min), f.bound(f.Max)
		if f.Step != "" {
			r.step = time.Duration(f.bound(f.Step))
		}
	})
	return f.rules
}

func (f *Field) bound(text string) float64 {
	if text == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n
	}
	var d Duration
	if err := d.UnmarshalText([]byte(text)); err != nil {
		panic(fmt.Sprintf("value: the field %s has a limit that is neither number nor duration: %q", f.Name, text))
	}
	return float64(d)
}

// item is a field with the rules for each item of a list and each value of a map.
func (f *Field) item() *Field { return f.parsed().of }

// breach is a rule that a value breaks. Without a message, no rule is broken.
type breach struct {
	message string
	allowed []string // valid texts, for suggestions
}

// because makes a breach of a message and the reason in the field's rules.
func (f *Field) because(format string, args ...any) breach {
	b := breach{message: fmt.Sprintf(format, args...)}
	if f.Why != "" {
		b.message += ": " + f.Why
	}
	return b
}

func (f *Field) checkText(v Value) breach {
	text := v.Str()
	switch r := f.parsed(); {
	case len(f.Enum) > 0 && !slices.Contains(f.Enum, text):
		return breach{fmt.Sprintf("%s is not one of %s", shorten(v), strings.Join(f.Enum, ", ")), f.Enum}
	case r.pattern != nil && !r.pattern.MatchString(text):
		return f.because("%s is not %s", shorten(v), cmp.Or(f.Form, "of the form "+f.Pattern))
	}
	return f.outside(float64(utf8.RuneCountInString(text)), "characters")
}

// maxShown is how many characters of a wrong text a message repeats.
const maxShown = 60

// shorten quotes a text.
func shorten(v Value) string {
	if text := []rune(v.Str()); len(text) > maxShown && !v.sensitive {
		return strconv.Quote(string(text[:maxShown]) + "…")
	}
	return v.String()
}

func (f *Field) checkNumber(v Value) breach {
	if len(f.Enum) == 0 && f.Min == "" && f.Max == "" {
		return breach{}
	}
	n := v.Number()
	if text, _ := v.text(); v.kind == String { // text of a variable
		n, _ = strconv.ParseFloat(text, 64)
	}
	written := strconv.FormatFloat(n, 'f', -1, 64)
	if len(f.Enum) > 0 && !slices.Contains(f.Enum, written) {
		return f.because("must be one of %s, but is %s", strings.Join(f.Enum, ", "), hide(v, written))
	}
	return f.limits(n, hide(v, written))
}

func (f *Field) checkDuration(d Duration, v Value) breach {
	text, _ := v.text()
	if b := f.limits(float64(d), hide(v, text)); b.message != "" {
		return b
	}
	if step := f.parsed().step; step > 0 && time.Duration(d)%step != 0 {
		return f.because("must be a multiple of %s, but is %s", f.Step, hide(v, text))
	}
	return breach{}
}

func hide(v Value, text string) string {
	if v.sensitive {
		return Redacted
	}
	return text
}

// limits checks an amount that the field gives itself.
func (f *Field) limits(n float64, written string) breach {
	r := f.parsed()
	if (f.Min == "" || n >= r.min) && (f.Max == "" || n <= r.max) {
		return breach{}
	}
	return f.because("must be %s, but is %s", f.Range(), written)
}

// Range names the limits of a number or a duration; "" without limits.
func (f *Field) Range() string {
	switch {
	case f.Min != "" && f.Max != "":
		return "from " + f.Min + " to " + f.Max
	case f.Min != "":
		return "at least " + f.Min
	case f.Max != "":
		return "at most " + f.Max
	}
	return ""
}

// accepts says which whole numbers a field takes.
func (f *Field) accepts() string {
	if len(f.Enum) > 0 {
		return "one of " + strings.Join(f.Enum, ", ")
	}
	return cmp.Or(f.Range(), fmt.Sprintf("a whole number between %d and %d", -maxWhole, maxWhole))
}

func (f *Field) checkCount(n int, of string) breach { return f.outside(float64(n), of) }

// outside checks the number of characters, items or entries.
func (f *Field) outside(n float64, of string) breach {
	r := f.parsed()
	switch {
	case f.Min != "" && n < r.min && n == 0:
		return f.because("must not be empty")
	case f.Min != "" && n < r.min:
		return f.because("must have at least %s %s, but has %v", f.Min, of, n)
	case f.Max != "" && n > r.max:
		return f.because("must have at most %s %s, but has %v", f.Max, of, n)
	}
	return breach{}
}

func (f *Field) checkKey(key string) breach {
	if r := f.parsed(); r.keys != nil && !r.keys.MatchString(key) {
		return breach{message: fmt.Sprintf("%q is not %s", key, cmp.Or(f.KeyForm, "of the form "+f.Keys))}
	}
	return breach{}
}

// checkSiblings checks the rules of a given field about the other keys of its map, which has the fields of s. A
// flag that is not known yet may become true or false, so it breaks no rule.
func (f *Field) checkSiblings(s *structure, in Value) breach {
	if len(f.Needs)+len(f.Without) == 0 {
		return breach{}
	}
	given := func(name string, unknown bool) bool {
		v := in.Entries()[name]
		if v.IsNull() {
			return false
		}
		i := slices.IndexFunc(s.fields, func(of Field) bool { return of.Name == name })
		if i < 0 || s.fields[i].Shape().Kind != Bool {
			return true
		}
		if !v.Known() {
			return unknown
		}
		var set bool // stays false where the value is no flag, which the field itself reports
		Decode(v, &set)
		return set
	}
	certain := func(name string) bool { return given(name, false) }
	possible := func(name string) bool { return given(name, true) }
	if !certain(f.Name) {
		return breach{}
	}
	refuse := f.because
	if f.Range() != "" { // then the reason is that of the limits
		refuse = func(format string, args ...any) breach { return breach{message: fmt.Sprintf(format, args...)} }
	}
	if len(f.Needs) > 0 && !slices.ContainsFunc(f.Needs, possible) {
		return refuse("needs %s", strings.Join(f.Needs, " or "))
	}
	for _, other := range f.Without {
		if certain(other) {
			return refuse("cannot be given together with %s", other)
		}
	}
	return breach{}
}

func (a AnyOf) broken() breach {
	last := len(a.Keys) - 1
	message := fmt.Sprintf("needs %s or %s", strings.Join(a.Keys[:last], ", "), a.Keys[last])
	if a.Why != "" {
		message += ": " + a.Why
	}
	return breach{message: message}
}

// fillDefault gives a field of a struct its default, and the fields below it theirs.
func (f *Field) fillDefault(in reflect.Value) {
	out := in.FieldByIndex(f.index)
	switch {
	case f.Default != "":
		f.rules.defaults.Do(func() {
			d := decoder{}
			f.rules.fill = reflect.New(f.typ).Elem()
			d.decode(NewLoose(f.Default), f.rules.fill, nil, f)
			if len(d.problems) > 0 {
				panic(fmt.Sprintf("value: the default of the field %s breaks its own rules: %s", f.Name,
					d.problems[0].Message))
			}
		})
		out.Set(f.rules.fill)
	case out.Kind() == reflect.Struct && !opaque(f.typ) && structOf(f.typ).hasDefault:
		for i := range structOf(f.typ).fields {
			structOf(f.typ).fields[i].fillDefault(out)
		}
	}
}
