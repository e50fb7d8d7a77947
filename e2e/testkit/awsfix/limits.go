package awsfix

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// maxTags is how many tags AWS accepts on an object, without its own.
const maxTags = 50

// keepLimits refuses what exceeds AWS's limits but not the emulator's: more than fifty tags on an object, including
// existing ones, and more than six wildcards in a rule of a load balancer. It also lifts the emulator's limit of ten
// tags on load balancers.
func keepLimits(p *proxy.Proxy) {
	p.Interpose(func(c *proxy.Call) *proxy.Response {
		keys := tagKeys(c)
		if !c.Mutating || len(keys) == 0 {
			return nil
		}
		for _, key := range present(c) {
			keys[key] = true
		}
		if len(keys) <= maxTags {
			return nil
		}
		code := tooManyTags[c.Service]
		if code == "" {
			code = "TooManyTagsException"
		}
		return c.Failure(http.StatusBadRequest, code,
			"The object would have "+strconv.Itoa(len(keys))+" tags, and 50 are allowed")
	})
	p.Interpose(func(c *proxy.Call) *proxy.Response {
		if c.Service != "elasticloadbalancing" || c.Operation != "CreateRule" && c.Operation != "ModifyRule" {
			return nil
		}
		wildcards := 0
		for key := range c.Form {
			if conditionValue.MatchString(key) {
				wildcards += strings.Count(c.Form.Get(key), "*") + strings.Count(c.Form.Get(key), "?")
			}
		}
		if wildcards <= 6 {
			return nil
		}
		return c.Failure(http.StatusBadRequest, "ValidationError", "A rule can only have '6' condition wildcards")
	})
	p.Handle("elasticloadbalancing", "AddTags", func(c *proxy.Call) *proxy.Response {
		// The emulator takes any number of tags on an object that has none.
		there := present(c)
		arn := c.Form.Get("ResourceArns.member.1")
		if len(there) == 0 || c.Form.Has("ResourceArns.member.2") {
			return nil
		}
		found, err := query(c, "elasticloadbalancing", elbVersion, "DescribeTags", "ResourceArns.member.1", arn)
		if err != nil {
			return failure(c, err)
		}
		tags, err := flatten(found, "Tags", "member")
		if err != nil {
			return failure(c, err)
		}
		all := map[string]string{}
		for _, tag := range tags {
			all[tag["Key"]] = tag["Value"]
		}
		for n := 1; c.Form.Has("Tags.member." + strconv.Itoa(n) + ".Key"); n++ {
			member := "Tags.member." + strconv.Itoa(n)
			all[c.Form.Get(member+".Key")] = c.Form.Get(member + ".Value")
		}
		remove, add := []string{"ResourceArns.member.1", arn}, []string{"ResourceArns.member.1", arn}
		for i, key := range there {
			remove = append(remove, "TagKeys.member."+strconv.Itoa(i+1), key)
		}
		n := 0
		for key, text := range all {
			n++
			member := "Tags.member." + strconv.Itoa(n)
			add = append(add, member+".Key", key, member+".Value", text)
		}
		if _, err := query(c, "elasticloadbalancing", elbVersion, "RemoveTags", remove...); err != nil {
			return failure(c, err)
		}
		answer, err := query(c, "elasticloadbalancing", elbVersion, "AddTags", add...)
		if err != nil {
			return failure(c, err)
		}
		return proxy.XMLResponse(string(answer))
	})
}

// tooManyTags are the error codes of services that have one of their own.
var tooManyTags = map[string]string{
	"ec2": "TagLimitExceeded", "ecs": "InvalidParameterException", "elasticloadbalancing": "TooManyTags",
	"iam": "LimitExceeded",
	"s3":  "InvalidTag", "sqs": "OverLimit",
}

var (
	formTagKey     = regexp.MustCompile(`^(?:Tags\.member\.\d+|Tag\.\d+|TagSpecification\.\d+\.Tag\.\d+)\.Key$`)
	conditionValue = regexp.MustCompile(`^Conditions\.member\.\d+\..*Values\.member\.\d+$`)
	xmlTagKey      = regexp.MustCompile(`<Tag>\s*<Key>([^<]*)</Key>`)
)

// tagKeys are the keys of the tags in a call, without those of AWS.
func tagKeys(c *proxy.Call) map[string]bool {
	keys := map[string]bool{}
	switch {
	case c.Form != nil:
		for name := range c.Form {
			if formTagKey.MatchString(name) {
				keys[c.Form.Get(name)] = true
			}
		}
	case c.Protocol == proxy.ProtocolS3:
		if c.Operation == "CreateBucket" || c.Operation == "PutBucketTagging" {
			for _, m := range xmlTagKey.FindAllSubmatch(c.Body, -1) {
				keys[string(m[1])] = true
			}
		}
	case c.Protocol == proxy.ProtocolJSON && c.Service != "tagging":
		var asked struct{ Tags json.RawMessage }
		if json.Unmarshal(c.Body, &asked) == nil {
			keys = keysOf(asked.Tags)
		}
	}
	for key := range keys {
		if strings.HasPrefix(key, "aws:") {
			delete(keys, key)
		}
	}
	return keys
}

// keysOf reads tags in the two forms that JSON services use.
func keysOf(tags json.RawMessage) map[string]bool {
	keys := map[string]bool{}
	var list []struct{ Key string }
	if json.Unmarshal(tags, &list) == nil {
		for _, tag := range list {
			keys[tag.Key] = true
		}
		return keys
	}
	var object map[string]string
	_ = json.Unmarshal(tags, &object) // on an error there are none
	for key := range object {
		keys[key] = true
	}
	return keys
}

// present are the tag keys of the object to which a call adds tags. For services that are not listed here, the emulator
// checks the limit itself.
func present(c *proxy.Call) []string {
	var keys []string
	listed := func(service, target, name string) {
		arn := map[string]any{}
		_ = json.Unmarshal(c.Body, &arn) // the SDK's own JSON
		var out struct{ Tags json.RawMessage }
		if c.JSON(service, target+".ListTagsForResource", map[string]any{name: arn[name]}, &out) == nil {
			for key := range keysOf(out.Tags) {
				keys = append(keys, key)
			}
		}
	}
	queried := func(service, version, action, list string, pairs ...string) {
		document, err := query(c, service, version, action, pairs...)
		if err != nil {
			return
		}
		tags, _ := flatten(document, list, "member") // none if the answer has another form
		for _, tag := range tags {
			keys = append(keys, tag["Key"])
		}
	}
	switch c.Service + ":" + c.Operation {
	case "elasticloadbalancing:AddTags":
		queried("elasticloadbalancing", elbVersion, "DescribeTags", "Tags", "ResourceArns.member.1",
			c.Form.Get("ResourceArns.member.1"))
	case "iam:TagRole":
		queried("iam", "2010-05-08", "ListRoleTags", "Tags", "RoleName", c.Form.Get("RoleName"))
	case "ecs:TagResource":
		listed("ecs", "AmazonEC2ContainerServiceV20141113", "resourceArn")
	case "logs:TagResource":
		listed("logs", "Logs_20140328", "resourceArn")
	case "servicediscovery:TagResource":
		listed("servicediscovery", "Route53AutoNaming_v20170314", "ResourceARN")
	}
	return keys
}
