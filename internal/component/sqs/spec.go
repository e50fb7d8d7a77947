// Package sqs is the kind SQS: a queue, with an optional dead-letter queue.
//
// In: an instance of the kind. Out: queues, encrypted and reachable over TLS only, and grants to send and to receive.
// It is pure and must not know who uses the queue.
package sqs

import (
	"regexp"
	"time"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec.
type Spec struct {
	component.Common

	FIFO              bool             `json:"fifo,omitempty" doc:"Keep the order within a message group and deliver once. A change replaces the queue by a new, empty one."`
	VisibilityTimeout value.Duration   `json:"visibilityTimeout,omitempty" min:"0s" max:"12h" step:"1s" default:"30s" doc:"How long a received message stays hidden from other receivers; longer than the work on one message takes, and shorter than retention."`
	Retention         value.Duration   `json:"retention,omitempty" min:"60s" max:"14d" step:"1s" default:"4d" doc:"How long a message is kept that no receiver deletes."`
	DeadLetter        *DeadLetter      `json:"deadLetter,omitempty" doc:"Move messages that fail again and again to a second queue, which keeps them for 14 days."`
	Encryption        value.Of[string] `json:"encryption,omitempty" pattern:"^(sqs-managed|(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+|alias/[A-Za-z0-9/_-]+|(mrk-)?[0-9a-f-]{32,36}))$" form:"sqs-managed, or the id, ARN or alias of a KMS key (alias/shop)" default:"sqs-managed" doc:"sqs-managed, or id, ARN or alias of a KMS key."`
}

// DeadLetter says when a message goes to the dead-letter queue.
type DeadLetter struct {
	MaxReceives int `json:"maxReceives" required:"true" min:"1" max:"1000" doc:"Failed receives of a message before it is moved."`
}

// Limits of SQS.
const (
	maxRetention = 14 * 24 * time.Hour
	nameLimit    = 80
	fifoSuffix   = ".fifo"
)

var (
	keyAlias = regexp.MustCompile(`^alias/[A-Za-z0-9/_-]+$`)
	keyID    = regexp.MustCompile(`^(mrk-)?[0-9a-f-]{32,36}$`)
)

func check(_ component.Instance, s *Spec) []value.Problem {
	if s.VisibilityTimeout < s.Retention {
		return nil
	}
	return []value.Problem{component.Invalid([]string{"visibilityTimeout"},
		"must be shorter than retention: a message that fails once would be deleted before "+
			"its next try").RestsOn("retention")}
}
