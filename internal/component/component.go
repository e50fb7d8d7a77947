// Package component is the contract of a kind (MicroService, SQS, ...) and the stage that expands components into AWS
// resources.
//
// In: instances, each with its spec as a value tree (variables replaced, references Deferred). Out: a resource.Graph
// and diagnostics. A kind lives in component/<kind>/ and imports this package, the models and resource/<service>. It
// must not import the SDK, the engine or another kind of the users', and nothing here does I/O.
package component

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Instance is one component of a stack in one environment.
type Instance struct {
	Address     string // "user-service/api", "infra/network"
	Service     string // "user-service", "infra"
	Name        string // "api"
	Named       string // the address whose physical names it keeps; "" is its own
	Kind        string
	Stack       string
	Environment string
	Production  bool
	Account     string            // 12 digits; "" while validating without a network
	Region      string            // "" while validating without one
	Tags        map[string]string // the users' tags of stack and environment
	Spec        value.Value       // a Map: defaults and overlays merged, variables replaced, references Deferred
}

// ResourceName is the readable physical name of an object of this instance: "<stack>-<env>-<service>-<name>[-suffix]"
// and a hash. Seeds go into the hash only.
func (i Instance) ResourceName(limit int, seeds []string, suffix ...string) string {
	i = i.Original()
	return resource.Name(limit, seeds, append([]string{i.Stack, i.Environment, i.Service, i.Name}, suffix...)...)
}

// Prefix is the text that ResourceName shows and hashes. Types with a resource.Definition.HashedName hash it
// themselves.
func (i Instance) Prefix(suffix ...string) string {
	i = i.Original()
	return strings.Join(append([]string{i.Stack, i.Environment, i.Service, i.Name}, suffix...), resource.PartSeparator)
}

// LogDays is how many days the instance's logs are kept.
func (i Instance) LogDays() int {
	if i.Production {
		return 90
	}
	return 30
}

// GlobalSeeds are the seeds for names that are unique within an AWS account or the whole world.
func (i Instance) GlobalSeeds() []string { return []string{i.Account, i.Region} }

// Common are the fields that every kind has; specs embed it.
type Common struct {
	Tagged
	DependsOn []string               `json:"dependsOn,omitempty" example:"[queue, jobs/runner]" doc:"Addresses of components that must be complete before the first object of this one is created."`
	Protect   *bool                  `json:"protect,omitempty" unset:"true for RDS and S3, and in production for ElastiCache and SQS; else false" doc:"Never delete or replace it without --allow-data-loss ADDRESS."`
	Moved     *Moved                 `json:"moved,omitempty" doc:"The former address of a renamed component. Its objects are kept."`
	Overrides map[string]value.Value `json:"overrides,omitempty" doc:"A merge patch on the properties of generated AWS resources, by resource name."`
}

// Tagged are the tags that users give at every level: stack, environment, service and component.
type Tagged struct {
	Tags map[string]string `json:"tags,omitempty" scalar:"text" keys:"^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]{1,128}$" keyForm:"the key of a tag: 1 to 128 letters, digits, spaces and _ . : / = + - @" pattern:"^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]{0,256}$" form:"the value of a tag: at most 256 letters, digits, spaces and _ . : / = + - @" example:"{team: shop}" doc:"AWS tags of everything below. Levels add up: stack, environment, service, component; the later one wins. Keys that begin with aws: or deployer: are reserved, and no two keys may differ only in case."`
}

// Using are the grants that a running component asks for; specs of MicroService and Worker embed it. (Its name is not
// Uses: an embedded struct hides a field of its own name.)
type Using struct {
	Uses map[string][]string `json:"uses,omitempty" example:"{queue: [send], uploads: [read, write], api: [connect]}" doc:"What this component may do with others: verbs of their kinds, by address."`
}

func (c *Common) common() *Common          { return c }
func (u *Using) uses() map[string][]string { return u.Uses }

// Statement is one statement of an IAM policy; ARNs may be references.
type Statement struct {
	Sid        string
	Actions    []string
	Resources  []value.Value
	Conditions map[string]map[string]value.Value
}

// Grant is what a component allows a user that has one of its verbs.
type Grant struct {
	Statements []Statement
	// Refused says why this configuration of the component cannot grant the verb; "" when it can.
	Refused string
	// SecurityGroup and Ports are for verbs that open a connection: the user's security group may reach these TCP ports
	// of this group.
	SecurityGroup value.Value // id; Null when the verb opens nothing
	Ports         []int
}

// Generated is an AWS resource, or a group of them, that a kind makes for its components.
type Generated struct {
	Name string // "service"; "schedule-*" stands for all names that begin so
	Type string // of the resource: "ecs/service"
	When string // in words, when it is made; "" always
}

// Names reports whether a resource name belongs to g.
func (g Generated) Names(name string) bool {
	prefix, many := strings.CutSuffix(g.Name, "*")
	return name == g.Name || many && strings.HasPrefix(name, prefix)
}

// Granted is a grant as the using component sees it.
type Granted struct {
	Address string // of the used component
	Verb    string
	Grant   Grant
}

// Demand says that a component needs a shared, synthetic component, and what it needs of it.
type Demand struct {
	Address string // of the synthetic component: "infra/cluster", "infra/ingress", "infra/network"
	From    string // address of the component that needs it; filled by Expand
	// Granted is what From is granted by others; filled by Expand.
	Granted []Granted
	Data    any // input of the synthetic kind: a type that it exports
}

// Context is what Expand gives a kind in addition to its spec.
type Context struct {
	Granted []Granted // from its uses, sorted by address and verb
	// Demands, for synthetic kinds, are the demands on the component. For other kinds they are all demands on the
	// shared components that this component needs, its own included: so all services on a listener see the same set of
	// rules. Sorted by address and From.
	Demands []Demand
	// Shared are the specs of the shared components that this component needs, by address.
	Shared map[string]any
}

// Expansion is what a kind makes of an instance.
type Expansion struct {
	Resources []*resource.Resource   // Component is filled by Expand
	Outputs   map[string]value.Value // by the names in the kind's Outputs
	Notes     []resource.Hint
	// Guarded are the names of the resources that `protect` protects. Nil: all.
	Guarded []string
}

// Kind is one kind of component. Define makes it from typed functions.
type Kind struct {
	Name      string
	Group     string // apiVersion
	Doc       string
	Outputs   []string          // names that references may use
	Verbs     []string          // that `uses` may ask of it
	Resources []Generated       // what overrides may change
	Words     map[string]string // descriptions of outputs and verbs
	// the address of a shared kind without manifest ("infra/cluster"); "" for all others
	Synthetic string

	advice    map[string]string
	newSpec   func() any
	check     func(Instance, any) []value.Problem
	demands   func(Instance, any) []Demand
	grant     func(Instance, any, string) Grant
	protected func(Instance, any) bool
	expand    func(Instance, any, Context) (Expansion, []value.Problem)
}

// Definition is a Kind written with its own spec type S, a struct that embeds Common.
type Definition[S any] struct {
	Name, Group, Doc string
	Outputs, Verbs   []string
	Resources        []Generated // all that it may make, without lookups; required of kinds that have manifests
	Synthetic        string
	// Words describe the outputs and verbs, by name, for the reference.
	Words map[string]string
	// Advice says what to do instead of a key that this version does not have but that people may try, by its dotted
	// path.
	Advice map[string]string

	// Check finds what types cannot express (an impossible CPU and memory pair, ports that conflict). Paths are below
	// spec. Optional.
	Check func(Instance, *S) []value.Problem
	// Demands says which synthetic components an instance needs. Optional.
	Demands func(Instance, *S) []Demand
	// Grant says what `uses: {this: [verb]}` gives; verb is one of Verbs.
	Grant func(i Instance, s *S, verb string) Grant
	// Protected is the default of protect. Optional: false.
	Protected func(Instance, *S) bool
	// Expand makes the AWS resources. It is pure.
	Expand func(Instance, *S, Context) (Expansion, []value.Problem)
}

// Define turns a typed definition into a Kind.
func Define[S any](d Definition[S]) Kind {
	k := Kind{
		Name: d.Name, Group: d.Group, Doc: d.Doc, Outputs: d.Outputs, Verbs: d.Verbs, Resources: d.Resources,
		Words: d.Words, Synthetic: d.Synthetic, advice: d.Advice,
	}
	k.newSpec = func() any { return new(S) }
	if d.Check != nil {
		k.check = func(i Instance, s any) []value.Problem { return d.Check(i, s.(*S)) }
	}
	if d.Demands != nil {
		k.demands = func(i Instance, s any) []Demand { return d.Demands(i, s.(*S)) }
	}
	if d.Grant != nil {
		k.grant = func(i Instance, s any, verb string) Grant { return d.Grant(i, s.(*S), verb) }
	}
	if d.Protected != nil {
		k.protected = func(i Instance, s any) bool { return d.Protected(i, s.(*S)) }
	}
	k.expand = func(i Instance, s any, c Context) (Expansion, []value.Problem) { return d.Expand(i, s.(*S), c) }
	return k
}

// NewSpec returns a pointer to a zero spec, for schema and reference generators and for Decode.
func (k *Kind) NewSpec() any { return k.newSpec() }

// Grant returns what `uses` of an instance gives with one verb, for the reference.
func (k *Kind) Grant(i Instance, verb string) Grant {
	spec := k.newSpec()
	k.decode(i.Spec, spec)
	return k.grant(i, spec, verb)
}

// about is what an instance will be, for people, in one line; "" where the kind says nothing.
func about(i Instance, spec any) string {
	if says, ok := spec.(interface{ About(Instance) string }); ok {
		return says.About(i)
	}
	return ""
}

// Images returns the images that an instance runs, as far as they are known.
func (k *Kind) Images(i Instance) []image.Use {
	spec := k.newSpec()
	runs, ok := spec.(interface{ Images() []image.Use })
	if !ok {
		return nil
	}
	k.decode(i.Spec, spec)
	return runs.Images()
}

// Validate decodes a spec and checks it; problems have paths below spec. validate calls it for every component, before
// Expand.
func (k *Kind) Validate(i Instance) []value.Problem {
	_, problems := k.read(i)
	return problems
}

// read decodes and checks a spec. It checks what could be decoded even when something else could not, so that users see
// all problems at once.
func (k *Kind) read(i Instance) (spec any, problems []value.Problem) {
	spec = k.newSpec()
	problems = k.decode(i.Spec, spec)
	if k.check != nil {
		problems = append(problems, sound(k.check(i, spec), problems, i.Spec)...)
	}
	return spec, problems
}

func (k *Kind) decode(v value.Value, spec any) []value.Problem {
	problems := value.Decode(v, spec)
	for n, p := range problems {
		if advice := k.advice[strings.Join(p.Path, ".")]; advice != "" && p.Kind == value.UnknownKey {
			problems[n].Kind, problems[n].Message, problems[n].Allowed = value.BadValue, advice, nil
		}
	}
	return problems
}

// Registry is the list of kinds.
type Registry struct {
	kinds map[string]*Kind
	later []string
}

// NewRegistry returns a registry of the given kinds. It panics on a repeated name: a programming error.
func NewRegistry(kinds ...Kind) *Registry {
	r := &Registry{kinds: map[string]*Kind{}}
	for _, k := range kinds {
		if r.kinds[k.Name] != nil {
			panic(fmt.Sprintf("component: kind %s registered twice", k.Name))
		}
		r.kinds[k.Name] = &k
	}
	return r
}

// Later names kinds that are documented but that this version does not have, so that errors can say so instead of
// "unknown".
func (r *Registry) Later(names ...string) *Registry { r.later = names; return r }

// IsLater reports whether a later version will have a kind of that name.
func (r *Registry) IsLater(name string) bool { return slices.Contains(r.later, name) }

// Documented returns the names of all documented kinds: Names and the later ones, sorted.
func (r *Registry) Documented() []string {
	names := append(r.Names(), r.later...)
	slices.Sort(names)
	return names
}

// Kind returns the kind of that name; synthetic ones too.
func (r *Registry) Kind(name string) (*Kind, bool) { k, ok := r.kinds[name]; return k, ok }

// Names returns the names of the kinds that manifests may use, sorted.
func (r *Registry) Names() []string {
	var names []string
	for name, k := range r.kinds {
		if k.Group != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
