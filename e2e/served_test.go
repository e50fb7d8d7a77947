package e2e

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// watched looks after each change of a load balancer whether some requests still reach a target group.
type watched struct {
	mu    sync.Mutex
	urls  []string
	looks int
	gaps  []string
}

// watch begins to look; see proxyCommand.
func (w *world) watch(ts *testscript.TestScript, urls []string) {
	config := w.Config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"),
		ts.Getenv("AWS_SECRET_ACCESS_KEY"), ts.Getenv("AWS_SESSION_TOKEN"))
	client := elb.NewFromConfig(config)
	seen := &watched{urls: urls}
	w.watched = seen
	ts.Check(w.Proxy.Inject(proxy.Fault{
		Filter: proxy.Filter{Service: "elasticloadbalancing", Mutating: true}, Times: -1, Action: proxy.None,
		OnEffect: func(c *proxy.Call) {
			seen.mu.Lock()
			defer seen.mu.Unlock()
			seen.looks++
			for _, u := range seen.urls {
				if err := served(context.Background(), client, u, 0); err != nil {
					seen.gaps = append(seen.gaps, fmt.Sprintf("after %s %s: %v", c.Operation, c.Resource, err))
				}
			}
		},
	}))
}

// served fails unless there was something to look at, and every request was served all the time.
func (w *world) served(ts *testscript.TestScript) {
	w.watched.mu.Lock()
	defer w.watched.mu.Unlock()
	if w.watched.looks == 0 {
		ts.Fatalf("no load balancer was changed")
	}
	if len(w.watched.gaps) > 0 {
		ts.Fatalf("requests were not served:\n%s", strings.Join(w.watched.gaps, "\n"))
	}
}

// served reports whether a listener forwards a request to a target group, or redirects it to one that does.
func served(ctx context.Context, client *elb.Client, link string, redirects int) error {
	u, err := url.Parse(link)
	if err != nil || redirects > 1 {
		return fmt.Errorf("%s: %d redirects, %w", link, redirects, err)
	}
	port := map[string]int32{"http": 80, "https": 443}[u.Scheme]
	balancers, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	for _, b := range balancers.LoadBalancers {
		listeners, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: b.LoadBalancerArn})
		if err != nil {
			return err
		}
		for _, l := range listeners.Listeners {
			if aws.ToInt32(l.Port) != port {
				continue
			}
			found, err := client.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: l.ListenerArn})
			if err != nil {
				return err
			}
			switch action := routed(found.Rules, u); action.Type {
			case types.ActionTypeEnumForward:
				return nil
			case types.ActionTypeEnumRedirect:
				u.Scheme = "https"
				return served(ctx, client, u.String(), redirects+1)
			}
		}
	}
	return fmt.Errorf("nobody serves %s", link)
}

// routed returns the action of the first rule that matches a request.
func routed(rules []types.Rule, u *url.URL) types.Action {
	place := func(r types.Rule) int {
		n, err := strconv.Atoi(aws.ToString(r.Priority))
		if err != nil {
			return 1 << 20 // the default rule
		}
		return n
	}
	slices.SortFunc(rules, func(a, b types.Rule) int { return place(a) - place(b) })
	for _, r := range rules {
		if !slices.ContainsFunc(r.Conditions, func(c types.RuleCondition) bool {
			text, patterns := u.Host, []string(nil)
			switch {
			case c.HostHeaderConfig != nil:
				patterns = c.HostHeaderConfig.Values
			case c.PathPatternConfig != nil:
				text, patterns = u.Path, c.PathPatternConfig.Values
			}
			return !slices.ContainsFunc(patterns, func(p string) bool { return proxy.Glob(p, text) })
		}) {
			return r.Actions[len(r.Actions)-1]
		}
	}
	return types.Action{}
}
