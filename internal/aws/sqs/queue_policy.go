package sqs

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/company/deployer/internal/aws/policy"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/sqs"
	"github.com/company/deployer/internal/value"
)

type (
	queuePolicyCall = resource.Call[model.QueuePolicy, model.QueuePolicyOutputs]
	queuePolicy     struct{ api *sqs.Client }
)

// newQueuePolicy returns the type whose objects are one attribute of a queue; their id is the queue's URL.
func newQueuePolicy(api *sqs.Client) resource.Behaviour {
	p := queuePolicy{api}
	return &resource.Typed[model.QueuePolicy, model.QueuePolicyOutputs]{
		Def: resource.Definition{
			Type: model.QueuePolicyType, Version: 1,
			ReplaceOn: []string{"queueUrl"},
			NotYet: []resource.NotYet{
				{
					Operations: []string{"sqs:SetQueueAttributes"},
					Codes:      []string{"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}, New: true,
				},
				// The policy may name a role that was just made.
				{
					Operations: []string{"sqs:SetQueueAttributes"}, Codes: []string{"InvalidAttributeValue"},
					Says: []string{"parameter policy"},
				},
			},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: queues(s), Actions: []string{"sqs:GetQueueAttributes", "sqs:SetQueueAttributes"}},
				}
			},
		},
		CheckProps: func(props *model.QueuePolicy) []value.Problem { return policy.Check("policy", &props.Policy) },
		CreateObject: func(ctx context.Context, c queuePolicyCall) (string, model.QueuePolicyOutputs, error) {
			url := c.Props.QueueURL.Get()
			return url, model.QueuePolicyOutputs{}, p.put(ctx, url, c.Props.Policy)
		},
		ReadObject: p.read,
		UpdateObject: func(ctx context.Context, c queuePolicyCall) (model.QueuePolicyOutputs, error) {
			return c.Out, p.put(ctx, c.ID, c.Props.Policy)
		},
		DeleteObject: func(ctx context.Context, c queuePolicyCall) error { return p.set(ctx, c.ID, "") },
		Find: func(ctx context.Context, c queuePolicyCall) (string, map[string]string, error) {
			url := c.Props.QueueURL.Get()
			if url == "" { // an interrupted run did not know it, so it made no policy either
				return "", nil, resource.ErrNotFound
			}
			c.ID = url
			_, _, err := p.read(ctx, c)
			return url, nil, err
		},
	}
}

func (p queuePolicy) put(ctx context.Context, url string, doc value.Value) error {
	text, err := policy.Text(doc)
	if err != nil {
		return err
	}
	return p.set(ctx, url, text)
}

func (p queuePolicy) set(ctx context.Context, url, text string) error {
	_, err := p.api.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: &url, Attributes: map[string]string{string(types.QueueAttributeNamePolicy): text},
	})
	return failed(err)
}

func (p queuePolicy) read(ctx context.Context, c queuePolicyCall) (model.QueuePolicy, model.QueuePolicyOutputs, error) {
	out, err := p.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &c.ID, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNamePolicy},
	})
	if err != nil {
		return model.QueuePolicy{}, model.QueuePolicyOutputs{}, failed(err)
	}
	doc, err := policy.Read(out.Attributes[string(types.QueueAttributeNamePolicy)], c.Old.Policy)
	if err != nil {
		return model.QueuePolicy{}, model.QueuePolicyOutputs{}, fmt.Errorf("%s: %w", c.ID, err)
	}
	if doc.IsNull() {
		return model.QueuePolicy{}, model.QueuePolicyOutputs{},
			fmt.Errorf("the queue %s has no policy: %w", c.ID, resource.ErrNotFound)
	}
	return model.QueuePolicy{QueueURL: value.Lit(c.ID), Policy: doc}, model.QueuePolicyOutputs{}, nil
}
