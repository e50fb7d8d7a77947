package awsfix

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// tagNewBuckets gives a new bucket the tags in CreateBucket, and no others. The emulator ignores these tags, and keeps
// the tags of a deleted bucket of the same name. Outside of the standard partition, S3 does not accept tags in this
// call.
func tagNewBuckets(p *proxy.Proxy) {
	p.Handle("s3", "CreateBucket", func(c *proxy.Call) *proxy.Response {
		there, err := c.Beside(http.MethodHead, "", nil)
		if err != nil || there.Status != http.StatusNotFound {
			return nil // the emulator reports the owner itself
		}
		type tag struct{ Key, Value string }
		var asked struct {
			Tags []tag `xml:"Tags>Tag"`
		}
		if len(c.Body) > 0 {
			if err := xml.Unmarshal(c.Body, &asked); err != nil {
				return c.Failure(http.StatusBadRequest, "MalformedXML", err.Error())
			}
		}
		if len(asked.Tags) > 0 && !tagsAtCreation(c.Region) {
			return c.Failure(http.StatusBadRequest, "MalformedXML",
				"The XML you provided was not well-formed or did not validate against our published schema")
		}
		made, err := c.Forward()
		if err != nil {
			return failure(c, err)
		}
		if made.Status >= 300 {
			return made
		}
		method, body := http.MethodDelete, []byte(nil)
		if len(asked.Tags) > 0 {
			method = http.MethodPut
			body, err = xml.Marshal(struct {
				XMLName xml.Name `xml:"Tagging"`
				Tags    []tag    `xml:"TagSet>Tag"`
			}{Tags: asked.Tags})
			if err != nil {
				return failure(c, err)
			}
		}
		tagged, err := c.Beside(method, "tagging", body)
		if err != nil {
			return failure(c, err)
		}
		if tagged.Status >= 300 {
			return tagged
		}
		return made
	})
}

// tagsAtCreation reports whether S3 accepts tags for a new bucket in a region.
func tagsAtCreation(region string) bool {
	for _, other := range []string{"cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"} {
		if strings.HasPrefix(region, other) {
			return false
		}
	}
	return true
}
