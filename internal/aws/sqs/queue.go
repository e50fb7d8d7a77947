package sqs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/sqs"
	"github.com/company/deployer/internal/value"
)

// blocked is how long SQS may refuse a deleted queue's name (60 s), and how long a deleted queue may still answer.
var blocked = call.Pace{First: time.Second, Longest: 5 * time.Second, Limit: 2 * time.Minute}

type (
	queueCall = resource.Call[model.Queue, model.QueueOutputs]
	queue     struct{ api *sqs.Client }
)

func newQueue(api *sqs.Client) resource.Behaviour {
	q := queue{api}
	return &resource.Typed[model.Queue, model.QueueOutputs]{
		Def: resource.Definition{
			Type: model.QueueType, Version: 1,
			// A FIFO queue has another name than a standard queue, so both can exist.
			ReplaceOn:   []string{"name", "fifo"},
			FindFirst:   true, // CreateQueue answers an existing queue with equal attributes as if it were new
			DataLoss:    true,
			Consequence: queueConsequence, Remark: queueRemark,
			NotYet: []resource.NotYet{{
				Operations: []string{"sqs:CreateQueue", "sqs:SetQueueAttributes"},
				Codes: []string{
					"InvalidParameterValue", "InvalidAttributeValue",
					"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist",
				},
				Says: []string{"dead letter target does not exist"},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{{On: queues(s), Actions: []string{
					"sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueUrl", "sqs:GetQueueAttributes",
					"sqs:SetQueueAttributes",
					"sqs:ListQueueTags", "sqs:TagQueue", "sqs:UntagQueue",
				}}}
			},
		},
		CheckProps: checkQueue, CreateObject: q.create, ReadObject: q.read, UpdateObject: q.update,
		DeleteObject: q.delete, AwaitReady: q.awaitReady,
		Find: q.find, Taggable: true,
		Observe: resource.Observing[model.Queue, model.QueueOutputs]{HealthOf: q.health, Metrics: q.metrics},
	}
}

// queueConsequence: SetQueueAttributes deletes the messages that are older than a shorter retention.
func queueConsequence(c resource.Change) plan.Consequence {
	if was := c.Old.Get("messageRetention").Number(); c.Desired.Get("messageRetention").Number() < was {
		return plan.DataLoss
	}
	return plan.InPlace
}

func queueRemark(c resource.Change) string {
	if queueConsequence(c) != plan.DataLoss {
		return ""
	}
	kept := time.Duration(c.Desired.Get("messageRetention").Number()) * time.Second
	return "messages older than " + value.Duration(kept).String() + " are deleted"
}

func (q queue) create(ctx context.Context, c queueCall) (string, model.QueueOutputs, error) {
	attributes, err := createAttributes(c.Props)
	if err != nil {
		return "", model.QueueOutputs{}, err
	}
	in := &sqs.CreateQueueInput{
		QueueName: &c.Props.Name, Attributes: attributes,
		Tags: tagging.Wanted(c.Tags, c.Props.Tags),
	}
	var url string
	told := false
	err = call.Wait(ctx, blocked, "the name of the deleted queue "+c.Props.Name+" is free again",
		func(ctx context.Context) (bool, error) {
			out, err := q.api.CreateQueue(ctx, in)
			if call.HasCode(err, "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently") {
				if !told {
					c.Progress("waiting up to 60 s: SQS does not accept the name of a queue that was deleted " +
						"a moment ago")
					told = true
				}
				return false, nil
			}
			if err != nil {
				return false, failed(err)
			}
			url = *out.QueueUrl
			return true, nil
		})
	if err != nil {
		return "", model.QueueOutputs{}, err
	}
	return url, model.QueueOutputs{URL: url}, nil
}

// awaitReady waits until a new queue answers: SQS may need a second to know it everywhere.
func (q queue) awaitReady(ctx context.Context, c queueCall) (model.QueueOutputs, error) {
	if c.Out.ARN != "" {
		return c.Out, nil // it has answered before
	}
	out := c.Out
	err := call.Wait(ctx, call.Eventually, "the new queue "+c.Props.Name+" answers",
		func(ctx context.Context) (bool, error) {
			_, found, err := q.attributes(ctx, c.ID)
			if errors.Is(err, resource.ErrNotFound) {
				return false, nil
			}
			if err == nil {
				out = found
			}
			return err == nil, err
		})
	return out, err
}

func (q queue) find(ctx context.Context, c queueCall) (string, map[string]string, error) {
	out, err := q.api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &c.Props.Name})
	if err != nil {
		return "", nil, failed(err)
	}
	tags, err := q.tags(ctx, *out.QueueUrl)
	return *out.QueueUrl, tags, err
}

func (q queue) tags(ctx context.Context, url string) (map[string]string, error) {
	out, err := q.api.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: &url})
	if err != nil {
		return nil, failed(err)
	}
	return out.Tags, nil
}

func (q queue) attributes(ctx context.Context, url string) (map[string]string, model.QueueOutputs, error) {
	out, err := q.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		return nil, model.QueueOutputs{}, failed(err)
	}
	arn := out.Attributes[string(types.QueueAttributeNameQueueArn)]
	return out.Attributes, model.QueueOutputs{URL: url, ARN: arn, Name: nameOf(arn)}, nil
}

func (q queue) read(ctx context.Context, c queueCall) (model.Queue, model.QueueOutputs, error) {
	var attributes, tags map[string]string
	var outputs model.QueueOutputs
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { attributes, outputs, err = q.attributes(ctx, c.ID); return err })
	both.Go(func() (err error) { tags, err = q.tags(ctx, c.ID); return err })
	if err := both.Wait(); err != nil {
		return model.Queue{}, outputs, err
	}
	props, err := fromAttributes(attributes)
	props.Tags = tagging.Seen(c.Request, tags)
	return props, outputs, err
}

func (q queue) update(ctx context.Context, c queueCall) (model.QueueOutputs, error) {
	changed, err := changedAttributes(c.Old, c.Props)
	if err != nil {
		return c.Out, err
	}
	if len(changed) > 0 {
		_, err := q.api.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &c.ID, Attributes: changed})
		if err != nil {
			return c.Out, failed(err)
		}
	}
	return c.Out, tagging.Retag(c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags), func(tags map[string]string) error {
		_, err := q.api.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: &c.ID, Tags: tags})
		return failed(err)
	}, func(keys []string) error {
		_, err := q.api.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: &c.ID, TagKeys: keys})
		return failed(err)
	})
}

func (q queue) delete(ctx context.Context, c queueCall) error {
	if _, err := q.api.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &c.ID}); err != nil {
		return failed(err)
	}
	return call.Wait(ctx, blocked, "the queue "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
		_, _, err := q.attributes(ctx, c.ID)
		if errors.Is(err, resource.ErrNotFound) {
			return true, nil
		}
		return false, err
	})
}
