package logs

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/logs"
	"github.com/company/deployer/internal/value"
)

type (
	groupCall = resource.Call[model.LogGroup, model.LogGroupOutputs]
	logGroup  struct{ api *cloudwatchlogs.Client }
)

func newLogGroup(api *cloudwatchlogs.Client) resource.Behaviour {
	g := logGroup{api}
	return &resource.Typed[model.LogGroup, model.LogGroupOutputs]{
		Def: resource.Definition{
			Type: model.LogGroupType, Version: 1,
			ReplaceOn: []string{"name"},
			// Its events go with it. Nothing protects it: retention deletes them anyway, and a stack in development
			// must be easy to destroy.
			DataLoss:    true,
			Consequence: groupConsequence, Remark: groupRemark,
			NotYet: notYet,
			Permissions: func(s resource.Scope) []resource.Statement {
				groups := []string{s.ARN("logs", "log-group:"+model.Name(s.Stack, s.Environment, "*"))}
				return []resource.Statement{
					{On: groups, Actions: []string{
						"logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy",
						"logs:DeleteRetentionPolicy",
						"logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource",
					}},
					{
						On: groups, Actions: []string{"logs:AssociateKmsKey", "logs:DisassociateKmsKey"},
						Why: "a KMS key that overrides add or remove",
					},
					{Actions: []string{"logs:DescribeLogGroups"}},
					ReadPermissions(groups...),
				}
			},
		},
		CheckProps: checkLogGroup, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		DeleteObject: g.delete,
		InTheWay:     g.inTheWay, Named: "name", Taggable: true,
	}
}

// groupConsequence: CloudWatch deletes the events that are older than a shorter retention. 0 days are for ever.
func groupConsequence(c resource.Change) plan.Consequence {
	was, wanted := c.Old.Get("retentionDays").Number(), c.Desired.Get("retentionDays").Number()
	if wanted != 0 && (was == 0 || wanted < was) {
		return plan.DataLoss
	}
	return plan.InPlace
}

func groupRemark(c resource.Change) string {
	if groupConsequence(c) != plan.DataLoss {
		return ""
	}
	return fmt.Sprintf("events older than %vd are deleted", c.Desired.Get("retentionDays").Number())
}

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9._/#-]{1,512}$`)
	// retentions are the days that PutRetentionPolicy allows.
	retentions = []int{
		1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
		3288, 3653,
	}
)

func checkLogGroup(g *model.LogGroup) []value.Problem {
	var problems value.Problems
	if !nameForm.MatchString(g.Name) || strings.HasPrefix(g.Name, "aws/") {
		problems.Bad("name", "%q is not a log group name: use 1 to 512 letters, digits and ._/#-, not "+
			"beginning with aws/",
			g.Name)
	}
	if g.RetentionDays != 0 && !slices.Contains(retentions, g.RetentionDays) {
		problems.Bad("retentionDays", "CloudWatch Logs cannot keep events for %d days; allowed are %s, and 0 for ever",
			g.RetentionDays, strings.Trim(fmt.Sprint(retentions), "[]"))
	}
	return problems
}

// create makes the group with tags and key in one call, and sets the retention in a second one.
func (g logGroup) create(ctx context.Context, c groupCall) (string, model.LogGroupOutputs, error) {
	name := c.Props.Name
	in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name, Tags: tagging.Wanted(c.Tags, c.Props.Tags)}
	if key := c.Props.KMSKey.Get(); key != "" {
		in.KmsKeyId = &key
	}
	err := whileBusy(ctx, name, func(ctx context.Context) error {
		_, err := g.api.CreateLogGroup(ctx, in)
		return failed(err)
	})
	if err != nil {
		return "", model.LogGroupOutputs{}, err
	}
	var out model.LogGroupOutputs
	err = whileBusy(ctx, name, func(ctx context.Context) error {
		group, err := g.describe(ctx, name)
		if err == nil {
			out = outputs(group)
			return g.setRetention(ctx, name, c.Props.RetentionDays, 0)
		}
		return err
	})
	if err != nil {
		actual := c.Props
		actual.RetentionDays = 0
		return "", out, &resource.Unfinished[model.LogGroup, model.LogGroupOutputs]{
			ID: name, Props: actual, Out: out, Err: err,
		}
	}
	return name, out, nil
}

func (g logGroup) setRetention(ctx context.Context, name string, wanted, old int) error {
	switch {
	case wanted == old:
		return nil
	case wanted == 0:
		_, err := g.api.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: &name})
		return failed(err)
	}
	days := int32(wanted) //nolint:gosec // one of retentions
	_, err := g.api.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: &name, RetentionInDays: &days,
	})
	return failed(err)
}

// describe finds the group with exactly that name: the API filters only by prefix.
func (g logGroup) describe(ctx context.Context, name string) (types.LogGroup, error) {
	in := &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name}
	for group, err := range call.Each(ctx, g.api.DescribeLogGroups, in, &in.NextToken,
		func(page *cloudwatchlogs.DescribeLogGroupsOutput) ([]types.LogGroup, *string) {
			return page.LogGroups, page.NextToken
		}) {
		if err != nil {
			return types.LogGroup{}, failed(err)
		}
		if aws.ToString(group.LogGroupName) == name {
			return group, nil
		}
	}
	return types.LogGroup{}, &resource.OpError{
		Operation: "logs:DescribeLogGroups", Code: "ResourceNotFoundException",
		Message: "there is no log group " + name, Err: resource.ErrNotFound,
	}
}

func outputs(group types.LogGroup) model.LogGroupOutputs {
	arn := aws.ToString(group.LogGroupArn)
	if arn == "" {
		arn = strings.TrimSuffix(aws.ToString(group.Arn), ":*")
	}
	return model.LogGroupOutputs{Name: aws.ToString(group.LogGroupName), ARN: arn}
}

func (g logGroup) tags(ctx context.Context, arn string) (map[string]string, error) {
	out, err := g.api.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn})
	if err != nil {
		return nil, failed(err)
	}
	return out.Tags, nil
}

func (g logGroup) read(ctx context.Context, c groupCall) (model.LogGroup, model.LogGroupOutputs, error) {
	var group types.LogGroup
	var tags map[string]string
	both, bothCtx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { group, err = g.describe(bothCtx, c.ID); return err })
	if c.Out.ARN != "" {
		both.Go(func() (err error) { tags, err = g.tags(bothCtx, c.Out.ARN); return err })
	}
	if err := both.Wait(); err != nil {
		return model.LogGroup{}, model.LogGroupOutputs{}, err
	}
	out := outputs(group)
	if out.ARN != c.Out.ARN { // not recorded yet
		var err error
		if tags, err = g.tags(ctx, out.ARN); err != nil {
			return model.LogGroup{}, out, err
		}
	}
	props := model.LogGroup{Name: c.ID, Tags: tagging.Seen(c.Request, tags)}
	if group.RetentionInDays != nil {
		props.RetentionDays = int(*group.RetentionInDays)
	}
	if key := aws.ToString(group.KmsKeyId); key != "" {
		props.KMSKey = value.Lit(key)
	}
	return props, out, nil
}

func (g logGroup) update(ctx context.Context, c groupCall) (model.LogGroupOutputs, error) {
	key := c.Props.KMSKey.Get()
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error {
			return g.setRetention(ctx, c.ID, c.Props.RetentionDays, c.Old.RetentionDays)
		},
		func(ctx context.Context) error {
			switch {
			case key == c.Old.KMSKey.Get():
				return nil
			case key == "":
				_, err := g.api.DisassociateKmsKey(ctx, &cloudwatchlogs.DisassociateKmsKeyInput{LogGroupName: &c.ID})
				return failed(err)
			}
			_, err := g.api.AssociateKmsKey(ctx,
				&cloudwatchlogs.AssociateKmsKeyInput{LogGroupName: &c.ID, KmsKeyId: &key})
			return failed(err)
		},
		func(ctx context.Context) error { return g.retag(ctx, c) },
	} {
		if err := whileBusy(ctx, c.ID, step); err != nil {
			return c.Out, err
		}
	}
	return c.Out, nil
}

func (g logGroup) retag(ctx context.Context, c groupCall) error {
	return tagging.Retag(c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags), func(tags map[string]string) error {
		_, err := g.api.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: &c.Out.ARN, Tags: tags})
		return failed(err)
	}, func(keys []string) error {
		_, err := g.api.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: &c.Out.ARN, TagKeys: keys})
		return failed(err)
	})
}

// inTheWay finds a deletion protection. deployer never switches it on.
func (g logGroup) inTheWay(ctx context.Context, c groupCall, _ resource.Neighbours) ([]plan.Obstacle, error) {
	group, err := g.describe(ctx, c.ID)
	if err != nil || !aws.ToBool(group.DeletionProtectionEnabled) {
		return nil, err
	}
	return []plan.Obstacle{{
		What: "deletion protection was switched on outside of deployer for the log group " + c.ID,
		Next: "to allow it, switch its deletion protection off: aws logs put-log-group-deletion-protection " +
			"--log-group-identifier " + c.ID + " --no-deletion-protection-enabled",
	}}, nil
}

func (g logGroup) delete(ctx context.Context, c groupCall) error {
	return whileBusy(ctx, c.ID, func(ctx context.Context) error {
		_, err := g.api.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &c.ID})
		if err = failed(err); errors.Is(err, resource.ErrNotFound) {
			return nil
		}
		return err
	})
}
