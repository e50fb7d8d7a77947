package proxy

import (
	"encoding/json"
	"regexp"
	"strings"
)

var (
	formTagKey = regexp.MustCompile(
		`^(?:Tags\.(?:member|Tag)\.\d+|Tag\.\d+|TagSpecification\.\d+\.Tag\.\d+)\.Key$`)
	xmlTag = regexp.MustCompile(`<Tag>\s*<Key>([^<]*)</Key>\s*<Value>([^<]*)</Value>`)
)

// Tags are the tags in the call, in all forms that services use.
func (c *Call) Tags() map[string]string {
	tags := map[string]string{}
	switch {
	case c.Form != nil:
		for key := range c.Form {
			if formTagKey.MatchString(key) {
				tags[c.Form.Get(key)] = c.Form.Get(strings.TrimSuffix(key, "Key") + "Value")
			}
		}
	case c.Protocol == ProtocolS3 || c.Protocol == ProtocolRESTXML:
		for _, m := range xmlTag.FindAllSubmatch(c.Body, -1) {
			tags[string(m[1])] = string(m[2])
		}
	default:
		var asked struct{ Tags json.RawMessage }
		if json.Unmarshal(c.Body, &asked) == nil {
			tags = JSONTags(asked.Tags)
		}
	}
	return tags
}

// JSONTags reads tags in the two forms that JSON services use.
func JSONTags(tags json.RawMessage) map[string]string {
	out := map[string]string{}
	var list []struct{ Key, Value string }
	if json.Unmarshal(tags, &list) == nil {
		for _, tag := range list {
			out[tag.Key] = tag.Value
		}
		return out
	}
	_ = json.Unmarshal(tags, &out) // on an error there are none
	return out
}
