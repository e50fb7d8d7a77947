package inventory

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func (l *lister) queues() error {
	client := sqs.NewFromConfig(l.cfg)
	queues, err := client.ListQueues(l.ctx, &sqs.ListQueuesInput{})
	if err != nil {
		return err
	}
	for _, url := range queues.QueueUrls {
		attributes, err := client.GetQueueAttributes(l.ctx,
			&sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
		if err != nil {
			return err
		}
		labels, err := client.ListQueueTags(l.ctx, &sqs.ListQueueTagsInput{QueueUrl: &url})
		if err != nil {
			return err
		}
		maps.DeleteFunc(attributes.Attributes, func(name, _ string) bool {
			return strings.HasSuffix(name, "Timestamp")
		})
		if err := l.add("queue", last(url, "/"), attributes.Attributes, tags(labels.Tags)); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) buckets() error {
	client := s3.NewFromConfig(l.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	buckets, err := client.ListBuckets(l.ctx, &s3.ListBucketsInput{})
	if err != nil {
		return err
	}
	for _, b := range buckets.Buckets {
		if *b.Name == l.stateBucket {
			continue
		}
		if err := l.bucket(client, b.Name); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) bucket(client *s3.Client, name *string) error {
	labels := map[string]string{}
	if found, err := client.GetBucketTagging(l.ctx, &s3.GetBucketTaggingInput{Bucket: name}); err == nil {
		for _, t := range found.TagSet {
			labels[*t.Key] = *t.Value
		}
	}
	facts := []any{tags(labels)}
	// fact is an answer, or the error: S3 returns an error for a missing configuration.
	fact := func(out any, err error) {
		if err != nil {
			facts = append(facts, err.Error()[strings.LastIndex(err.Error(), "api error")+1:])
			return
		}
		var m map[string]any
		text, _ := json.Marshal(out) // an answer of the SDK is data
		_ = json.Unmarshal(text, &m) // which is an object
		delete(m, "ResultMetadata")  // it differs each time
		facts = append(facts, m)
	}
	fact(client.GetBucketVersioning(l.ctx, &s3.GetBucketVersioningInput{Bucket: name}))
	// S3 encrypts without a configuration, too; the emulator returns it only when it was set.
	if e, err := client.GetBucketEncryption(l.ctx, &s3.GetBucketEncryptionInput{Bucket: name}); err == nil {
		rules := e.ServerSideEncryptionConfiguration.Rules
		if rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != s3types.ServerSideEncryptionAes256 {
			facts = append(facts, rules)
		}
	}
	fact(client.GetPublicAccessBlock(l.ctx, &s3.GetPublicAccessBlockInput{Bucket: name}))
	fact(client.GetBucketOwnershipControls(l.ctx, &s3.GetBucketOwnershipControlsInput{Bucket: name}))
	fact(client.GetBucketLifecycleConfiguration(l.ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: name}))
	policy, err := client.GetBucketPolicy(l.ctx, &s3.GetBucketPolicyInput{Bucket: name})
	if err != nil {
		facts = append(facts, "no policy")
	} else {
		facts = append(facts, aws.ToString(policy.Policy))
	}
	return l.add("bucket", *name, facts...)
}
