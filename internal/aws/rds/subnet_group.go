package rds

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/value"
)

type (
	subnetGroupCall = resource.Call[model.SubnetGroup, model.GroupOutputs]
	subnetGroup     struct{ api *api }
)

// freed is how long a group may be refused because a database that is being deleted still has it.
var freed = call.Pace{First: call.Slowly.First, Longest: call.Slowly.Longest, Limit: call.Slowly.Limit}

func newSubnetGroup(api *api) resource.Behaviour {
	g := subnetGroup{api}
	return &resource.Typed[model.SubnetGroup, model.GroupOutputs]{
		Def: resource.Definition{
			Type: model.SubnetGroupType, Version: 1,
			ReplaceOn: []string{"vpcId"}, HashedName: "name", NameLimit: groupNameLimit, NamePlain: true,
			Permissions: func(s resource.Scope) []resource.Statement {
				groups := []string{s.ARN("rds", "subgrp:"+s.Names(groupNameLimit))}
				return []resource.Statement{{On: groups, Actions: []string{
					"rds:CreateDBSubnetGroup", "rds:DescribeDBSubnetGroups", "rds:ModifyDBSubnetGroup",
					"rds:DeleteDBSubnetGroup", "rds:ListTagsForResource", "rds:AddTagsToResource",
					"rds:RemoveTagsFromResource",
				}}}
			},
		},
		CheckProps: checkSubnetGroup, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		DeleteObject: g.delete, Named: "name", Taggable: true,
	}
}

func checkSubnetGroup(g *model.SubnetGroup) []value.Problem {
	var problems value.Problems
	if n := len(g.Description); n == 0 || n > 255 {
		problems.Bad("description", "must have 1 to 255 characters")
	}
	if g.SubnetIDs = value.AsSet(g.SubnetIDs); g.SubnetIDs.Known() && len(g.SubnetIDs.Get()) < 2 {
		problems.Bad("subnetIds", "a database needs subnets in at least two zones")
	}
	return problems
}

func (g subnetGroup) create(ctx context.Context, c subnetGroupCall) (string, model.GroupOutputs, error) {
	made, err := g.api.client.CreateDBSubnetGroup(ctx, &rds.CreateDBSubnetGroupInput{
		DBSubnetGroupName: &c.Props.Name, DBSubnetGroupDescription: &c.Props.Description,
		SubnetIds: c.Props.SubnetIDs.Get(), Tags: tagging.List(tagging.Wanted(c.Tags, c.Props.Tags), tag),
	})
	if err != nil {
		return "", model.GroupOutputs{}, failed(err)
	}
	return c.Props.Name, model.GroupOutputs{ARN: aws.ToString(made.DBSubnetGroup.DBSubnetGroupArn)}, nil
}

func (g subnetGroup) describe(ctx context.Context, name string) (types.DBSubnetGroup, error) {
	out, err := g.api.client.DescribeDBSubnetGroups(ctx, &rds.DescribeDBSubnetGroupsInput{DBSubnetGroupName: &name})
	if err != nil {
		return types.DBSubnetGroup{}, failed(err)
	}
	if len(out.DBSubnetGroups) == 0 {
		return types.DBSubnetGroup{}, gone("DescribeDBSubnetGroups", "DBSubnetGroupNotFoundFault",
			"the DB subnet group "+name)
	}
	return out.DBSubnetGroups[0], nil
}

func (g subnetGroup) read(ctx context.Context, c subnetGroupCall) (model.SubnetGroup, model.GroupOutputs, error) {
	found, err := g.describe(ctx, c.ID)
	if err != nil {
		return model.SubnetGroup{}, model.GroupOutputs{}, err
	}
	arn := aws.ToString(found.DBSubnetGroupArn)
	tags, err := g.api.tags(ctx, arn)
	if err != nil {
		return model.SubnetGroup{}, model.GroupOutputs{}, err
	}
	var subnets []string
	for _, s := range found.Subnets {
		subnets = append(subnets, aws.ToString(s.SubnetIdentifier))
	}
	slices.Sort(subnets)
	return model.SubnetGroup{
		Name: aws.ToString(found.DBSubnetGroupName), VPCID: value.Lit(aws.ToString(found.VpcId)),
		Description: aws.ToString(found.DBSubnetGroupDescription), SubnetIDs: value.Lit(subnets),
		Tags: tagging.Seen(c.Request, tags),
	}, model.GroupOutputs{ARN: arn}, nil
}

func (g subnetGroup) update(ctx context.Context, c subnetGroupCall) (model.GroupOutputs, error) {
	if !value.Equal(value.Encode(c.Old.SubnetIDs), value.Encode(c.Props.SubnetIDs)) ||
		c.Old.Description != c.Props.Description {
		_, err := g.api.client.ModifyDBSubnetGroup(ctx, &rds.ModifyDBSubnetGroupInput{
			DBSubnetGroupName: &c.ID, DBSubnetGroupDescription: &c.Props.Description,
			SubnetIds: c.Props.SubnetIDs.Get(),
		})
		if err != nil {
			return c.Out, failed(err)
		}
	}
	return c.Out, g.api.retag(ctx, c.Out.ARN, c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags))
}

func (g subnetGroup) delete(ctx context.Context, c subnetGroupCall) error {
	return call.Wait(ctx, freed, "no database uses the DB subnet group "+c.ID+" any more",
		func(ctx context.Context) (bool, error) {
			_, err := g.api.client.DeleteDBSubnetGroup(ctx, &rds.DeleteDBSubnetGroupInput{DBSubnetGroupName: &c.ID})
			if call.HasCode(err, "InvalidDBSubnetGroupStateFault", "InvalidDBSubnetGroupState") {
				return false, nil
			}
			return err == nil, failed(err)
		})
}
