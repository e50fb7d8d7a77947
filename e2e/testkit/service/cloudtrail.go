package service

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// The emulator keeps no events. The proxy does: of every call that changed something, whoever made it. A lookup finds
// those whose parameters hold the name, newest first; AWS would have them a few minutes later.
var _ = register(Service{
	Name: "cloudtrail", ID: "CloudTrail",
	Access:  access.Rules{Requests: func(b *access.Builder) { b.On("*") }},
	Fix:     trail,
	Unasked: map[string]string{"cloudtrail:LookupEvents": "drift, which is no part of the life of a stack"},
})

// happened is a call that took effect.
type happened struct {
	at         time.Time
	seq        int
	region     string
	service    string
	operation  string
	agent      string
	parameters string
}

func trail(p *proxy.Proxy) {
	var mu sync.Mutex
	var all []happened
	p.Watch(func(c *proxy.Call, answer *proxy.Response) {
		if !c.Mutating || answer.Status >= http.StatusMultipleChoices || c.Service == "s3" || c.Service == "dynamodb" {
			return
		}
		parameters := string(c.Body)
		if decoded, err := url.QueryUnescape(parameters); err == nil {
			parameters = decoded
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, happened{
			time.Now(), c.Seq, c.Region, c.Service, c.Operation, c.Header.Get("User-Agent"), parameters,
		})
	})
	p.Handle("cloudtrail", "LookupEvents", func(c *proxy.Call) *proxy.Response {
		var in struct {
			StartTime        float64
			LookupAttributes []struct{ AttributeKey, AttributeValue string }
		}
		if err := c.Bind(&in); err != nil || len(in.LookupAttributes) != 1 ||
			in.LookupAttributes[0].AttributeKey != "ResourceName" {
			return c.Failure(http.StatusBadRequest, "InvalidLookupAttributesException",
				"one ResourceName is known here")
		}
		mu.Lock()
		defer mu.Unlock()
		events := []map[string]any{}
		for _, h := range slices.Backward(all) {
			if h.at.Before(time.Unix(0, int64(in.StartTime*1e9))) || len(events) == 50 ||
				!strings.Contains(h.parameters, in.LookupAttributes[0].AttributeValue) {
				continue
			}
			own, err := json.Marshal(map[string]any{
				"userIdentity": map[string]any{
					"type": "AssumedRole", "arn": "arn:aws:sts::" + "123456789012:assumed-role/Operators/alice",
					"sessionContext": map[string]any{"sessionIssuer": map[string]any{"userName": "Operators"}},
				},
				"sourceIPAddress": "203.0.113.7", "userAgent": h.agent,
			})
			if err != nil {
				return c.Failed(err)
			}
			events = append(events, map[string]any{
				"EventId": fmt.Sprintf("event-%d", h.seq), "EventName": h.operation, "ReadOnly": "false",
				"EventTime": float64(h.at.UnixMilli()) / 1000, "EventSource": h.service + ".amazonaws.com",
				"Username": "alice", "CloudTrailEvent": string(own),
			})
		}
		body, err := json.Marshal(map[string]any{"Events": events})
		if err != nil {
			return c.Failed(err)
		}
		return &proxy.Response{
			Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: body,
		}
	})
}
