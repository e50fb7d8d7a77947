package elasticache

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

// groupNameLimit is how many characters ElastiCache allows for the name of a subnet or parameter group.
const groupNameLimit = 255

// userLimit is how many characters ElastiCache allows for the id of a user or a user group.
const userLimit = 40

type (
	subnetGroupCall = resource.Call[model.SubnetGroup, model.GroupOutputs]
	subnetGroup     struct{ *api }
)

func newSubnetGroup(a *api) resource.Behaviour {
	g := subnetGroup{a}
	return &resource.Typed[model.SubnetGroup, model.GroupOutputs]{
		Def: resource.Definition{
			Type: model.SubnetGroupType, Version: 1,
			ReplaceOn: []string{"vpcId"}, HashedName: "name", NameLimit: groupNameLimit,
			NotYet: []resource.NotYet{{
				Operations: []string{"elasticache:CreateCacheSubnetGroup", "elasticache:ModifyCacheSubnetGroup"},
				Codes:      []string{"InvalidSubnet"}, // a subnet made in this run
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return append(placing(s), resource.Statement{
					On:      []string{s.ARN("elasticache", "subnetgroup:*")},
					Actions: []string{"elasticache:DescribeCacheSubnetGroups", "elasticache:ListTagsForResource"},
					Why:     "to find what a killed run has made",
				}, resource.Statement{
					On: own(s, "subnetgroup", groupNameLimit), Actions: append([]string{
						"elasticache:CreateCacheSubnetGroup", "elasticache:DescribeCacheSubnetGroups",
						"elasticache:ModifyCacheSubnetGroup", "elasticache:DeleteCacheSubnetGroup",
					}, tagActions...),
				})
			},
		},
		CheckProps: func(p *model.SubnetGroup) []value.Problem {
			var problems value.Problems
			checkName(&p.Name, &problems)
			checkDescription(p.Description, &problems)
			p.SubnetIDs = value.AsSet(p.SubnetIDs)
			return problems
		},
		CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update, DeleteObject: g.delete, Named: "name",
		Taggable: true, Marked: g.marked,
	}
}

// marked lists the subnet groups of the stack: a killed run may not have known the VPC, and so not the name.
func (g subnetGroup) marked(ctx context.Context, c subnetGroupCall) ([]resource.Found, error) {
	var out []resource.Found
	in := &elasticache.DescribeCacheSubnetGroupsInput{}
	for found, err := range call.Each(ctx, g.client.DescribeCacheSubnetGroups, in, &in.Marker,
		func(page *elasticache.DescribeCacheSubnetGroupsOutput) ([]types.CacheSubnetGroup, *string) {
			return page.CacheSubnetGroups, page.Marker
		}) {
		if err != nil {
			return nil, failed(err)
		}
		labels, err := g.tagsOf(ctx, aws.ToString(found.ARN))
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, resource.Found{ID: aws.ToString(found.CacheSubnetGroupName), Tags: labels})
	}
	return out, nil
}

func (g subnetGroup) create(ctx context.Context, c subnetGroupCall) (string, model.GroupOutputs, error) {
	made, err := g.client.CreateCacheSubnetGroup(ctx, &elasticache.CreateCacheSubnetGroupInput{
		CacheSubnetGroupName: &c.Props.Name, CacheSubnetGroupDescription: &c.Props.Description,
		SubnetIds: c.Props.SubnetIDs.Get(), Tags: tags(c.Request, c.Props.Tags),
	})
	if err != nil {
		return "", model.GroupOutputs{}, failed(err)
	}
	return c.Props.Name, model.GroupOutputs{ARN: aws.ToString(made.CacheSubnetGroup.ARN)}, nil
}

func (g subnetGroup) describe(ctx context.Context, name string) (types.CacheSubnetGroup, error) {
	out, err := g.client.DescribeCacheSubnetGroups(ctx, &elasticache.DescribeCacheSubnetGroupsInput{
		CacheSubnetGroupName: &name,
	})
	if err != nil {
		return types.CacheSubnetGroup{}, failed(err)
	}
	if len(out.CacheSubnetGroups) == 0 {
		return types.CacheSubnetGroup{}, absent("elasticache:DescribeCacheSubnetGroups", name)
	}
	return out.CacheSubnetGroups[0], nil
}

func (g subnetGroup) read(ctx context.Context, c subnetGroupCall) (model.SubnetGroup, model.GroupOutputs, error) {
	found, err := g.describe(ctx, c.ID)
	if err != nil {
		return model.SubnetGroup{}, model.GroupOutputs{}, err
	}
	labels, err := g.tagsOf(ctx, aws.ToString(found.ARN))
	if err != nil {
		return model.SubnetGroup{}, model.GroupOutputs{}, err
	}
	subnets := make([]string, len(found.Subnets))
	for i, s := range found.Subnets {
		subnets[i] = aws.ToString(s.SubnetIdentifier)
	}
	return model.SubnetGroup{
		Name: c.ID, VPCID: value.Lit(aws.ToString(found.VpcId)),
		Description: aws.ToString(found.CacheSubnetGroupDescription), SubnetIDs: value.AsSet(value.Lit(subnets)),
		Tags: tagging.Seen(c.Request, labels),
	}, model.GroupOutputs{ARN: aws.ToString(found.ARN)}, nil
}

func (g subnetGroup) update(ctx context.Context, c subnetGroupCall) (model.GroupOutputs, error) {
	if c.Old.Description != c.Props.Description ||
		!value.Equal(c.Old.SubnetIDs.Value(), c.Props.SubnetIDs.Value()) {
		_, err := g.client.ModifyCacheSubnetGroup(ctx, &elasticache.ModifyCacheSubnetGroupInput{
			CacheSubnetGroupName: &c.ID, CacheSubnetGroupDescription: &c.Props.Description,
			SubnetIds: c.Props.SubnetIDs.Get(),
		})
		if err != nil {
			return c.Out, failed(err)
		}
	}
	return c.Out, g.retag(ctx, c.Request, c.Out.ARN, c.Old.Tags, c.Props.Tags)
}

func (g subnetGroup) delete(ctx context.Context, c subnetGroupCall) error {
	return whileInUse(ctx, "subnet group "+c.ID, []string{"CacheSubnetGroupInUse"}, func(ctx context.Context) error {
		_, err := g.client.DeleteCacheSubnetGroup(ctx, &elasticache.DeleteCacheSubnetGroupInput{
			CacheSubnetGroupName: &c.ID,
		})
		return err
	})
}

type (
	parameterGroupCall = resource.Call[model.ParameterGroup, model.GroupOutputs]
	parameterGroup     struct{ *api }
)

// clusterEnabled is the parameter that switches cluster mode on. AWS does not let it change in a group that is in use.
const clusterEnabled = "cluster-enabled"

func newParameterGroup(a *api) resource.Behaviour {
	g := parameterGroup{a}
	return &resource.Typed[model.ParameterGroup, model.GroupOutputs]{
		Def: resource.Definition{
			Type: model.ParameterGroupType, Version: 1,
			ReplaceOn: []string{"family", "clustered"}, HashedName: "name", NameLimit: groupNameLimit,
			CreateOnly:  []string{"description"},
			Consequence: parametersConsequence, Remark: parametersRemark,
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{{On: own(s, "parametergroup", groupNameLimit), Actions: append([]string{
					"elasticache:CreateCacheParameterGroup", "elasticache:DescribeCacheParameterGroups",
					"elasticache:DescribeCacheParameters", "elasticache:ModifyCacheParameterGroup",
					"elasticache:ResetCacheParameterGroup", "elasticache:DeleteCacheParameterGroup",
				}, tagActions...)}}
			},
		},
		CheckProps: func(p *model.ParameterGroup) []value.Problem {
			var problems value.Problems
			checkName(&p.Name, &problems)
			checkDescription(p.Description, &problems)
			if _, given := p.Parameters[clusterEnabled]; given {
				problems.Bad("parameters", "%s is set by clustered", clusterEnabled)
			}
			return problems
		},
		CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update, DeleteObject: g.delete, Named: "name",
		Taggable: true,
	}
}

// values are the parameters that a group sets.
func values(p model.ParameterGroup) map[string]string {
	out := maps.Clone(p.Parameters)
	if p.Clustered {
		if out == nil {
			out = map[string]string{}
		}
		out[clusterEnabled] = "yes"
	}
	return out
}

func (g parameterGroup) create(ctx context.Context, c parameterGroupCall) (string, model.GroupOutputs, error) {
	made, err := g.client.CreateCacheParameterGroup(ctx, &elasticache.CreateCacheParameterGroupInput{
		CacheParameterGroupName: &c.Props.Name, CacheParameterGroupFamily: &c.Props.Family,
		Description: &c.Props.Description, Tags: tags(c.Request, c.Props.Tags),
	})
	if err != nil {
		return "", model.GroupOutputs{}, failed(err)
	}
	out := model.GroupOutputs{ARN: aws.ToString(made.CacheParameterGroup.ARN)}
	if err := g.set(ctx, c.Props.Name, c.Progress, nil, values(c.Props)); err != nil {
		actual := c.Props
		actual.Parameters = nil
		return "", out, &resource.Unfinished[model.ParameterGroup, model.GroupOutputs]{
			ID: c.Props.Name, Props: actual, Out: out, Err: err,
		}
	}
	return c.Props.Name, out, nil
}

// atOnce is how many parameters ElastiCache changes in one call.
const atOnce = 20

// set changes the parameters of a group from old to wanted.
func (g parameterGroup) set(
	ctx context.Context, name string, tell func(string), old, wanted map[string]string,
) error {
	var change, reset []types.ParameterNameValue
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		if was, set := old[key]; !set || was != wanted[key] {
			change = append(change, types.ParameterNameValue{ParameterName: &key, ParameterValue: new(wanted[key])})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		if _, stays := wanted[key]; !stays {
			reset = append(reset, types.ParameterNameValue{ParameterName: &key})
		}
	}
	for some := range slices.Chunk(reset, atOnce) {
		if err := g.whenFree(ctx, name, tell, func(ctx context.Context) error {
			_, err := g.client.ResetCacheParameterGroup(ctx, &elasticache.ResetCacheParameterGroupInput{
				CacheParameterGroupName: &name, ParameterNameValues: some,
			})
			return err
		}); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(change, atOnce) {
		if err := g.whenFree(ctx, name, tell, func(ctx context.Context) error {
			_, err := g.client.ModifyCacheParameterGroup(ctx, &elasticache.ModifyCacheParameterGroupInput{
				CacheParameterGroupName: &name, ParameterNameValues: some,
			})
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// inUse is the code for a group that caches use, or that caches in change use.
const inUse = "InvalidCacheParameterGroupState"

// whenFree makes a change as soon as no cache that uses the group is in change. A person may have changed the node type
// of one, which takes as long as any change of a cache.
func (g parameterGroup) whenFree(
	ctx context.Context, name string, tell func(string), change func(context.Context) error,
) error {
	told := false
	return call.Wait(ctx, changing, "parameter group "+name+" can be changed", func(ctx context.Context) (bool, error) {
		err := change(ctx)
		if !call.HasCode(err, inUse) {
			return err == nil, failed(err)
		}
		if !told {
			told = true
			tell("AWS allows no change of parameters while it changes a cache that uses them: this run waits for it")
		}
		return false, nil
	})
}

func (g parameterGroup) describe(ctx context.Context, name string) (types.CacheParameterGroup, error) {
	out, err := g.client.DescribeCacheParameterGroups(ctx, &elasticache.DescribeCacheParameterGroupsInput{
		CacheParameterGroupName: &name,
	})
	if err != nil {
		return types.CacheParameterGroup{}, failed(err)
	}
	if len(out.CacheParameterGroups) == 0 {
		return types.CacheParameterGroup{}, absent("elasticache:DescribeCacheParameterGroups", name)
	}
	return out.CacheParameterGroups[0], nil
}

func (g parameterGroup) read(
	ctx context.Context, c parameterGroupCall,
) (model.ParameterGroup, model.GroupOutputs, error) {
	found, err := g.describe(ctx, c.ID)
	if err != nil {
		return model.ParameterGroup{}, model.GroupOutputs{}, err
	}
	set := map[string]string{}
	var labels map[string]string
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		in := &elasticache.DescribeCacheParametersInput{CacheParameterGroupName: &c.ID, Source: aws.String("user")}
		for p, err := range call.Each(ctx, g.client.DescribeCacheParameters, in, &in.Marker,
			func(page *elasticache.DescribeCacheParametersOutput) ([]types.Parameter, *string) {
				return page.Parameters, page.Marker
			}) {
			if err != nil {
				return failed(err)
			}
			set[aws.ToString(p.ParameterName)] = aws.ToString(p.ParameterValue)
		}
		return nil
	})
	both.Go(func() (err error) {
		labels, err = g.tagsOf(ctx, aws.ToString(found.ARN))
		return err
	})
	if err := both.Wait(); err != nil {
		return model.ParameterGroup{}, model.GroupOutputs{}, err
	}
	p := model.ParameterGroup{
		Name: c.ID, Family: aws.ToString(found.CacheParameterGroupFamily), Clustered: set[clusterEnabled] == "yes",
		Description: aws.ToString(found.Description), Tags: tagging.Seen(c.Request, labels),
	}
	delete(set, clusterEnabled)
	if len(set) > 0 {
		p.Parameters = set
	}
	return p, model.GroupOutputs{ARN: aws.ToString(found.ARN)}, nil
}

func (g parameterGroup) update(ctx context.Context, c parameterGroupCall) (model.GroupOutputs, error) {
	if err := g.set(ctx, c.ID, c.Progress, values(c.Old), values(c.Props)); err != nil {
		return c.Out, err
	}
	return c.Out, g.retag(ctx, c.Request, c.Out.ARN, c.Old.Tags, c.Props.Tags)
}

func (g parameterGroup) delete(ctx context.Context, c parameterGroupCall) error {
	return whileInUse(ctx, fmt.Sprintf("parameter group %s", c.ID), []string{inUse},
		func(ctx context.Context) error {
			_, err := g.client.DeleteCacheParameterGroup(ctx, &elasticache.DeleteCacheParameterGroupInput{
				CacheParameterGroupName: &c.ID,
			})
			return err
		})
}
