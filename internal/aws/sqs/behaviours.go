// Package sqs is the behaviour of the Amazon SQS resource types.
//
// In: calls of the resource contract. Out: SQS API calls. It keeps no state and decides nothing that the contract decides.
package sqs

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of SQS. The client is made when the first call needs it.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := sync.OnceValue(func() *api { return newAPI(cfg) })
	return []resource.Behaviour{newQueue(api), newQueuePolicy(api)}
}

// api is the calls that the types make.
type api struct {
	createQueue        func(context.Context, *sqs.CreateQueueInput, ...func(*sqs.Options)) (*sqs.CreateQueueOutput, error)
	deleteQueue        func(context.Context, *sqs.DeleteQueueInput, ...func(*sqs.Options)) (*sqs.DeleteQueueOutput, error)
	getQueueURL        func(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	getQueueAttributes func(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	setQueueAttributes func(context.Context, *sqs.SetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.SetQueueAttributesOutput, error)
	listQueueTags      func(context.Context, *sqs.ListQueueTagsInput, ...func(*sqs.Options)) (*sqs.ListQueueTagsOutput, error)
	tagQueue           func(context.Context, *sqs.TagQueueInput, ...func(*sqs.Options)) (*sqs.TagQueueOutput, error)
	untagQueue         func(context.Context, *sqs.UntagQueueInput, ...func(*sqs.Options)) (*sqs.UntagQueueOutput, error)
}

func newAPI(cfg aws.Config) *api {
	c := sqs.NewFromConfig(cfg)
	return &api{
		createQueue: c.CreateQueue, deleteQueue: c.DeleteQueue, getQueueURL: c.GetQueueUrl,
		getQueueAttributes: c.GetQueueAttributes, setQueueAttributes: c.SetQueueAttributes,
		listQueueTags: c.ListQueueTags, tagQueue: c.TagQueue, untagQueue: c.UntagQueue,
	}
}

// failed translates an error; SQS names a missing queue differently in its two protocols.
func failed(operation string, err error) error {
	return call.Error("sqs:"+operation, err,
		call.NotFound("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
		call.Exists("QueueNameExists", "QueueAlreadyExists"))
}

// nameLimit is the most characters SQS takes for the name of a queue.
const nameLimit = 80

// queues are the ARNs of a stack's queues.
func queues(s resource.Scope) []string { return []string{s.ARN("sqs", s.Names(nameLimit))} }
