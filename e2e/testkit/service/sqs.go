package service

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "sqs", NameBy: []string{"QueueName", "QueueUrl"},
	Fix:  keepQueuePolicies,
	Tags: Tags{TooMany: "OverLimit"},
	Late: []late.Class{
		{
			Made:  "sqs:CreateQueue",
			Asked: true,
			ID:    regexp.MustCompile(`"QueueName":"([^"]+)"`),
			Unknown: []late.Ignorance{
				{
					Operations: []string{"sqs:CreateQueue", "sqs:SetQueueAttributes"}, When: "deadLetterTargetArn",
					Code:    "InvalidParameterValue",
					Message: "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
				},
			},
		},
	},
	Inventory: inventory.Source{List: listQueues},
	Access: access.Rules{Requests: func(b *access.Builder) {
		queue := b.ARN(access.First(b.Text("QueueName"), access.Tail(b.Text("QueueUrl"))))
		b.On(queue)
		b.Tagging("sqs:TagQueue", queue)
	}},
	Types: map[string]ByHand{
		"sqs/queue":        {Property: "visibilityTimeout", To: 99, Indexed: true},
		"sqs/queue-policy": {Property: "policy", To: policyFor("sqs:*", "*")},
	},
})

func listQueues(l *inventory.Lister) error {
	client := sqs.NewFromConfig(l.Config)
	queues, err := client.ListQueues(l, &sqs.ListQueuesInput{})
	if err != nil {
		return err
	}
	for _, url := range queues.QueueUrls {
		attributes, err := client.GetQueueAttributes(l,
			&sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
		if err != nil {
			return err
		}
		labels, err := client.ListQueueTags(l, &sqs.ListQueueTagsInput{QueueUrl: &url})
		if err != nil {
			return err
		}
		maps.DeleteFunc(attributes.Attributes, func(name, _ string) bool {
			return strings.HasSuffix(name, "Timestamp")
		})
		err = l.Add("queue", inventory.Last(url, "/"), attributes.Attributes, inventory.Tags(labels.Tags))
		if err != nil {
			return err
		}
	}
	return nil
}

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
			return c.Failed(err)
		}
		resp, err := c.ForwardBody(body)
		if err != nil {
			return c.Failed(err)
		}
		return resp
	})
}
