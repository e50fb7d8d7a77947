// Package access decides as IAM would. It reads policies, says which actions on which resources a recorded call needs,
// and refuses calls that a policy does not allow. The emulator cannot do it: it ignores resources and conditions, and
// does not see calls that a fake answers.
//
// In: policy documents and the calls of the test proxy. Out: refusals and the requests. It must not know the product.
package access

import (
	"fmt"
	"net/http"
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
	learned map[string]map[string]map[string]string // tags by service and id
}

// Install puts a guard into a proxy, with the rules of each service by its name in signatures. Calls with other keys
// pass.
func Install(p *proxy.Proxy, rules func(service string) *Rules, account, accessKey string, policy *Policy) *Guard {
	g := &Guard{
		accessKey: accessKey, policy: policy, asked: map[string]Request{},
		learned: map[string]map[string]map[string]string{},
	}
	g.world = World{Account: account, Rules: rules, Tags: g.tags}
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

// learn remembers the tags of a new object that the emulator cannot be asked for.
func (g *Guard) learn(c *proxy.Call) {
	rules := g.world.Rules(c.Service)
	if rules.Learn == nil {
		return
	}
	if id, tags := rules.Learn(c); len(tags) > 0 {
		if g.learned[rules.Prefix] == nil {
			g.learned[rules.Prefix] = map[string]map[string]string{}
		}
		g.learned[rules.Prefix][id] = tags
	}
}

// tags are those of the object of a request.
func (g *Guard) tags(c *proxy.Call, arn string) map[string]string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || strings.HasSuffix(arn, "/new") {
		return nil
	}
	kind, id, _ := strings.Cut(parts[5], "/")
	rules := g.world.Rules(parts[2])
	if ask := rules.Tags[kind]; ask != nil {
		return ask(c, arn, id)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if known := g.learned[rules.Prefix][id]; known != nil {
		return known
	}
	for _, any := range g.learned[rules.Prefix] {
		return any // by another name: all of them belong to the stack
	}
	return nil
}
