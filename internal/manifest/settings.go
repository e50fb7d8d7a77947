package manifest

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

type stackSpec struct {
	component.Tagged
	Provider  providerSpec           `json:"provider" doc:"Where the stack lives in AWS."`
	Backend   backendSpec            `json:"backend" doc:"Where the state of this stack is kept: the settings backend of the configuration. ${NAME} is an environment variable."`
	Locks     locksSpec              `json:"locks" doc:"Where its locks are kept: the settings locks of the configuration. ${NAME} is an environment variable."`
	Variables map[string]value.Value `json:"variables" keys:"^[A-Za-z_][A-Za-z0-9_]*$" keyForm:"the name of a variable: letters, digits and _, not a digit first" example:"{LOG_LEVEL: info}" doc:"Variables by name: a value, or a map with the keys of a variable."`
}

type providerSpec struct {
	Name    string `json:"name" enum:"aws" default:"aws" doc:"The cloud."`
	Region  string `json:"region" pattern:"^$|^[a-z]{2,}(-[a-z]+)+-[0-9]+$" form:"an AWS region such as eu-central-1" unset:"the Stack's, then aws.region of the configuration, then AWS_REGION" example:"eu-central-1" doc:"Region of the resources."`
	Account string `json:"account" scalar:"text" pattern:"^$|^[0-9]{12}$" form:"an AWS account number: 12 digits, quoted when the first is 0" unset:"any" example:"\"123456789012\"" doc:"Refuse to run with credentials of another account."`
}

// backendSpec and locksSpec know only the keys. Values may be environment variables, which package config resolves.
type backendSpec struct {
	Type   value.Value `json:"type" doc:"As backend.type of the configuration."`
	Bucket value.Value `json:"bucket" doc:"As backend.bucket of the configuration."`
	Region value.Value `json:"region" doc:"As backend.region of the configuration."`
	Prefix value.Value `json:"prefix" doc:"As backend.prefix of the configuration."`
	Path   value.Value `json:"path" doc:"As backend.path of the configuration."`

	Encryption value.Value `json:"encryption" doc:"As backend.encryption of the configuration."`
}

type locksSpec struct {
	Type      value.Value `json:"type" doc:"As locks.type of the configuration."`
	Region    value.Value `json:"region" doc:"As locks.region of the configuration."`
	Table     value.Value `json:"table" doc:"As locks.table of the configuration."`
	TTL       value.Value `json:"ttl" doc:"As locks.ttl of the configuration."`
	Heartbeat value.Value `json:"heartbeat" doc:"As locks.heartbeat of the configuration."`
}

type environmentSpec struct {
	component.Tagged
	Provider   providerSpec           `json:"provider" doc:"Where the environment lives in AWS, instead of what the Stack says."`
	Variables  map[string]value.Value `json:"variables" keys:"^[A-Za-z_][A-Za-z0-9_]*$" keyForm:"the name of a variable: letters, digits and _, not a digit first" example:"{LOG_LEVEL: warn}" doc:"Variables by name; what an entry leaves out, the Stack's keeps."`
	Production bool                   `json:"production" doc:"Protects queues and load balancers, and keeps logs for 90 instead of 30 days."`
	Network    value.Value            `json:"network" unset:"as in infra/" example:"{vpc: {default: true}}" doc:"Spec of the Network in this environment: what an overlay of the kind Network would say. A Network in infra/ is not needed."`
	Approval   string                 `json:"approval" enum:"required,none" default:"none" doc:"required: each apply and destroy that changes something is approved on the terminal or by --auto-approve, whatever the configuration says."`
	Rollback   string                 `json:"rollback" enum:"auto,none" default:"none" doc:"auto: when an apply fails, everything that it changed goes back to the last version that succeeded, as with apply --rollback-on-failure."`
}

type serviceSpec struct {
	component.Tagged
}

// Settings are the settings that stack.yaml gives to the configuration. They exist even when other files of the stack
// are broken.
type Settings struct {
	Backend  value.Value // spec.backend as written, Null when absent
	Locks    value.Value // spec.locks as written, Null when absent
	Provider Provider    // environment over stack; a field with an expression is empty
	Approval string      // the environment's; "" when it says nothing

	spec *node
}

// Position returns the place of a value below spec ("backend", "bucket"), nil when it was not written.
func (s Settings) Position(path ...string) *diag.Position {
	if s.spec.find(path) == nil {
		return nil
	}
	_, val := s.spec.locate(path)
	return val.position()
}

// Settings returns the settings of stack.yaml and, for the provider, of the environment, without evaluating anything.
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

// under returns p with the values that over sets.
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

// evaluateSettings evaluates and checks the specs of the Stack and the Environment, and fills the stack's own fields.
func (r *resolver) evaluateSettings() {
	base, over := r.bundle.stack, r.environment.document
	r.stack.Provider = Provider{Name: "aws"}
	if base != nil && r.header(base) {
		var spec stackSpec
		r.decode(base, &spec)
		r.tags(base, spec.Tags)
		r.stack.Provider = r.stack.Provider.under(Provider(spec.Provider))
		r.stack.Tags = layer(r.stack.Tags, spec.Tags)
	}
	if over != nil && r.header(over) {
		var spec environmentSpec
		r.decode(over, &spec)
		r.tags(over, spec.Tags)
		r.stack.Provider = r.stack.Provider.under(Provider(spec.Provider))
		r.stack.Tags = layer(r.stack.Tags, spec.Tags)
		r.stack.Production = spec.Production
		if spec.Approval == ApprovalRequired {
			r.stack.Approval = spec.Approval
		}
		if spec.Rollback == RollbackAuto {
			r.stack.Rollback = spec.Rollback
		}
	}
}

// tags checks tags against AWS's rules and the tags of the levels above. The tags of components are checked with the
// rest of their spec.
func (r *resolver) tags(d *document, tags map[string]string) {
	for _, problem := range component.CheckTags(tags, r.stack.Tags) {
		r.problems.add(describe(d.spec, "spec", problem))
	}
}

// evaluated are the keys of documents that are not deployed whose values may hold expressions.
var evaluated = []string{"provider", "tags"}

// decode fills a typed spec of a document that is not deployed.
func (r *resolver) decode(d *document, spec any) {
	if d.spec == nil {
		return
	}
	pruned := prune(d.spec)
	entries := make(map[string]value.Value, len(pruned.entries))
	for _, e := range pruned.entries {
		entries[e.key] = e.value.value()
		if slices.Contains(evaluated, e.key) {
			entries[e.key] = r.evaluate(e.value, []string{e.key}, scope{resolver: r, settings: true})
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

// layer returns base with over on top. Neither is changed.
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
