package service

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

const cloudMapTarget = "Route53AutoNaming_v20170314."

var _ = register(Service{
	Name:   "servicediscovery",
	NameBy: []string{"Name", "Id", "ServiceId", "NamespaceId", "ResourceARN"},
	Fix:    repeatCloudMap,
	Tags: Tags{Existing: map[string]func(*proxy.Call) []string{
		"TagResource": listedTags("servicediscovery", cloudMapTarget, "ResourceARN"),
	}},
	Late: []late.Class{
		{
			Made: "servicediscovery:GetOperation",
			ID:   regexp.MustCompile(`"NAMESPACE": ?"(ns-[^"]+)"`),
			Unknown: []late.Ignorance{
				{
					Operations: []string{"servicediscovery:CreateService"}, Code: "NamespaceNotFound",
					Message: "The namespace ID can't be found.",
				},
			},
		},
	},
	Inventory: inventory.Source{List: listCloudMap},
	Access: access.Rules{
		Requests: accessCloudMap,
		Tags: map[string]func(*proxy.Call, string, string) map[string]string{
			"namespace": tagsOfCloudMap, "service": tagsOfCloudMap,
		},
	},
	Unasked: map[string]string{
		"route53:AssociateVPCWithHostedZone": ForCaller, "route53:ChangeResourceRecordSets": ForCaller,
		"route53:CreateHostedZone": ForCaller, "route53:DeleteHostedZone": ForCaller,
		"route53:GetHostedZone": ForCaller, "route53:ListHostedZonesByName": ForCaller,
	},
	Types: map[string]ByHand{
		"servicediscovery/namespace": {Needed: true},
		"servicediscovery/service":   {Property: "ttl", To: 99, Needed: true},
	},
})

func listCloudMap(l *inventory.Lister) error {
	client := servicediscovery.NewFromConfig(l.Config)
	spaces, err := client.ListNamespaces(l, &servicediscovery.ListNamespacesInput{})
	if err != nil {
		return err
	}
	for _, n := range spaces.Namespaces {
		if err := l.Add("namespace", *n.Name); err != nil {
			return err
		}
	}
	services, err := client.ListServices(l, &servicediscovery.ListServicesInput{})
	if err != nil {
		return err
	}
	for _, s := range services.Services {
		routing := ""
		if s.DnsConfig != nil {
			routing = fmt.Sprint(s.DnsConfig.RoutingPolicy, " ", len(s.DnsConfig.DnsRecords))
		}
		if err := l.Add("discovery service", *s.Name, routing); err != nil {
			return err
		}
	}
	return nil
}

func accessCloudMap(b *access.Builder) {
	id := access.First(b.Text("Id"), b.Text("ServiceId"))
	switch b.Call.Operation {
	case "GetNamespace", "DeleteNamespace":
		b.On(b.ARN("namespace/" + id))
	case "GetService", "DeleteService", "UpdateService":
		b.On(b.ARN("service/" + id))
	case "CreateService":
		b.On(b.ARN("namespace/"+access.First(b.Text("NamespaceId"), namespaceOfDNS(b))), b.ARN("service/new"))
	default:
		b.On("*")
	}
	b.Tagging("servicediscovery:TagResource", "*")
}

func namespaceOfDNS(b *access.Builder) string {
	var in struct{ DNSConfig struct{ NamespaceID string } }
	_ = json.Unmarshal(b.Call.Body, &in) // the SDK's own JSON
	return in.DNSConfig.NamespaceID
}

func tagsOfCloudMap(c *proxy.Call, arn, _ string) map[string]string {
	var out struct{ Tags json.RawMessage }
	if cloudMap(c, "ListTagsForResource", map[string]string{"ResourceARN": arn}, &out) != nil {
		return nil
	}
	return proxy.JSONTags(out.Tags)
}

// repeatCloudMap makes CreateService and CreatePrivateDnsNamespace return the existing object when their
// CreatorRequestId is repeated. It allows namespaces of several names in one VPC, and lists the services of one
// namespace. The emulator makes a second service of the name, accepts one private namespace per VPC, and ignores the
// filter of the list.
func repeatCloudMap(p *proxy.Proxy) {
	p.Handle("servicediscovery", "CreateService", createService)
	p.Handle("servicediscovery", "ListServices", listCloudMapServices)
	// The operation that made a namespace, by the namespace's id. Asking the emulator for it would lose others.
	operations := map[string]string{}
	p.OnReset(func() { clear(operations) })
	p.Handle("servicediscovery", "CreatePrivateDnsNamespace", func(c *proxy.Call) *proxy.Response {
		return createNamespace(c, operations)
	})
}

// cloudMapService is the identity of a service.
type cloudMapService struct {
	ID                string `json:"Id"`
	Name              string
	NamespaceID       string `json:"NamespaceId"`
	CreatorRequestID  string `json:"CreatorRequestId"`
	Type              any
	DNSConfig         any `json:"DnsConfig"`
	HealthCheckConfig any
	CustomHealth      any `json:"HealthCheckCustomConfig"`
}

func createService(c *proxy.Call) *proxy.Response {
	var asked cloudMapService
	if c.Bind(&asked) != nil {
		return nil
	}
	var list struct{ Services []json.RawMessage }
	if err := cloudMap(c, "ListServices", map[string]any{}, &list); err != nil {
		return c.Failed(err)
	}
	for _, raw := range list.Services {
		var there cloudMapService
		if err := json.Unmarshal(raw, &there); err != nil {
			return c.Failed(err)
		}
		if there.NamespaceID != asked.NamespaceID || !strings.EqualFold(there.Name, asked.Name) {
			continue
		}
		made := there
		made.ID = ""
		if asked.CreatorRequestID != "" && reflect.DeepEqual(made, asked) {
			return proxy.JSONResponse(map[string]any{"Service": raw})
		}
		return refusal(c, "ServiceAlreadyExists", map[string]string{
			"Message": "Service already exists.", "ServiceId": there.ID, "CreatorRequestId": there.CreatorRequestID,
		})
	}
	return nil
}

// listCloudMapServices applies the filter by namespace.
func listCloudMapServices(c *proxy.Call) *proxy.Response {
	var asked struct {
		Filters []struct {
			Name   string
			Values []string
		}
	}
	if c.Bind(&asked) != nil || len(asked.Filters) == 0 {
		return nil
	}
	var list struct{ Services []json.RawMessage }
	if err := cloudMap(c, "ListServices", map[string]any{}, &list); err != nil {
		return c.Failed(err)
	}
	kept := []json.RawMessage{}
	for _, raw := range list.Services {
		var there cloudMapService
		if err := json.Unmarshal(raw, &there); err != nil {
			return c.Failed(err)
		}
		wanted := true
		for _, f := range asked.Filters {
			wanted = wanted && (f.Name != "NAMESPACE_ID" || slices.Contains(f.Values, there.NamespaceID))
		}
		if wanted {
			kept = append(kept, raw)
		}
	}
	return proxy.JSONResponse(map[string]any{"Services": kept})
}

func createNamespace(c *proxy.Call, operations map[string]string) *proxy.Response {
	var asked map[string]any
	if c.Bind(&asked) != nil {
		return nil
	}
	name, _ := asked["Name"].(string)
	vpc, _ := asked["Vpc"].(string)
	token, _ := asked["CreatorRequestId"].(string)
	var list struct {
		Namespaces []struct {
			ID               string `json:"Id"`
			Name             string
			CreatorRequestID string `json:"CreatorRequestId"`
		}
	}
	if err := cloudMap(c, "ListNamespaces", map[string]any{}, &list); err != nil {
		return c.Failed(err)
	}
	for _, there := range list.Namespaces {
		if operation := operations[there.ID]; operation != "" && token != "" && there.CreatorRequestID == token &&
			strings.EqualFold(there.Name, name) {
			return proxy.JSONResponse(map[string]any{"OperationId": operation})
		}
	}
	// The emulator only compares this with the VPCs of other namespaces: with the name added, equal names conflict.
	asked["Vpc"] = vpc + "/" + strings.ToLower(name)
	body, err := json.Marshal(asked)
	if err != nil {
		return c.Failed(err)
	}
	answer, err := c.ForwardBody(body)
	if err != nil {
		return c.Failed(err)
	}
	var started struct {
		OperationID string `json:"OperationId"`
	}
	if answer.Status >= 300 || json.Unmarshal(answer.Body, &started) != nil {
		return answer
	}
	var made struct {
		Operation struct{ Targets map[string]string }
	}
	if err := cloudMap(c, "GetOperation", map[string]any{"OperationId": started.OperationID}, &made); err != nil {
		return c.Failed(err)
	}
	operations[made.Operation.Targets["NAMESPACE"]] = started.OperationID
	return answer
}

// cloudMap makes a Cloud Map call as the caller.
func cloudMap(c *proxy.Call, operation string, in, out any) error {
	return c.JSON("servicediscovery", cloudMapTarget+operation, in, out)
}

// refusal is an error answer with additional members.
func refusal(c *proxy.Call, code string, members map[string]string) *proxy.Response {
	answer := c.Failure(http.StatusBadRequest, code, members["Message"])
	members["__type"] = code
	answer.Body = proxy.JSONResponse(members).Body
	return answer
}
