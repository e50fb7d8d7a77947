package manifest

import (
	"fmt"
	"strings"

	"github.com/company/deployer/internal/value"
)

// The API groups of the kinds that are not deployed.
const (
	coreGroup  = "core.deployer.io/v1"
	infraGroup = "infra.deployer.io/v1"
)

// core are the kinds that this package knows itself, with their apiVersion.
var core = map[string]string{
	"Stack":       coreGroup,
	"Service":     coreGroup,
	"Environment": coreGroup,
	"Defaults":    infraGroup,
}

// document is one document with its header read.
type document struct {
	root        *node
	service     string // by its place: "infra" or the folder below services/; "" where the place does not say
	environment string // of the documents below environments/
	apiVersion  string
	kind        string
	name        string
	meta        metadata
	spec        *node // a map; nil when there is none
	named       bool  // the name is valid
}

type header struct {
	APIVersion string      `json:"apiVersion" required:"true" doc:"The group of the kind, with its version."`
	Kind       string      `json:"kind" required:"true" doc:"Kind of the document."`
	Metadata   metadata    `json:"metadata" required:"true" doc:"Name and descriptions."`
	Spec       value.Value `json:"spec" doc:"The desired settings; its keys are those of the kind."`
}

type metadata struct {
	Name        string            `json:"name" required:"true" doc:"Name; that of a Stack, Service or Environment is the name of its folder or file."`
	Description string            `json:"description" doc:"For people."`
	Labels      map[string]string `json:"labels" scalar:"text" doc:"For people and their tools."`
	Annotations map[string]string `json:"annotations" scalar:"text" doc:"For people and their tools."`
	Service     string            `json:"service" doc:"Of an overlay: the service of the component that it changes."`
}

// newDocument reads the header: everything but spec.
func newDocument(root *node, p *problems) *document {
	d := &document{root: root}
	fields := make(map[string]value.Value, len(root.entries))
	for _, e := range root.entries {
		if e.key == "spec" {
			fields["spec"] = value.NewMap(nil) // the document's kind checks its type later
			continue
		}
		fields[e.key] = e.value.value()
	}
	var h header
	for _, problem := range value.Decode(value.NewMap(fields), &h) {
		if p.full() {
			break
		}
		diagnostic := describe(root, "", problem)
		if problem.Kind == value.MissingKey && len(problem.Path) == 0 {
			diagnostic.Detail = fmt.Sprintf("A document needs apiVersion, kind and metadata.name; here %s.",
				problem.Message)
		}
		p.add(diagnostic)
	}
	d.apiVersion, d.kind, d.name, d.meta = h.APIVersion, h.Kind, h.Metadata.Name, h.Metadata
	if spec := root.get("spec"); spec != nil {
		switch spec.value.kind {
		case value.Map:
			d.spec = spec.value
		case value.Null:
		default:
			p.invalid(spec.at, "Wrong type", fmt.Sprintf("spec must be a map, but is %s.", spec.value.kind.Article()),
				"")
		}
	}
	if d.name != "" {
		detail, next := CheckName(d.name)
		if strings.EqualFold(d.kind, d.name) { // infra/ingress: the name is reserved for this kind
			detail = ""
		}
		if d.named = detail == ""; !d.named {
			summary := "Invalid name"
			if strings.Contains(detail, "Reserved") {
				summary = "Reserved name"
			}
			p.invalid(d.at("metadata", "name"), summary, detail, next)
		}
	}
	return d
}

// at is the place of a value of the document.
func (d *document) at(path ...string) span {
	_, val := d.root.locate(path)
	return val
}

// specKey is the place of the word spec, or of the kind when there is no spec.
func (d *document) specKey() span {
	if e := d.root.get("spec"); e != nil {
		return e.at
	}
	return d.at("kind")
}

// must reports a name that differs from the name that the document's place in the repository requires.
func (d *document) must(be, why string, p *problems) {
	if reason, _ := CheckName(be); d.named && d.name != be && reason == "" {
		p.invalid(d.at("metadata", "name"), "Wrong name", fmt.Sprintf("The name is %q, but %s.", d.name, why),
			fmt.Sprintf("Write %q, or rename the folder or file.", be))
	}
}
