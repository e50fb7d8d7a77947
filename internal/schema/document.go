// Package schema writes the JSON Schema (draft-07) of everything that users write: manifests, overlays and the
// configuration file.
//
// In: the kinds, the resource types that overrides change, and the rules of the fields. Out: JSON documents. It must
// not hold rules of its own: the schema has the rules that the decoder enforces.
//
// A schema sees one document. It cannot know what Defaults and overlays add. So it reports less than `deployer
// validate`, and nothing that validate does not report.
package schema

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/value"
)

// The files of All that hold more than one kind.
const (
	Manifest      = "manifest.json" // every document
	Overlay       = "overlay.json"  // the documents below environments/
	Configuration = "config.json"   // .deployer/config.yaml
)

// Types returns the properties of a resource type; resource.Catalog implements it.
type Types interface {
	Properties(typ string) (value.Shape, bool)
}

type object = map[string]any

// All returns the schemas by file name: Manifest, Overlay, Configuration, and KIND.json for each kind of document.
func All(kinds *component.Registry, types Types) map[string][]byte {
	out := OfStack(kinds, types)
	out[Configuration] = configuration()
	for _, kind := range Kinds(kinds) {
		out[kind+".json"] = bundle(kinds, types, "A "+kind+" of deployer", full, kind)
	}
	return out
}

// OfStack returns the schemas that the files of a stack name. It takes less time than All.
func OfStack(kinds *component.Registry, types Types) map[string][]byte {
	return map[string][]byte{
		Manifest: bundle(kinds, types, "A manifest of deployer", full, Kinds(kinds)...),
		Overlay:  bundle(kinds, types, "A document below environments/ of deployer", overlay, Kinds(kinds)...),
	}
}

// Kinds are the kinds that a document may have, sorted.
func Kinds(kinds *component.Registry) []string {
	names := kinds.Names()
	for _, d := range manifest.Documents() {
		names = append(names, d.Kind)
	}
	slices.Sort(names)
	return names
}

// mode says which variant of a schema is written.
type mode struct {
	partial     bool // nothing is required: other documents add the rest
	expressions bool // a text with ${...} may replace any value
}

var (
	full    = mode{expressions: true}
	overlay = mode{expressions: true, partial: true}
)

// bundle is the schema of a document of one of the kinds.
func bundle(kinds *component.Registry, types Types, title string, m mode, names ...string) []byte {
	w := &writer{types: types, definitions: object{}}
	var allowed, groups, cases []any
	add := func(kind, group, doc string, spec object, required bool) {
		allowed = append(allowed, kind)
		if !slices.Contains(groups, any(group)) {
			groups = append(groups, group)
		}
		spec["description"] = doc
		w.definitions[kind] = spec
		then := object{"properties": object{"apiVersion": object{"const": group}, "spec": ref(kind)}}
		if required {
			then["required"] = []string{"spec"}
		}
		cases = append(cases,
			object{
				"if":   object{"properties": object{"kind": object{"const": kind}}, "required": []string{"kind"}},
				"then": then,
			})
	}
	for _, name := range names {
		if kind, ok := kinds.Kind(name); ok {
			spec := w.component(kind, m)
			add(name, kind.Group, kind.Doc, nullable(spec, spec["required"] == nil), spec["required"] != nil)
		}
	}
	for _, d := range manifest.Documents() {
		if slices.Contains(names, d.Kind) && (!m.partial || d.Overlaid || d.Kind == "Environment") {
			add(d.Kind, d.Group, d.Doc, nullable(w.document(kinds, d), true), false)
		}
	}
	root := w.fields(manifest.Header(), mode{})
	properties := root["properties"].(object)
	properties["kind"].(object)["enum"] = allowed
	properties["apiVersion"].(object)["enum"] = groups
	name := properties["metadata"].(object)["properties"].(object)["name"].(object)
	name["pattern"] = manifest.NamePattern()
	own := map[string]string{"ingress": "Ingress", "cluster": "Cluster"} // these kinds have these names, and no others
	name["not"] = object{
		"enum": slices.DeleteFunc(manifest.Reserved(), func(name string) bool { return own[name] != "" }),
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		cases = append(cases, object{
			"if": object{"properties": object{"kind": object{"const": own[name]}}},
			"else": object{"properties": object{
				"metadata": object{"properties": object{"name": object{"not": object{"const": name}}}},
			}},
		})
	}
	root["allOf"] = cases
	root["title"] = title
	return w.finish(root)
}

func configuration() []byte {
	w := &writer{definitions: object{}}
	root := w.fields(value.ShapeOf(reflect.TypeFor[config.Settings]()), full)
	root["title"] = "A configuration file of deployer"
	return w.finish(root)
}

// writer collects definitions that several places refer to.
type writer struct {
	types       Types
	definitions object
}

func (w *writer) finish(root object) []byte {
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	if len(w.definitions) > 0 {
		root["definitions"] = w.definitions
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(root); err != nil {
		panic(err) // maps, lists and texts
	}
	return b.Bytes()
}

func ref(definition string) object { return object{"$ref": "#/definitions/" + definition} }

// component is the schema of a kind's spec, with the resources that its overrides may change.
func (w *writer) component(kind *component.Kind, m mode) object {
	out := w.fields(value.ShapeOf(reflect.TypeOf(kind.NewSpec())), m)
	names, patterns := object{}, object{}
	for _, g := range kind.Resources {
		shape, ok := w.types.Properties(g.Type)
		if !ok {
			continue
		}
		definition := strings.ReplaceAll(g.Type, "/", "-")
		if w.definitions[definition] == nil {
			w.definitions[definition] = object{} // for types that contain themselves
			w.definitions[definition] = nullable(w.fields(shape, overlay), true)
		}
		if prefix, many := strings.CutSuffix(g.Name, "*"); many {
			patterns["^"+prefix] = ref(definition)
		} else {
			names[g.Name] = ref(definition)
		}
	}
	overrides := out["properties"].(object)["overrides"].(object)
	overrides["properties"], overrides["additionalProperties"] = names, false
	if len(patterns) > 0 {
		overrides["patternProperties"] = patterns
	}
	return out
}

// document is the schema of the spec of a kind that is not deployed.
func (w *writer) document(kinds *component.Registry, d manifest.Description) object {
	if d.Kind == "Defaults" {
		properties := object{}
		for _, name := range kinds.Names() {
			kind, _ := kinds.Kind(name)
			properties[name] = nullable(w.component(kind, overlay), true)
		}
		return object{"type": "object", "properties": properties, "additionalProperties": false}
	}
	properties := object{}
	for i := range d.Spec.Fields {
		f := &d.Spec.Fields[i]
		properties[f.Name] = w.field(f, mode{expressions: manifest.Evaluated(f.Name)})
	}
	settings := value.ShapeOf(reflect.TypeFor[config.Settings]())
	for i := range settings.Fields { // backend and locks of a Stack are settings
		f := &settings.Fields[i]
		if of, ok := properties[f.Name].(object); ok {
			properties[f.Name] = described(w.field(f, full), of["description"])
		}
	}
	if variables, ok := properties["variables"].(object); ok {
		w.definitions["Variable"] = w.fields(manifest.VariableShape(), mode{})
		variables["additionalProperties"] = object{
			"anyOf": []any{object{"type": []string{"string", "number", "boolean", "null"}}, ref("Variable")},
		}
	}
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

// Names are the names of the files of All, sorted.
func Names(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }
