package awsfix

import (
	"encoding/xml"
	"net/http"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// tagNewBuckets gives a new bucket the tags that CreateBucket asks for, and no others. The emulator ignores them, and gives a bucket the tags of
// a deleted one of its name.
func tagNewBuckets(p *proxy.Proxy) {
	p.Handle("s3", "CreateBucket", func(c *proxy.Call) *proxy.Response {
		there, err := c.Beside(http.MethodHead, "", nil)
		if err != nil || there.Status != http.StatusNotFound {
			return nil // the emulator says itself whose it is
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
