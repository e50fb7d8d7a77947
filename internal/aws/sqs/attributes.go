package sqs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	model "github.com/company/deployer/internal/resource/sqs"
	"github.com/company/deployer/internal/value"
)

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// number is one attribute that is a whole number.
type number struct {
	property  string
	attribute types.QueueAttributeName
	field     func(*model.Queue) **int
	min, max  int
	def       int
}

var numbers = []number{
	{
		"visibilityTimeout", types.QueueAttributeNameVisibilityTimeout,
		func(q *model.Queue) **int { return &q.VisibilityTimeout }, 0, 43200, 30,
	},
	{
		"messageRetention", types.QueueAttributeNameMessageRetentionPeriod,
		func(q *model.Queue) **int { return &q.MessageRetention }, 60, 1209600, 345600,
	},
	{"delay", types.QueueAttributeNameDelaySeconds, func(q *model.Queue) **int { return &q.Delay }, 0, 900, 0},
	{
		"maxMessageSize", types.QueueAttributeNameMaximumMessageSize,
		func(q *model.Queue) **int { return &q.MaxMessageSize }, 1024, 1048576, 262144,
	},
}

func checkQueue(q *model.Queue) []value.Problem {
	var problems value.Problems
	if !nameForm.MatchString(strings.TrimSuffix(q.Name, ".fifo")) || len(q.Name) > 80 {
		problems.Bad("name", "%q is not a queue name: use 1 to 80 letters, digits, hyphens and underscores", q.Name)
	}
	if q.FIFO != strings.HasSuffix(q.Name, ".fifo") {
		problems.Bad("name", "only the name of a FIFO queue ends with .fifo")
	}
	if q.ContentBasedDeduplication && !q.FIFO {
		problems.Bad("contentBasedDeduplication", "only a FIFO queue removes duplicates")
	}
	for _, n := range numbers {
		p := n.field(q)
		if *p == nil {
			def := n.def
			*p = &def
		}
		if **p < n.min || **p > n.max {
			problems.Bad(n.property, "must be from %d to %d, but is %d", n.min, n.max, **p)
		}
	}
	if q.Redrive != nil && (q.Redrive.MaxReceives < 1 || q.Redrive.MaxReceives > 1000) {
		problems.Bad("redrive.maxReceives", "must be from 1 to 1000, but is %d", q.Redrive.MaxReceives)
	}
	q.Encryption = q.Encryption.Or(model.SQSManaged)
	return problems
}

// redrivePolicy is the JSON of the attribute. SQS returns the count as a number, or as text for very old queues.
type redrivePolicy struct {
	DeadLetterTargetArn string          `json:"deadLetterTargetArn"`
	MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
}

// unencrypted is the Encryption that Read returns if somebody switched it off; no desired value equals it.
const unencrypted = "none"

// attributesOf returns every attribute that can change, with an empty text for an unwanted one.
func attributesOf(q model.Queue) (map[string]string, error) {
	out := map[string]string{}
	for _, n := range numbers {
		if p := *n.field(&q); p != nil {
			out[string(n.attribute)] = strconv.Itoa(*p)
		}
	}
	if q.FIFO {
		out[string(types.QueueAttributeNameContentBasedDeduplication)] = strconv.FormatBool(q.ContentBasedDeduplication)
	}
	out[string(types.QueueAttributeNameRedrivePolicy)] = ""
	if q.Redrive != nil {
		doc, err := json.Marshal(redrivePolicy{
			q.Redrive.DeadLetterTargetArn.Get(),
			json.RawMessage(strconv.Itoa(q.Redrive.MaxReceives)),
		})
		if err != nil {
			return nil, err
		}
		out[string(types.QueueAttributeNameRedrivePolicy)] = string(doc)
	}
	switch key := q.Encryption.Get(); key {
	case "", unencrypted:
	case model.SQSManaged:
		out[string(types.QueueAttributeNameSqsManagedSseEnabled)] = "true"
	default: // a KMS key switches SSE-SQS off by itself
		out[string(types.QueueAttributeNameKmsMasterKeyId)] = key
	}
	return out, nil
}

func createAttributes(q model.Queue) (map[string]string, error) {
	out, err := attributesOf(q)
	if err != nil {
		return nil, err
	}
	for name, text := range out {
		if text == "" {
			delete(out, name)
		}
	}
	if q.FIFO {
		out[string(types.QueueAttributeNameFifoQueue)] = "true" // SQS refuses false: the attribute must be absent
	}
	return out, nil
}

// changedAttributes returns what SetQueueAttributes needs to change old to wanted; an empty text removes an attribute.
func changedAttributes(old, wanted model.Queue) (map[string]string, error) {
	was, err := attributesOf(old)
	if err != nil {
		return nil, err
	}
	is, err := attributesOf(wanted)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, text := range is {
		if before, had := was[name]; !had || before != text {
			out[name] = text
		}
	}
	// SSE-SQS and a KMS key exclude each other: a call that sets one must clear the other.
	if _, set := out[string(types.QueueAttributeNameSqsManagedSseEnabled)]; set &&
		was[string(types.QueueAttributeNameKmsMasterKeyId)] != "" {
		out[string(types.QueueAttributeNameKmsMasterKeyId)] = ""
	}
	if _, set := out[string(types.QueueAttributeNameKmsMasterKeyId)]; set &&
		was[string(types.QueueAttributeNameSqsManagedSseEnabled)] == "true" {
		if is[string(types.QueueAttributeNameKmsMasterKeyId)] != "" {
			out[string(types.QueueAttributeNameSqsManagedSseEnabled)] = "false"
		}
	}
	return out, nil
}

func fromAttributes(attributes map[string]string) (model.Queue, error) {
	q := model.Queue{Name: nameOf(attributes[string(types.QueueAttributeNameQueueArn)])}
	q.FIFO = attributes[string(types.QueueAttributeNameFifoQueue)] == "true"
	q.ContentBasedDeduplication = attributes[string(types.QueueAttributeNameContentBasedDeduplication)] == "true"
	for _, n := range numbers {
		v, err := strconv.Atoi(attributes[string(n.attribute)])
		if err != nil {
			return q, fmt.Errorf("sqs:GetQueueAttributes: attribute %s: %w", n.attribute, err)
		}
		*n.field(&q) = &v
	}
	if doc := attributes[string(types.QueueAttributeNameRedrivePolicy)]; doc != "" {
		var policy redrivePolicy
		if err := json.Unmarshal([]byte(doc), &policy); err != nil {
			return q, fmt.Errorf("sqs:GetQueueAttributes: attribute RedrivePolicy: %w", err)
		}
		receives, err := strconv.Atoi(strings.Trim(string(policy.MaxReceiveCount), `"`))
		if err != nil {
			return q, fmt.Errorf("sqs:GetQueueAttributes: attribute RedrivePolicy: %w", err)
		}
		q.Redrive = &model.Redrive{DeadLetterTargetArn: value.Lit(policy.DeadLetterTargetArn), MaxReceives: receives}
	}
	switch key := attributes[string(types.QueueAttributeNameKmsMasterKeyId)]; {
	case key != "":
		q.Encryption = value.Lit(key)
	case attributes[string(types.QueueAttributeNameSqsManagedSseEnabled)] == "true":
		q.Encryption = value.Lit(model.SQSManaged)
	default:
		q.Encryption = value.Lit(unencrypted)
	}
	return q, nil
}

// nameOf returns the last part of a queue's ARN.
func nameOf(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }
