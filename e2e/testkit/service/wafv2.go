package service

import (
	"encoding/json"
	"net/http"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "wafv2", ID: "WAFV2", NameBy: []string{"ResourceArn"},
	Fix: oneWebACL,
	// The emulator does not list what a web ACL protects: each load balancer is asked.
	Inventory: inventory.Source{List: listProtected},
	Access:    access.Rules{Requests: webACLAccess},
	Types:     map[string]ByHand{"wafv2/association": {Untried: "it has no tags, and a script of its own"}},
})

func listProtected(l *inventory.Lister) error {
	balancers, err := elb.NewFromConfig(l.Config).DescribeLoadBalancers(l, &elb.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	client := wafv2.NewFromConfig(l.Config)
	for _, b := range balancers.LoadBalancers {
		found, err := client.GetWebACLForResource(l,
			&wafv2.GetWebACLForResourceInput{ResourceArn: b.LoadBalancerArn})
		if err != nil {
			return err
		}
		if found.WebACL == nil {
			continue
		}
		if err := l.Add("web ACL of a load balancer", *b.LoadBalancerName, *found.WebACL.Name); err != nil {
			return err
		}
	}
	return nil
}

// oneWebACL removes the web ACL that a load balancer has before it gets another one: the emulator keeps both.
func oneWebACL(p *proxy.Proxy) {
	p.Handle("wafv2", "AssociateWebACL", func(c *proxy.Call) *proxy.Response {
		var in struct{ ResourceArn string }
		if err := json.Unmarshal(c.Body, &in); err != nil {
			return c.Failure(http.StatusBadRequest, "WAFInvalidParameterException", err.Error())
		}
		if err := c.JSON("wafv2", "AWSWAF_20190729.DisassociateWebACL", in, &struct{}{}); err != nil {
			return c.Failed(err)
		}
		answer, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		return answer
	})
}

func webACLAccess(b *access.Builder) {
	balancer, acl := b.Text("ResourceArn"), b.Text("WebACLArn")
	switch b.Call.Operation {
	case "AssociateWebACL":
		b.On(acl)
		b.Ask("elasticloadbalancing:SetWebAcl", "*")
		b.Ask("elasticloadbalancing:CreateWebACLAssociation", balancer)
	case "GetWebACL":
		b.On(b.ARN("regional/webacl/" + b.Text("Name") + "/" + b.Text("Id")))
	case "DisassociateWebACL":
		b.On(balancer)
		b.Ask("elasticloadbalancing:SetWebAcl", "*")
		b.Ask("elasticloadbalancing:DeleteWebACLAssociation", balancer)
	default:
		b.On(balancer)
		b.Ask("elasticloadbalancing:GetLoadBalancerWebACL", balancer)
		b.Ask("wafv2:GetWebACL", b.ARN("regional/webacl/any/any"))
	}
}
