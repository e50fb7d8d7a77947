package awsfix

import (
	"encoding/json"
	"slices"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// tagIndex lets GetResources answer about the ARNs that it is asked for, and cut pages by the number of objects alone. The emulator ignores
// ResourceARNList, and ends a page at 100 tags.
func tagIndex(p *proxy.Proxy) {
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
				return failure(c, err)
			}
			answer, err := c.ForwardBody(body)
			if err != nil {
				return failure(c, err)
			}
			return answer
		}
		var all struct{ ResourceTagMappingList []map[string]any }
		in := map[string]any{"TagsPerPage": plenty, "ResourcesPerPage": plenty}
		if err := c.JSON("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", in, &all); err != nil {
			return failure(c, err)
		}
		there := slices.DeleteFunc(all.ResourceTagMappingList, func(object map[string]any) bool {
			return !slices.Contains(names, object["ResourceARN"])
		})
		return proxy.JSONResponse(map[string]any{"ResourceTagMappingList": there, "PaginationToken": ""})
	})
}
