package service

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// maxTags is how many tags AWS accepts on an object, without its own.
const maxTags = 50

// Tags are the rules of a service for tags.
type Tags struct {
	TooMany string // the error code for more than fifty; "": "TooManyTagsException"
	// Existing returns the tag keys of the object to which an operation adds tags, by operation. For the others, the
	// emulator checks the limit itself.
	Existing map[string]func(*proxy.Call) []string
}

// keepFiftyTags refuses more than fifty tags on an object, including existing ones. The emulator accepts them.
func keepFiftyTags(p *proxy.Proxy) {
	p.Interpose(func(c *proxy.Call) *proxy.Response {
		if !c.Mutating {
			return nil
		}
		keys := map[string]bool{}
		for key := range c.Tags() {
			if !strings.HasPrefix(key, "aws:") {
				keys[key] = true
			}
		}
		if len(keys) == 0 {
			return nil
		}
		rules := registry[c.Service].Tags
		if existing := rules.Existing[c.Operation]; existing != nil {
			for _, key := range existing(c) {
				keys[key] = true
			}
		}
		if len(keys) <= maxTags {
			return nil
		}
		code := rules.TooMany
		if code == "" {
			code = "TooManyTagsException"
		}
		return c.Failure(http.StatusBadRequest, code,
			"The object would have "+strconv.Itoa(len(keys))+" tags, and 50 are allowed")
	})
}

// listedTags asks for the tag keys of the object that the member names, with ListTagsForResource of a JSON service.
func listedTags(service, target, member string) func(*proxy.Call) []string {
	return func(c *proxy.Call) []string {
		asked := map[string]any{}
		_ = json.Unmarshal(c.Body, &asked) // the SDK's own JSON
		var out struct{ Tags json.RawMessage }
		if c.JSON(service, target+"ListTagsForResource", map[string]any{member: asked[member]}, &out) != nil {
			return nil
		}
		return slices.Collect(maps.Keys(proxy.JSONTags(out.Tags)))
	}
}

// queriedTags asks for the tag keys of the object that the parameter names, with an operation of a query service.
func queriedTags(service, version, action, parameter string) func(*proxy.Call) []string {
	return func(c *proxy.Call) []string {
		document, err := c.Ask(service, version, action, parameter, c.Form.Get(parameter))
		if err != nil {
			return nil
		}
		tags, _ := proxy.Flatten(document, "Tags", "member") // none if the answer has another form
		var keys []string
		for _, tag := range tags {
			keys = append(keys, tag["Key"])
		}
		return keys
	}
}
