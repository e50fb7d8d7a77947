package access

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// World is what IAM knows besides the request itself.
type World struct {
	Account string
	// Tags returns the tags of the object that an ARN names.
	Tags func(c *proxy.Call, arn string) map[string]string
}

// Requests returns everything that IAM decides about a call: its action on each resource, tagging on creation, and
// passed roles.
func (w World) Requests(c *proxy.Call) []Request {
	b := &builder{World: w, call: c, prefix: c.Service, tags: map[string]string{}}
	switch c.Service { // a signature may name the service differently than a policy
	case "monitoring":
		b.prefix = "cloudwatch"
	case "tagging":
		b.prefix = "tag"
	}
	if c.Form == nil {
		_ = json.Unmarshal(c.Body, &b.body) // S3's XML is read where it matters
	}
	b.requestTags()
	switch c.Service {
	case "s3":
		b.s3()
	case "sqs":
		name := first(b.text("QueueName"), tail(b.text("QueueUrl")))
		b.on(b.arn(name))
		b.tagging("sqs:TagQueue", b.arn(name))
	case "iam":
		role := fmt.Sprintf("arn:aws:iam::%s:role/%s", w.Account, c.Form.Get("RoleName"))
		b.on(role)
		b.tagging("iam:TagRole", role)
	case "logs":
		b.logs()
	case "ecs":
		b.ecs()
	case "elasticloadbalancing":
		b.elb()
	case "ec2":
		b.ec2()
	case "application-autoscaling":
		b.scaling()
	case "servicediscovery":
		b.cloudMap()
	case "dynamodb":
		key, _ := b.body["Key"].(map[string]any)
		lock, _ := key["lockKey"].(map[string]any)
		if id, ok := lock["S"].(string); ok {
			b.context("dynamodb:LeadingKeys", id)
		}
		b.on(b.arn("table/" + b.text("TableName")))
	case "acm":
		b.on(first(b.text("CertificateArn"), "*"))
	case "secretsmanager":
		id := b.text("SecretId")
		if !strings.HasPrefix(id, "arn:") {
			id = b.arn("secret:" + id + "-AbCdEf")
		}
		b.on(id)
	// a call on no resource, or a service that is new here: only a statement for everything allows it
	default:
		b.on("*")
	}
	return b.out
}

// builder collects the requests of one call.
type builder struct {
	World
	call   *proxy.Call
	prefix string
	body   map[string]any
	tags   map[string]string // of the request
	ctx    map[string][]string
	out    []Request
}

func (b *builder) text(key string) string {
	s, _ := b.body[key].(string)
	return s
}

func (b *builder) texts(key string) []string {
	var out []string
	items, _ := b.body[key].([]any)
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (b *builder) arn(name string) string {
	return "arn:aws:" + b.prefix + ":" + b.call.Region + ":" + b.Account + ":" + name
}

func (b *builder) context(key string, values ...string) {
	if b.ctx == nil {
		b.ctx = map[string][]string{}
	}
	b.ctx[key] = values
}

// on adds the call's own actions on resources.
func (b *builder) on(resources ...string) {
	for _, action := range Actions(b.prefix + ":" + b.call.Operation) {
		b.ask(action, resources...)
	}
}

func (b *builder) ask(action string, resources ...string) {
	for _, resource := range resources {
		r := Request{Action: action, Resource: resource, Context: map[string][]string{}}
		for key, values := range b.ctx {
			r.Context[key] = values
		}
		for key, value := range b.tags {
			r.Context["aws:RequestTag/"+key] = []string{value}
		}
		if b.Tags != nil && resource != "*" {
			for key, value := range b.Tags(b.call, resource) {
				r.Context["aws:ResourceTag/"+key] = []string{value}
			}
		}
		b.out = append(b.out, r)
	}
}

// tagging adds the permission that a creation with tags needs in addition.
func (b *builder) tagging(action string, resources ...string) {
	if len(b.tags) > 0 && (strings.HasPrefix(b.call.Operation, "Create") ||
		strings.HasPrefix(b.call.Operation, "Register") || strings.HasPrefix(b.call.Operation, "Authorize")) {
		b.ask(action, resources...)
	}
}

var tagKey = regexp.MustCompile(`^(?:Tags\.member\.\d+|Tag\.\d+|TagSpecification\.\d+\.Tag\.\d+)\.Key$`)

// requestTags reads the tags of the request in all forms that services use.
func (b *builder) requestTags() {
	for key := range b.call.Form {
		if tagKey.MatchString(key) {
			b.tags[b.call.Form.Get(key)] = b.call.Form.Get(strings.TrimSuffix(key, "Key") + "Value")
		}
	}
	for _, name := range []string{"tags", "Tags"} {
		switch tags := b.body[name].(type) {
		case map[string]any:
			for key, value := range tags {
				b.tags[key], _ = value.(string)
			}
		case []any:
			for _, item := range tags {
				tag, _ := item.(map[string]any)
				key, _ := firstOf(tag, "key", "Key").(string)
				b.tags[key], _ = firstOf(tag, "value", "Value").(string)
			}
		}
	}
}

// members are the values of a list parameter of the query protocol: Name.member.1, Name.1, Name.member.1.Sub.
func members(form url.Values, name, sub string) []string {
	var out []string
	for n := 1; ; n++ {
		value := first(form.Get(fmt.Sprintf("%s.member.%d%s", name, n, sub)),
			form.Get(fmt.Sprintf("%s.%d%s", name, n, sub)))
		if value == "" {
			return out
		}
		out = append(out, value)
	}
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func firstOf(m map[string]any, keys ...string) any {
	for _, key := range keys {
		if v := m[key]; v != nil {
			return v
		}
	}
	return nil
}

func tail(text string) string { return text[strings.LastIndex(text, "/")+1:] }
