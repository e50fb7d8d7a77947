package manifest

import (
	"fmt"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

type stackSpec struct {
	Provider  providerSpec           `json:"provider"`
	Backend   backendSpec            `json:"backend"`
	Locks     locksSpec              `json:"locks"`
	Variables map[string]value.Value `json:"variables"`
	Tags      map[string]string      `json:"tags" scalar:"text"`
}

type providerSpec struct {
	Name    string `json:"name" enum:"aws"`
	Region  string `json:"region"`
	Account string `json:"account" scalar:"text"`
}

// backendSpec and locksSpec know the keys; their values may be environment variables, which the configuration resolves.
type backendSpec struct {
	Type   value.Value `json:"type"`
	Bucket value.Value `json:"bucket"`
	Region value.Value `json:"region"`
	Prefix value.Value `json:"prefix"`
	Path   value.Value `json:"path"`
}

type locksSpec struct {
	Type      value.Value `json:"type"`
	Region    value.Value `json:"region"`
	Table     value.Value `json:"table"`
	TTL       value.Value `json:"ttl"`
	Heartbeat value.Value `json:"heartbeat"`
}

type environmentSpec struct {
	Provider   providerSpec           `json:"provider"`
	Variables  map[string]value.Value `json:"variables"`
	Production bool                   `json:"production"`
	Tags       map[string]string      `json:"tags" scalar:"text"`
	Approval   string                 `json:"approval" enum:"required,none"`
}

type serviceSpec struct {
	Tags map[string]string `json:"tags" scalar:"text"`
}

// Settings is what the configuration takes from stack.yaml. They are there even when other files of the stack are broken.
type Settings struct {
	Backend  value.Value // spec.backend as written, Null when absent
	Locks    value.Value // spec.locks as written, Null when absent
	Provider Provider    // the environment's over the stack's; fields that hold an expression are left empty
	Approval string      // the environment's; "" when it says nothing

	spec *node
}

// Position returns where a value below spec was written ("backend", "bucket"), nil when it was not.
func (s Settings) Position(path ...string) *diag.Position {
	if s.spec.find(path) == nil {
		return nil
	}
	_, val := s.spec.locate(path)
	return val.position()
}

// Settings returns what stack.yaml and, for the provider, the environment say, without evaluating anything.
func (b *Bundle) Settings(environment string) Settings {
	var out Settings
	if b.stack != nil {
		out.spec = b.stack.spec
	}
	out.Backend, out.Locks = out.spec.child("backend").value(), out.spec.child("locks").value()
	out.Provider = plainProvider(out.spec.child("provider"))
	if e := b.environments[environment]; e != nil && e.document != nil {
		out.Provider = out.Provider.under(plainProvider(e.document.spec.child("provider")))
		out.Approval = plainText(e.document.spec.child("approval"))
	}
	return out
}

func plainProvider(n *node) Provider {
	text := func(key string) string { return plainText(n.child(key)) }
	return Provider{Name: text("name"), Region: text("region"), Account: text("account")}
}

// plainText is a scalar as it was written, "" for an expression and anything else.
func plainText(n *node) string {
	if n.scalar() && !strings.Contains(n.text, "${") {
		return n.text
	}
	return ""
}

// under returns p with what over sets.
func (p Provider) under(over Provider) Provider {
	if over.Name != "" {
		p.Name = over.Name
	}
	if over.Region != "" {
		p.Region = over.Region
	}
	if over.Account != "" {
		p.Account = over.Account
	}
	return p
}

// settle evaluates and checks the specs of the Stack and the Environment, and fills what the stack has as a whole.
func (r *resolver) settle() {
	base, over := r.bundle.stack, r.environment.document
	r.stack.Provider = Provider{Name: "aws"}
	if base != nil && r.header(base) {
		var spec stackSpec
		r.decode(base, &spec, "provider", "tags")
		r.account(base, spec.Provider)
		r.tags(base, spec.Tags)
		r.stack.Provider = r.stack.Provider.under(Provider(spec.Provider))
		r.stack.Tags = layer(r.stack.Tags, spec.Tags)
	}
	if over != nil && r.header(over) {
		var spec environmentSpec
		r.decode(over, &spec, "provider", "tags")
		r.account(over, spec.Provider)
		r.tags(over, spec.Tags)
		r.stack.Provider = r.stack.Provider.under(Provider(spec.Provider))
		r.stack.Tags = layer(r.stack.Tags, spec.Tags)
		r.stack.Production = spec.Production
		if spec.Approval == ApprovalRequired {
			r.stack.Approval = spec.Approval
		}
	}
}

// account checks the form of an account number.
func (r *resolver) account(d *document, spec providerSpec) {
	if a := spec.Account; a != "" && (len(a) != 12 || strings.Trim(a, "0123456789") != "") {
		r.problems.invalid(d.at("spec", "provider", "account"), "Invalid value", fmt.Sprintf("spec.provider.account: %q is not an AWS account number.", a),
			"Write its 12 digits, quoted when the first is 0.")
	}
}

// tags checks what AWS takes as tags beside those of the levels above; those of components are checked with the rest of their spec.
func (r *resolver) tags(d *document, tags map[string]string) {
	for _, problem := range component.CheckTags(tags, r.stack.Tags) {
		r.problems.add(describe(d.spec, "spec", problem))
	}
}

// decode fills a typed spec of a document that is not deployed. Expressions are evaluated below the named keys only.
func (r *resolver) decode(d *document, spec any, evaluated ...string) {
	if d.spec == nil {
		return
	}
	pruned := prune(d.spec)
	entries := make(map[string]value.Value, len(pruned.entries))
	for _, e := range pruned.entries {
		entries[e.key] = e.value.value()
		for _, key := range evaluated {
			if e.key == key {
				entries[key] = r.evaluate(e.value, []string{key}, scope{resolver: r, settings: true})
			}
		}
	}
	for _, problem := range value.Decode(value.NewMap(entries), spec) {
		if problem.Kind == value.NotKnown && value.NewMap(entries).Get(problem.Path...).Kind() == value.Unknown {
			continue // reported with the variable, or allowed to be unknown
		}
		d := describe(pruned, "spec", problem)
		r.problems.add(d)
	}
}

// layer returns base with over on top, without changing either.
func layer(base, over map[string]string) map[string]string {
	out := make(map[string]string, len(base)+len(over))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range over {
		out[k] = v
	}
	return out
}
