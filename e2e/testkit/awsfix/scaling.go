package awsfix

import (
	"encoding/json"
	"maps"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// tagScalableTargets stores the tags of scalable targets. The emulator loses them and has no calls for them.
func tagScalableTargets(p *proxy.Proxy) {
	tags := map[string]map[string]string{} // by ARN, which is unique in the emulator
	p.OnReset(func() { clear(tags) })
	p.Handle("application-autoscaling", "RegisterScalableTarget", func(c *proxy.Call) *proxy.Response {
		var asked struct{ Tags map[string]string }
		if c.Bind(&asked) != nil {
			return nil
		}
		answer, err := c.Forward()
		if err != nil {
			return failure(c, err)
		}
		var made struct{ ScalableTargetARN string }
		if answer.Status < 300 && json.Unmarshal(answer.Body, &made) == nil && tags[made.ScalableTargetARN] == nil {
			tags[made.ScalableTargetARN] = maps.Clone(asked.Tags) // AWS accepts them for a new target only
		}
		return answer
	})
	tagging := func(operation string, change func(of map[string]string, asked tagRequest)) {
		p.Handle("application-autoscaling", operation, func(c *proxy.Call) *proxy.Response {
			var asked tagRequest
			if c.Bind(&asked) != nil {
				return nil
			}
			of := tags[asked.ResourceARN]
			if of == nil {
				of = map[string]string{}
				tags[asked.ResourceARN] = of
			}
			change(of, asked)
			if len(of) > maxTags {
				for key := range asked.Tags { // which were not there: the product adds none twice beside its own
					delete(of, key)
				}
				return c.Failure(400, "TooManyTagsException", "The object would have more than 50 tags")
			}
			if operation == "ListTagsForResource" {
				return proxy.JSONResponse(map[string]any{"Tags": of})
			}
			return proxy.JSONResponse(map[string]any{})
		})
	}
	tagging("ListTagsForResource", func(map[string]string, tagRequest) {})
	tagging("TagResource", func(of map[string]string, asked tagRequest) { maps.Copy(of, asked.Tags) })
	tagging("UntagResource", func(of map[string]string, asked tagRequest) {
		for _, key := range asked.TagKeys {
			delete(of, key)
		}
	})
}

// tagRequest is what the calls about tags ask for.
type tagRequest struct {
	ResourceARN string
	Tags        map[string]string
	TagKeys     []string
}
