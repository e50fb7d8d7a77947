package schema

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/value"
)

// fields is the schema of a map with fixed keys.
func (w *writer) fields(s value.Shape, m mode) object {
	properties, out := object{}, object{"type": "object", "additionalProperties": false}
	var required []string
	var all []any
	for i := range s.Fields {
		f := &s.Fields[i]
		properties[f.Name] = w.field(f, m)
		if f.Required && !m.partial {
			required = append(required, f.Name)
		}
		if len(f.Needs) > 0 && !m.partial {
			choice := []any{object{"not": given(s, f.Name)}}
			for _, other := range f.Needs {
				choice = append(choice, possible(s, other))
			}
			all = append(all, object{"anyOf": choice})
		}
		for _, other := range f.Without {
			if !m.partial {
				all = append(all, object{"not": given(s, f.Name, other)})
			}
		}
	}
	out["properties"] = properties
	if len(required) > 0 {
		out["required"] = required
	}
	if !m.partial {
		for _, a := range s.AnyOf {
			choice := []any{object{"not": object{"type": "object"}}} // an expression, or nothing
			for _, key := range a.Keys {
				choice = append(choice, given(s, key))
			}
			all = append(all, object{"anyOf": choice})
		}
	}
	if len(all) > 0 {
		out["allOf"] = all
	}
	return out
}

// given is the schema of a map in which all those keys are given: null means that a key is absent, and false that a
// flag is not set. An expression does not set a flag, because it may become false.
func given(s value.Shape, keys ...string) object {
	return having(s, object{"const": true}, keys...)
}

// possible is the schema of a map in which a key is given, or is a flag that an expression may set.
func possible(s value.Shape, key string) object {
	return having(s, object{"not": object{"enum": []any{false, nil}}}, key)
}

// having is the schema of a map with those keys, in which those of flags fit set.
func having(s value.Shape, set object, keys ...string) object {
	properties := object{}
	for i := range s.Fields {
		f := &s.Fields[i]
		switch {
		case !slices.Contains(keys, f.Name):
		case f.Shape().Kind == value.Bool:
			properties[f.Name] = set
		default:
			properties[f.Name] = object{"not": object{"type": "null"}}
		}
	}
	return object{"type": "object", "required": keys, "properties": properties}
}

// durations is the pattern of value.Duration; a zero needs no unit.
const durations = `^(0|[0-9]+d([0-9.]+(ns|us|µs|ms|s|m|h))*|([0-9.]+(ns|us|µs|ms|s|m|h))+)$`

// expression is the pattern of a text that is evaluated.
const expression = `\$\{`

// why is the key for the message of the YAML language server about a text that does not match. Other editors ignore it.
const why = "patternErrorMessage"

// field is the schema of one key with its rules and its description.
func (w *writer) field(f *value.Field, m mode) object {
	out := described(w.value(f, f.Shape(), m, !f.Required || m.partial), Words(f))
	if f.Default != "" {
		out["default"] = typed(f.Shape(), f.Default)
	}
	return out
}

// described adds a description to a schema.
func described(out object, words any) object {
	out["description"] = words
	return out
}

// typed converts the text of a tag to the field's type.
func typed(s value.Shape, text string) any {
	if s.Kind == value.Number || s.Kind == value.Bool {
		var v any
		if json.Unmarshal([]byte(text), &v) == nil {
			return v
		}
	}
	return text
}

// value is the schema of a field's value. With null, the value may be empty, too.
func (w *writer) value(f *value.Field, s value.Shape, m mode, null bool) object {
	out := w.plain(f, s, m)
	if s.Kind == value.Null { // anything
		return out
	}
	if null {
		out = nullable(out, true)
	}
	if !m.expressions {
		return out
	}
	types := typesOf(out)
	_, limited := out["enum"]
	for _, key := range []string{"pattern", "minLength", "maxLength"} {
		_, has := out[key]
		limited = limited || has
	}
	switch {
	case !limited && slices.Contains(types, "string"):
	case !limited:
		out["type"] = append(types, "string")
		out["pattern"] = expression
		out[why] = "Must be " + s.Kind.Article() + ", or an expression: ${...}."
	default:
		return object{"anyOf": []any{out, object{"type": "string", "pattern": expression}}}
	}
	return out
}

func typesOf(schema object) []string {
	if one, ok := schema["type"].(string); ok {
		return []string{one}
	}
	return slices.Clone(schema["type"].([]string))
}

// nullable lets a schema accept null, too.
func nullable(schema object, null bool) object {
	if !null || schema["type"] == nil {
		return schema
	}
	schema["type"] = append(typesOf(schema), "null")
	if enum, ok := schema["enum"].([]any); ok {
		schema["enum"] = append(slices.Clone(enum), nil)
	}
	return schema
}

// plain is the schema of a field's value that is given and is not an expression.
func (w *writer) plain(f *value.Field, s value.Shape, m mode) object {
	out := object{}
	limit := func(least, most string) {
		for key, text := range map[string]string{least: f.Min, most: f.Max} {
			if n, err := strconv.ParseFloat(text, 64); err == nil {
				out[key] = n
			}
		}
	}
	switch s.Kind {
	case value.Bool:
		out["type"] = "boolean"
	case value.Number:
		out["type"] = "number"
		if s.Whole {
			out["type"] = "integer"
		}
		limit("minimum", "maximum")
		enum(out, f, s)
	case value.String:
		out["type"] = "string"
		if f.ScalarText {
			out["type"] = []string{"string", "number", "boolean"}
			if ok, err := regexp.MatchString(f.Pattern, "true"); f.Pattern != "" && err == nil && !ok {
				out["type"] = []string{"string", "number"}
			}
		}
		if f.Pattern != "" {
			out["pattern"] = f.Pattern
			out[why] = "Must be " + cmp.Or(f.Form, "of the form "+f.Pattern) + "."
		}
		if s.Duration {
			out[why] = "Must be a duration such as 30s, 15m or 7d."
			out["type"] = []string{"string", "integer"}
			out["pattern"], out["minimum"], out["maximum"] = durations, 0, 0
			break // its limits are not lengths
		}
		limit("minLength", "maxLength")
		enum(out, f, s)
	case value.List:
		out["type"] = "array"
		limit("minItems", "maxItems")
		out["uniqueItems"] = slices.Contains(f.Unique, "")
		if out["uniqueItems"] == false {
			delete(out, "uniqueItems")
		}
		out["items"] = w.value(f.Item(), *s.Items, m, false)
	case value.Map:
		if s.Items == nil {
			return w.fields(s, m)
		}
		out["type"] = "object"
		limit("minProperties", "maxProperties")
		out["additionalProperties"] = w.value(f.Item(), *s.Items, m, true)
		if f.Keys != "" {
			out["propertyNames"] = object{"pattern": f.Keys}
		}
	}
	return out
}

func enum(out object, f *value.Field, s value.Shape) {
	if len(f.Enum) == 0 {
		return
	}
	var all []any
	for _, text := range f.Enum {
		all = append(all, typed(s, text))
	}
	out["enum"] = all
}

// Words describe a field and the limits in its tags, in sentences.
func Words(f *value.Field) string {
	words := []string{f.Doc}
	if s := f.Shape(); s.Duration && f.Range() != "" {
		words = append(words, strings.ToUpper(f.Range()[:1])+f.Range()[1:]+".")
	}
	switch {
	case f.Default != "":
		words = append(words, "Default: "+f.Default+".")
	case f.Unset != "":
		words = append(words, "Default: "+f.Unset+".")
	}
	if f.Example != "" {
		words = append(words, "Example: "+f.Example)
	}
	return strings.TrimSpace(strings.Join(words, " "))
}
