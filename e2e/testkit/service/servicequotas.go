package service

import (
	"net/http"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// quotas are AWS's default values by service and code, but for vCPUs of Fargate, of which a new account may use 6, and
// for rules of a load balancer. The emulator knows those of VPCs alone.
var quotas = map[string]float64{
	"vpc/L-F678F1CE":                  5,   // VPCs
	"vpc/L-FE5A380F":                  5,   // NAT gateways of a zone
	"vpc/L-0EA8095F":                  60,  // rules of a security group in one direction
	"elasticache/L-DFE45DF3":          300, // nodes
	"elasticloadbalancing/L-7EED9B64": 150, // rules of a load balancer; 100 by default
	"elasticloadbalancing/L-822D1B1B": 100, // target groups of a load balancer
	"elasticloadbalancing/L-9365A611": 25,  // certificates of a load balancer, without the default ones
	"fargate/L-3032A538":              1000,
	"fargate/L-36FBB829":              1000, // on Spot
}

var _ = register(Service{
	Name: "servicequotas", ID: "Service Quotas", NameBy: []string{"QuotaCode"},
	Access: access.Rules{Prefix: "servicequotas"},
	Fix: func(p *proxy.Proxy) {
		p.Handle("servicequotas", "GetServiceQuota", func(c *proxy.Call) *proxy.Response {
			var in struct{ ServiceCode, QuotaCode string }
			if err := c.Bind(&in); err != nil {
				return c.Failed(err)
			}
			most, known := quotas[in.ServiceCode+"/"+in.QuotaCode]
			if !known {
				return c.Failure(http.StatusBadRequest, "NoSuchResourceException", "there is no such quota")
			}
			return proxy.JSONResponse(map[string]any{"Quota": map[string]any{
				"ServiceCode": in.ServiceCode, "QuotaCode": in.QuotaCode, "Value": most,
			}})
		})
	},
})
