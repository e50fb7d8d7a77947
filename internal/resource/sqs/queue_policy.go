package sqs

import "github.com/company/deployer/internal/value"

// QueuePolicyType is the type of a queue's resource policy. It is a resource of its own because the document names the
// queue's ARN.
const QueuePolicyType = "sqs/queue-policy"

// QueuePolicy is the access policy of a queue. A queue has at most one: an existing one is overwritten.
type QueuePolicy struct {
	QueueURL value.Of[string] `json:"queueUrl" required:"true" doc:"URL of the queue."`
	Policy   value.Value      `json:"policy" required:"true" doc:"Policy document as a map or as JSON text."`
}

// QueuePolicyOutputs is what AWS adds to a queue's policy: nothing.
type QueuePolicyOutputs struct{}
