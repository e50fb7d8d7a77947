package awstest

import (
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	model "github.com/company/deployer/internal/resource/sqs"
)

var _ = liveObjects(answerSQS,
	liveType{file: "SQS-Queue", typ: model.QueueType, explicit: []string{"maxMessageSize"}, props: liveQueue},
	liveType{file: "SQS-QueuePolicy", typ: model.QueuePolicyType, props: func(l live) (any, string, string) {
		url := l.Declared.texts("Queues")[0]
		return model.QueuePolicy{QueueURL: lit(url), Policy: l.Declared.document("PolicyDocument")}, url, ""
	}},
)

func liveQueue(l live) (any, string, string) {
	d := l.Declared
	q := model.Queue{
		Name: l.Live.text("QueueName"), FIFO: d.is("FifoQueue"),
		ContentBasedDeduplication: d.is("ContentBasedDeduplication"),
		VisibilityTimeout:         d.number("VisibilityTimeout"), MessageRetention: d.number("MessageRetentionPeriod"),
		Delay: d.number("DelaySeconds"), MaxMessageSize: d.number("MaximumMessageSize"),
		Encryption: lit(d.text("KmsMasterKeyId")),
		Tags:       d.tags(),
	}
	if r := d.at("RedrivePolicy"); r != nil {
		q.Redrive = &model.Redrive{
			DeadLetterTargetArn: lit(r.text("deadLetterTargetArn")), MaxReceives: r.int("maxReceiveCount"),
		}
	}
	if l.Live["MessageRetentionPeriod"] == nil || l.Live["QueueUrl"] == nil {
		return nil, "", "an object that was not read from SQS: it lacks attributes that every queue has"
	}
	return q, l.Live.text("QueueUrl"), ""
}

func answerSQS(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *sqs.GetQueueAttributesInput:
		attributes := map[string]string{}
		for key, v := range l {
			switch key {
			case "QueueName", "QueueUrl", "Tags", "Queues":
				continue
			case "Arn":
				key = "QueueArn"
			case "PolicyDocument":
				key = "Policy"
			}
			text, ok := v.(string)
			if !ok { // a number, a boolean, a document
				raw, err := json.Marshal(v)
				if err != nil {
					return nil, err
				}
				text = string(raw)
			}
			attributes[key] = text
		}
		return &sqs.GetQueueAttributesOutput{Attributes: attributes}, nil
	case *sqs.ListQueueTagsInput:
		return &sqs.ListQueueTagsOutput{Tags: l.tags()}, nil
	}
	return nil, nil
}
