package awsfix

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// repeatCloudMap makes CreateService and CreatePrivateDnsNamespace return the existing object when their
// CreatorRequestId is repeated. It allows namespaces of several names in one VPC, and lists the services of one
// namespace. The emulator makes a second service of the name, accepts one private namespace per VPC, and ignores the
// filter of the list.
func repeatCloudMap(p *proxy.Proxy) {
	p.Handle("servicediscovery", "CreateService", createService)
	p.Handle("servicediscovery", "ListServices", listServices)
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
		return failure(c, err)
	}
	for _, raw := range list.Services {
		var there cloudMapService
		if err := json.Unmarshal(raw, &there); err != nil {
			return failure(c, err)
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

// listServices applies the filter by namespace.
func listServices(c *proxy.Call) *proxy.Response {
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
		return failure(c, err)
	}
	kept := []json.RawMessage{}
	for _, raw := range list.Services {
		var there cloudMapService
		if err := json.Unmarshal(raw, &there); err != nil {
			return failure(c, err)
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
		return failure(c, err)
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
		return failure(c, err)
	}
	answer, err := c.ForwardBody(body)
	if err != nil {
		return failure(c, err)
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
		return failure(c, err)
	}
	operations[made.Operation.Targets["NAMESPACE"]] = started.OperationID
	return answer
}

// cloudMap makes a Cloud Map call as the caller.
func cloudMap(c *proxy.Call, operation string, in, out any) error {
	return c.JSON("servicediscovery", "Route53AutoNaming_v20170314."+operation, in, out)
}

// failure returns the emulator's error for a call of ours.
func failure(c *proxy.Call, err error) *proxy.Response {
	var passed *proxy.APIError
	if errors.As(err, &passed) {
		return c.Failure(passed.Status, passed.Code, passed.Message)
	}
	return c.Failure(http.StatusInternalServerError, "InternalFailure", err.Error())
}

// refusal is an error answer with additional members.
func refusal(c *proxy.Call, code string, members map[string]string) *proxy.Response {
	answer := c.Failure(http.StatusBadRequest, code, members["Message"])
	members["__type"] = code
	answer.Body = proxy.JSONResponse(members).Body
	return answer
}
