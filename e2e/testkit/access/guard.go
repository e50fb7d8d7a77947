// Package access decides as IAM would. It reads policies, says which actions on which resources a recorded call needs,
// and refuses calls that a policy does not allow. The emulator cannot do it: it ignores resources and conditions, and
// does not see calls that a fake answers.
//
// In: policy documents and the calls of the test proxy. Out: refusals and the requests. It must not know the product.
package access

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// Guard refuses the calls of one access key that its policy does not allow.
type Guard struct {
	world     World
	accessKey string

	mu      sync.Mutex
	policy  *Policy
	asked   map[string]Request
	refused []Request
	scaling map[string]map[string]string // tags of scalable targets by their resource's id
}

// Install puts a guard into a proxy. Calls with other keys pass.
func Install(p *proxy.Proxy, account, accessKey string, policy *Policy) *Guard {
	g := &Guard{
		accessKey: accessKey, policy: policy, asked: map[string]Request{},
		scaling: map[string]map[string]string{},
	}
	g.world = World{Account: account, Tags: g.tags}
	p.Authorize(g.Decide)
	return g
}

// Use replaces the policy.
func (g *Guard) Use(policy *Policy) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.policy = policy
}

// Asked returns every different request so far.
func (g *Guard) Asked() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Request
	for _, r := range g.asked {
		out = append(out, r)
	}
	return out
}

// Refused returns the refused requests.
func (g *Guard) Refused() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Request{}, g.refused...)
}

// Decide returns the refusal of a call, nil when it is allowed.
func (g *Guard) Decide(c *proxy.Call) *proxy.Response {
	if c.AccessKey != g.accessKey {
		return nil
	}
	requests := g.world.Requests(c)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range requests {
		g.asked[fmt.Sprint(r)+fmt.Sprint(r.Context)] = r
	}
	for _, r := range requests {
		if !g.policy.Allows(r) {
			g.refused = append(g.refused, r)
			return c.Failure(http.StatusForbidden, code(c), fmt.Sprintf(
				"User: arn:aws:iam::%s:user/guarded is not authorized to perform: %s on resource: %s because no "+
					"identity-based policy allows the %s action",
				g.world.Account, r.Action, r.Resource, r.Action))
		}
	}
	g.learn(c)
	return nil
}

// code is the service's error code for refusals.
func code(c *proxy.Call) string {
	switch {
	case c.Protocol == proxy.ProtocolEC2:
		return "UnauthorizedOperation"
	case c.Protocol == proxy.ProtocolJSON && c.Service != "sqs":
		return "AccessDeniedException"
	}
	return "AccessDenied"
}

// learn remembers the tags of a new scalable target, under the name in later calls.
func (g *Guard) learn(c *proxy.Call) {
	if c.Service != "application-autoscaling" || c.Operation != "RegisterScalableTarget" {
		return
	}
	var in struct {
		ResourceID string
		Tags       map[string]string
	}
	if c.Bind(&in) == nil && len(in.Tags) > 0 {
		g.scaling[in.ResourceID] = in.Tags
	}
}

// tags asks the emulator for the tags of the object of a request.
func (g *Guard) tags(c *proxy.Call, arn string) map[string]string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || strings.HasSuffix(arn, "/new") {
		return nil
	}
	switch kind, id, _ := strings.Cut(parts[5], "/"); parts[2] + "/" + kind {
	case "ec2/security-group", "ec2/security-group-rule":
		return describeTags(c, id)
	case "servicediscovery/namespace", "servicediscovery/service":
		var out struct{ Tags []struct{ Key, Value string } }
		if c.JSON("servicediscovery", "Route53AutoNaming_v20170314.ListTagsForResource",
			map[string]string{"ResourceARN": arn}, &out) != nil {
			return nil
		}
		tags := map[string]string{}
		for _, tag := range out.Tags {
			tags[tag.Key] = tag.Value
		}
		return tags
	case "application-autoscaling/scalable-target":
		g.mu.Lock()
		defer g.mu.Unlock()
		if known := g.scaling[id]; known != nil {
			return known
		}
		for _, any := range g.scaling {
			return any // by ARN: all targets belong to the stack
		}
	}
	return nil
}

func describeTags(c *proxy.Call, id string) map[string]string {
	answer, err := c.PostForm("ec2", url.Values{
		"Action": {"DescribeTags"}, "Version": {"2016-11-15"}, "Filter.1.Name": {"resource-id"},
		"Filter.1.Value.1": {id},
	})
	if err != nil {
		return nil
	}
	var out struct {
		Tags []struct {
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"tagSet>item"`
	}
	if xml.Unmarshal(answer.Body, &out) != nil {
		return nil
	}
	tags := map[string]string{}
	for _, tag := range out.Tags {
		tags[tag.Key] = tag.Value
	}
	return tags
}
