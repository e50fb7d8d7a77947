// Package sqs is the kind SQS: a queue, with a dead-letter queue when asked for.
//
// In: an instance of the kind. Out: queues, encrypted and reachable over TLS only, and grants to send and to receive.
package sqs

import (
	"regexp"
	"time"

	"github.com/company/deployer/internal/component"
	queue "github.com/company/deployer/internal/resource/sqs"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec.
type Spec struct {
	component.Common

	FIFO              bool             `json:"fifo,omitempty" doc:"Keep the order within a message group and deliver once. Cannot be changed without a new, empty queue."`
	VisibilityTimeout *value.Duration  `json:"visibilityTimeout,omitempty" doc:"How long a received message stays hidden from other receivers, up to 12h; longer than the work on one message takes. Default 30s."`
	Retention         *value.Duration  `json:"retention,omitempty" doc:"How long a message that nobody takes is kept, 60s to 14d. Default 4d."`
	DeadLetter        *DeadLetter      `json:"deadLetter,omitempty" doc:"Move messages that fail again and again to a second queue, which keeps them for 14 days."`
	Encryption        value.Of[string] `json:"encryption,omitempty" doc:"sqs-managed, or id, ARN or alias of a KMS key. Default sqs-managed."`
}

// DeadLetter says when a message is given up.
type DeadLetter struct {
	MaxReceives int `json:"maxReceives" required:"true" doc:"Failed receives of a message before it is moved, 1 to 1000."`
}

// Limits of SQS.
const (
	maxVisibility   = 12 * time.Hour
	minRetention    = time.Minute
	maxRetention    = 14 * 24 * time.Hour
	maxReceives     = 1000
	nameLimit       = 80
	fifoSuffix      = ".fifo"
	defaultLifetime = 4 * 24 * time.Hour
)

var (
	keyARN   = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+$`)
	keyAlias = regexp.MustCompile(`^alias/[A-Za-z0-9/_-]+$`)
	keyID    = regexp.MustCompile(`^(mrk-)?[0-9a-f-]{32,36}$`)
)

func check(_ component.Instance, s *Spec) []value.Problem {
	var problems []value.Problem
	whole := func(key string, d *value.Duration, least, most time.Duration, span string) {
		if d == nil {
			return
		}
		if t := time.Duration(*d); t < least || t > most || t%time.Second != 0 {
			problems = append(problems, component.Invalid([]string{key}, "must be from %s, in whole seconds", span))
		}
	}
	whole("visibilityTimeout", s.VisibilityTimeout, 0, maxVisibility, "0s to 12h")
	whole("retention", s.Retention, minRetention, maxRetention, "60s to 14d")
	if len(problems) == 0 && s.VisibilityTimeout != nil {
		retention := defaultLifetime
		if s.Retention != nil {
			retention = time.Duration(*s.Retention)
		}
		if time.Duration(*s.VisibilityTimeout) >= retention {
			problems = append(problems, component.Invalid([]string{"visibilityTimeout"}, "must be shorter than retention: a message that fails once would be gone before its next try").RestsOn("retention"))
		}
	}
	if d := s.DeadLetter; d != nil && (d.MaxReceives < 1 || d.MaxReceives > maxReceives) {
		problems = append(problems, component.Invalid([]string{"deadLetter", "maxReceives"}, "must be from 1 to %d", maxReceives))
	}
	if text := s.Encryption.Get(); s.Encryption.IsSet() && s.Encryption.Known() && text != queue.SQSManaged &&
		!keyARN.MatchString(text) && !keyAlias.MatchString(text) && !keyID.MatchString(text) {
		problems = append(problems, component.Invalid([]string{"encryption"}, "%q is neither %s nor the id, ARN or alias of a KMS key (alias/shop)", text, queue.SQSManaged))
	}
	return problems
}
