package service

import (
	"encoding/json"

	"golang.org/x/sync/singleflight"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "tagging", ID: "Resource Groups Tagging API",
	Fix:    tagIndex,
	Access: access.Rules{Prefix: "tag"},
})

// tagIndex lets GetResources answer for the requested ARNs, and end a page only by the number of objects. The emulator
// ignores ResourceARNList, and ends a page at 100 tags.
func tagIndex(p *proxy.Proxy) {
	var asking singleflight.Group
	p.Handle("tagging", "GetResources", func(c *proxy.Call) *proxy.Response {
		var asked map[string]any
		if c.Bind(&asked) != nil {
			return nil
		}
		const plenty = 100000
		names, _ := asked["ResourceARNList"].([]any)
		if len(names) == 0 {
			asked["TagsPerPage"] = plenty
			body, err := json.Marshal(asked)
			if err != nil {
				return c.Failed(err)
			}
			answer, err := c.ForwardBody(body)
			if err != nil {
				return c.Failed(err)
			}
			return answer
		}
		// Calls at the same time share one answer of the emulator, as they would share AWS's index.
		shared, err, _ := asking.Do("", func() (any, error) {
			var all struct{ ResourceTagMappingList []map[string]any }
			in := map[string]any{"TagsPerPage": plenty, "ResourcesPerPage": plenty}
			err := c.JSON("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", in, &all)
			listed := map[any]map[string]any{}
			for _, object := range all.ResourceTagMappingList {
				listed[object["ResourceARN"]] = object
			}
			return listed, err
		})
		if err != nil {
			return c.Failed(err)
		}
		there := []map[string]any{}
		for _, name := range names {
			if object, ok := shared.(map[any]map[string]any)[name]; ok {
				there = append(there, object)
			}
		}
		return proxy.JSONResponse(map[string]any{"ResourceTagMappingList": there, "PaginationToken": ""})
	})
}
