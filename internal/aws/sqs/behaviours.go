// Package sqs is the behaviour of the Amazon SQS resource types.
//
// In: calls of the resource contract. Out: SQS API calls. It must not keep state, or decide what the contract decides.
package sqs

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of SQS.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := sqs.NewFromConfig(cfg)
	return []resource.Behaviour{newQueue(api), newQueuePolicy(api)}
}

// failed translates an error. SQS's two protocols have different codes for a missing queue.
var failed = call.Errors(call.NotFound("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
	call.Exists("QueueNameExists", "QueueAlreadyExists"))

// nameLimit is how many characters SQS allows for the name of a queue.
const nameLimit = 80

// queues are the ARNs of a stack's queues.
func queues(s resource.Scope) []string { return []string{s.ARN("sqs", s.Names(nameLimit))} }
