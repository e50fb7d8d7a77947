// Package sqs holds the typed properties of Amazon SQS resources.
//
// In: literals and references of kinds. Out: structs for value.Encode. Data only; the behaviour is in aws/sqs.
package sqs

import "github.com/company/deployer/internal/value"

// QueueType is the type of a queue.
const QueueType = "sqs/queue"

// SQSManaged is the Encryption of a queue whose keys SQS holds (SSE-SQS).
const SQSManaged = "sqs-managed"

// Queue is an SQS queue. Limits are those of CreateQueue; times are in seconds, sizes in bytes. AWS says that changes of
// attributes take up to 60 s (MessageRetention up to 15 min) to reach all of SQS; nothing waits for that.
type Queue struct {
	// Name is unique in account and region, 1 to 80 characters; a FIFO queue's ends with ".fifo". A change replaces the queue.
	Name string `json:"name" required:"true"`
	// FIFO queues keep the order within a message group. A change replaces the queue.
	FIFO bool `json:"fifo,omitempty"`
	// ContentBasedDeduplication takes a hash of the body as deduplication id; FIFO only.
	ContentBasedDeduplication bool `json:"contentBasedDeduplication,omitempty"`
	// VisibilityTimeout, 0 to 43200 s, 30 by default.
	VisibilityTimeout *int `json:"visibilityTimeout,omitempty"`
	// MessageRetention, 60 to 1209600 s, 4 days by default.
	MessageRetention *int `json:"messageRetention,omitempty"`
	// Delay of every message, 0 to 900 s, 0 by default.
	Delay *int `json:"delay,omitempty"`
	// MaxMessageSize, 1024 to 1048576 bytes, 262144 by default.
	MaxMessageSize *int `json:"maxMessageSize,omitempty"`
	// Redrive moves messages that nobody could process to another queue.
	Redrive *Redrive `json:"redrive,omitempty"`
	// Encryption is "sqs-managed" (the default) or the id, ARN or alias of a KMS key.
	Encryption value.Of[string] `json:"encryption,omitempty"`
	// Tags are the user's own.
	Tags map[string]string `json:"tags,omitempty"`
}

// Redrive says when a message goes to the dead-letter queue.
type Redrive struct {
	// DeadLetterTargetArn is the ARN of a queue of the same account, region and sort (FIFO or not).
	DeadLetterTargetArn value.Of[string] `json:"deadLetterTargetArn"`
	// MaxReceives, 1 to 1000: receives of a message before it moves.
	MaxReceives int `json:"maxReceives"`
}

// QueueOutputs is what AWS adds to a queue.
type QueueOutputs struct {
	URL  string `json:"url"`
	ARN  string `json:"arn"`
	Name string `json:"name"`
}
