package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/ec2"
)

type (
	addressCall = resource.Call[model.ElasticIP, model.ElasticIPOutputs]
	elasticIP   struct {
		api *api
		*objects[types.Address]
	}
)

func newElasticIP(api *api) resource.Behaviour {
	e := elasticIP{api, batched(api, objects[types.Address]{
		noun: "elastic IP address", operation: "DescribeAddresses", missing: "InvalidAllocationID.NotFound",
		idFilter: "allocation-id",
		id:       func(a types.Address) *string { return a.AllocationId },
		tags:     func(a types.Address) []types.Tag { return a.Tags },
		list:     api.listAddresses,
	})}
	return &resource.Typed[model.ElasticIP, model.ElasticIPOutputs]{
		Def: resource.Definition{
			Type: model.ElasticIPType, Version: 1,
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(scoped(s, "elastic-ip", "AllocateAddress", []string{"ec2:ReleaseAddress"},
					"ec2:DescribeAddresses"), resource.Foreseeing("ec2:DescribeAccountAttributes"))
			},
		},
		CreateObject: e.create, ReadObject: e.read, UpdateObject: e.update, Ahead: e.foresee, AwaitReady: e.ready,
		DeleteObject: e.delete, Find: func(ctx context.Context, c addressCall) (string, map[string]string, error) {
			return e.find(ctx, c.Request)
		},
		Taggable: true,
	}
}

func (e elasticIP) create(ctx context.Context, c addressCall) (string, model.ElasticIPOutputs, error) {
	id, err := e.makeOnce(ctx, c.Request, func(ctx context.Context, once func(*ec2.Options)) (*string, error) {
		made, err := e.api.client.AllocateAddress(ctx, &ec2.AllocateAddressInput{
			Domain:            types.DomainTypeVpc,
			TagSpecifications: specification(types.ResourceTypeElasticIp, tagging.Wanted(c.Tags, c.Props.Tags)),
		}, once)
		if err != nil {
			return nil, err
		}
		return made.AllocationId, nil
	})
	return id, model.ElasticIPOutputs{ID: id}, err
}

func (e elasticIP) ready(ctx context.Context, c addressCall) (model.ElasticIPOutputs, error) {
	found, err := e.known(ctx, call.Eventually, c.ID, "is listed", there[types.Address])
	return model.ElasticIPOutputs{ID: c.ID, PublicIP: aws.ToString(found.PublicIp)}, err
}

func (e elasticIP) read(ctx context.Context, c addressCall) (model.ElasticIP, model.ElasticIPOutputs, error) {
	found, err := e.get(ctx, c.ID)
	if err != nil {
		return model.ElasticIP{}, model.ElasticIPOutputs{}, err
	}
	return model.ElasticIP{Tags: tagging.Seen(c.Request, tagging.Map(found.Tags, tag))},
		model.ElasticIPOutputs{ID: c.ID, PublicIP: aws.ToString(found.PublicIp)}, nil
}

func (e elasticIP) update(ctx context.Context, c addressCall) (model.ElasticIPOutputs, error) {
	return c.Out, e.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags)
}

func (e elasticIP) delete(ctx context.Context, c addressCall) error {
	return detached(ctx, c.Progress, "the elastic IP address "+c.ID, func(ctx context.Context) error {
		_, err := e.api.client.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &c.ID})
		return err
	}, nil)
}
