package access

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// Rules are what IAM knows of one service, according to AWS's service authorization reference.
type Rules struct {
	Prefix string // of the service's actions and ARNs
	// Actions are the operations whose IAM action has another name, or that need none, by the operation's name.
	Actions map[string][]string
	// Requests adds what IAM decides about a call. Ids that AWS has not generated yet are "new". nil: the call's own
	// action on "*".
	Requests func(b *Builder)
	// Tags asks the emulator for the tags of an object, by the kind in its ARN: "namespace".
	Tags map[string]func(c *proxy.Call, arn, id string) map[string]string
	// Learn returns the tags that a call gives to an object, for kinds without an entry in Tags.
	Learn func(c *proxy.Call) (id string, tags map[string]string)
}

// ActionsOf returns the IAM actions of an operation.
func (r *Rules) ActionsOf(operation string) []string {
	if needed, special := r.Actions[operation]; special {
		return needed
	}
	return []string{r.Prefix + ":" + operation}
}

// World is what IAM knows besides the request itself.
type World struct {
	Account string
	// Rules returns the rules of a service, by its name in signatures.
	Rules func(service string) *Rules
	// Tags returns the tags of the object that an ARN names.
	Tags func(c *proxy.Call, arn string) map[string]string
}

// Requests returns everything that IAM decides about a call: its action on each resource, tagging on creation, and
// passed roles.
func (w World) Requests(c *proxy.Call) []Request {
	b := &Builder{World: w, Call: c, rules: w.Rules(c.Service), RequestTags: c.Tags()}
	if c.Form == nil {
		_ = json.Unmarshal(c.Body, &b.Body) // S3's XML is read where it matters
	}
	if b.rules.Requests == nil {
		b.On("*")
	} else {
		b.rules.Requests(b)
	}
	return b.out
}

// Builder collects the requests of one call.
type Builder struct {
	World
	Call *proxy.Call
	Body map[string]any
	// RequestTags are the tags in the call. Ask adds them to the context of each request.
	RequestTags map[string]string

	rules *Rules
	ctx   map[string][]string
	out   []Request
}

// Text is a member of the JSON body, "" when it is no text.
func (b *Builder) Text(key string) string {
	s, _ := b.Body[key].(string)
	return s
}

// Texts are the elements of a list in the JSON body.
func (b *Builder) Texts(key string) []string {
	var out []string
	items, _ := b.Body[key].([]any)
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// ARN names an object of the service in the caller's account and region.
func (b *Builder) ARN(name string) string {
	return "arn:aws:" + b.rules.Prefix + ":" + b.Call.Region + ":" + b.Account + ":" + name
}

// Context adds a condition key to the requests that follow; WithoutContext ends that.
func (b *Builder) Context(key string, values ...string) {
	if b.ctx == nil {
		b.ctx = map[string][]string{}
	}
	b.ctx[key] = values
}

// WithoutContext ends what Context began.
func (b *Builder) WithoutContext() { b.ctx = nil }

// On adds the call's own actions on resources.
func (b *Builder) On(resources ...string) {
	for _, action := range b.rules.ActionsOf(b.Call.Operation) {
		b.Ask(action, resources...)
	}
}

// Ask adds an action on resources.
func (b *Builder) Ask(action string, resources ...string) {
	for _, resource := range resources {
		r := Request{Action: action, Resource: resource, Context: map[string][]string{}}
		for key, values := range b.ctx {
			r.Context[key] = values
		}
		for key, value := range b.RequestTags {
			r.Context["aws:RequestTag/"+key] = []string{value}
		}
		if b.Tags != nil && resource != "*" {
			for key, value := range b.Tags(b.Call, resource) {
				r.Context["aws:ResourceTag/"+key] = []string{value}
			}
		}
		b.out = append(b.out, r)
	}
}

// Tagging adds the permission that a creation with tags needs in addition.
func (b *Builder) Tagging(action string, resources ...string) {
	if len(b.RequestTags) > 0 && slices.ContainsFunc([]string{"Create", "Register", "Authorize", "Run"},
		func(verb string) bool { return strings.HasPrefix(b.Call.Operation, verb) }) {
		b.Ask(action, resources...)
	}
}

// Members are the values of a list parameter of the query protocol: Name.member.1, Name.1, Name.member.1.Sub.
func Members(form url.Values, name, sub string) []string {
	var out []string
	for n := 1; ; n++ {
		value := First(form.Get(fmt.Sprintf("%s.member.%d%s", name, n, sub)),
			form.Get(fmt.Sprintf("%s.%d%s", name, n, sub)))
		if value == "" {
			return out
		}
		out = append(out, value)
	}
}

// First is the first text that is not "".
func First(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// Tail is the text after the last slash.
func Tail(text string) string { return text[strings.LastIndex(text, "/")+1:] }
