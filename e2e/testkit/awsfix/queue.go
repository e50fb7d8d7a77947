package awsfix

import (
	"encoding/json"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// keepQueuePolicies keeps a queue's policy when SetQueueAttributes does not name it. The emulator removes it.
func keepQueuePolicies(p *proxy.Proxy) {
	p.Handle("sqs", "SetQueueAttributes", func(c *proxy.Call) *proxy.Response {
		var asked struct {
			QueueURL   string `json:"QueueUrl"`
			Attributes map[string]string
		}
		if c.Bind(&asked) != nil { // a form, which current SDKs do not send
			return nil
		}
		if _, named := asked.Attributes["Policy"]; named || len(asked.Attributes) == 0 {
			return nil
		}
		var there struct{ Attributes map[string]string }
		in := map[string]any{"QueueUrl": asked.QueueURL, "AttributeNames": []string{"Policy"}}
		if err := c.JSON("sqs", "AmazonSQS.GetQueueAttributes", in, &there); err != nil ||
			there.Attributes["Policy"] == "" {
			return nil // the emulator reports a missing queue itself
		}
		asked.Attributes["Policy"] = there.Attributes["Policy"]
		body, err := json.Marshal(asked)
		if err != nil {
			return failure(c, err)
		}
		resp, err := c.ForwardBody(body)
		if err != nil {
			return failure(c, err)
		}
		return resp
	})
}
