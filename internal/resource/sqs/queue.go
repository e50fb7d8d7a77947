// Package sqs holds the typed properties of Amazon SQS resources.
//
// In: literals and references of kinds. Out: structs for value.Encode. It is data only and must not know the SDK: the
// behaviour is in aws/sqs.
package sqs

import "github.com/company/deployer/internal/value"

// QueueType is the type of a queue.
const QueueType = "sqs/queue"

// SQSManaged is the Encryption of a queue whose keys SQS holds (SSE-SQS).
const SQSManaged = "sqs-managed"

// Queue is an SQS queue. Limits are those of CreateQueue; times are in seconds, sizes in bytes. AWS says that changes
// of attributes reach all of SQS after up to 60 s (MessageRetention up to 15 min). Nothing waits for that.
type Queue struct {
	Name                      string            `json:"name" required:"true" doc:"Name of the queue, 1 to 80 characters; that of a FIFO queue ends with .fifo."`
	FIFO                      bool              `json:"fifo,omitempty" doc:"Keep the order within a message group."`
	ContentBasedDeduplication bool              `json:"contentBasedDeduplication,omitempty" doc:"Take a hash of the body as deduplication id; FIFO only."`
	VisibilityTimeout         *int              `json:"visibilityTimeout,omitempty" unset:"30" doc:"Seconds that a received message stays hidden, 0 to 43200."`
	MessageRetention          *int              `json:"messageRetention,omitempty" unset:"4 days" doc:"Seconds that a message is kept, 60 to 1209600."`
	Delay                     *int              `json:"delay,omitempty" unset:"0" doc:"Seconds before a new message can be received, 0 to 900."`
	MaxMessageSize            *int              `json:"maxMessageSize,omitempty" unset:"262144" doc:"Bytes of a message, 1024 to 1048576."`
	Redrive                   *Redrive          `json:"redrive,omitempty" doc:"Move messages that nobody could process to another queue."`
	Encryption                value.Of[string]  `json:"encryption,omitempty" unset:"sqs-managed" doc:"sqs-managed, or the id, ARN or alias of a KMS key."`
	Tags                      map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// Redrive says when a message goes to the dead-letter queue.
type Redrive struct {
	DeadLetterTargetArn value.Of[string] `json:"deadLetterTargetArn" doc:"ARN of the other queue, of the same account, region and sort."`
	MaxReceives         int              `json:"maxReceives" doc:"Receives of a message before it moves, 1 to 1000."`
}

// QueueOutputs is what AWS adds to a queue.
type QueueOutputs struct {
	URL  string `json:"url"`
	ARN  string `json:"arn"`
	Name string `json:"name"`
}
