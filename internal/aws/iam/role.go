package iam

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/policy"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/value"
)

type (
	roleCall = resource.Call[model.Role, model.RoleOutputs]
	role     struct{ api *iam.Client }
)

func newRole(api *iam.Client) resource.Behaviour {
	r := role{api}
	return &resource.Typed[model.Role, model.RoleOutputs]{
		Def: resource.Definition{
			Type: model.RoleType, Version: 1,
			ReplaceOn: []string{"path"}, HashedName: "name", NameLimit: model.NameLimit,
			NotYet: notYet,
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: roles(s), Actions: []string{
						"iam:CreateRole", "iam:GetRole", "iam:UpdateRole", "iam:DeleteRole",
						"iam:UpdateAssumeRolePolicy", "iam:TagRole", "iam:UntagRole",
						"iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
					}},
					resource.Foreseeing("iam:GetAccountSummary"),
					{
						On: roles(s), Actions: []string{
							"iam:PutRolePermissionsBoundary",
							"iam:DeleteRolePermissionsBoundary",
						},
						Why: "a permissions boundary that overrides add or remove",
					},
				}
			},
		},
		CheckProps: checkRole, CreateObject: r.create, ReadObject: r.read, UpdateObject: r.update,
		DeleteObject: r.delete,
		Ahead:        r.foresee, InTheWay: r.inTheWay, Added: r.added, Named: "name", Taggable: true,
	}
}

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]+$`)
	pathForm = regexp.MustCompile(`^/([!-~]+/)?$`)
)

func checkRole(r *model.Role) []value.Problem {
	problems := value.Problems(policy.Check("assumeRolePolicy", &r.AssumeRolePolicy))
	if r.Path == "" {
		r.Path = "/"
	}
	if r.MaxSession == 0 {
		r.MaxSession = 3600
	}
	if !nameForm.MatchString(strings.ReplaceAll(r.Name, resource.PartSeparator, "-")) {
		problems.Bad("name", "%q is not a role name: use letters, digits and +=,.@_-", r.Name)
	}
	if !pathForm.MatchString(r.Path) {
		problems.Bad("path", "%q is not a path: it must begin and end with /", r.Path)
	}
	if r.MaxSession < 3600 || r.MaxSession > 43200 {
		problems.Bad("maxSession", "must be from 3600 to 43200 seconds, but is %d", r.MaxSession)
	}
	return problems
}

func (r role) create(ctx context.Context, c roleCall) (string, model.RoleOutputs, error) {
	doc, err := policy.Text(c.Props.AssumeRolePolicy)
	if err != nil {
		return "", model.RoleOutputs{}, err
	}
	seconds := int32(c.Props.MaxSession) //nolint:gosec // checked
	in := &iam.CreateRoleInput{
		RoleName: &c.Props.Name, AssumeRolePolicyDocument: &doc, Path: &c.Props.Path, MaxSessionDuration: &seconds,
		Tags: tagging.List(tagging.Wanted(c.Tags, c.Props.Tags), tag),
	}
	if c.Props.Description != "" {
		in.Description = &c.Props.Description
	}
	if boundary := c.Props.PermissionsBoundary.Get(); boundary != "" {
		in.PermissionsBoundary = &boundary
	}
	var made *types.Role
	err = whileBusy(ctx, "the principals of the role "+c.Props.Name, func(ctx context.Context) error {
		out, err := r.api.CreateRole(ctx, in)
		if err == nil {
			made = out.Role
		}
		return failed(err)
	})
	if err != nil {
		return "", model.RoleOutputs{}, err
	}
	return c.Props.Name, outputs(made), nil
}

func outputs(r *types.Role) model.RoleOutputs {
	return model.RoleOutputs{ARN: aws.ToString(r.Arn), Name: aws.ToString(r.RoleName), UniqueID: aws.ToString(r.RoleId)}
}

func (r role) get(ctx context.Context, name string) (*types.Role, error) {
	out, err := r.api.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return nil, failed(err)
	}
	return out.Role, nil
}

func (r role) read(ctx context.Context, c roleCall) (model.Role, model.RoleOutputs, error) {
	found, err := r.get(ctx, c.ID)
	if err != nil {
		return model.Role{}, model.RoleOutputs{}, err
	}
	doc, err := policy.Read(aws.ToString(found.AssumeRolePolicyDocument), c.Old.AssumeRolePolicy)
	if err != nil {
		return model.Role{}, model.RoleOutputs{}, fmt.Errorf("iam:GetRole %s: %w", c.ID, err)
	}
	props := model.Role{
		Name:             aws.ToString(found.RoleName),
		AssumeRolePolicy: doc, Path: aws.ToString(found.Path), Description: aws.ToString(found.Description),
		MaxSession: 3600, Tags: tagging.Seen(c.Request, tagging.Map(found.Tags, tag)),
	}
	if found.MaxSessionDuration != nil {
		props.MaxSession = int(*found.MaxSessionDuration)
	}
	if b := found.PermissionsBoundary; b != nil && b.PermissionsBoundaryArn != nil {
		props.PermissionsBoundary = value.Lit(*b.PermissionsBoundaryArn)
	}
	return props, outputs(found), nil
}

func (r role) update(ctx context.Context, c roleCall) (model.RoleOutputs, error) {
	name := c.ID
	steps := []func(context.Context) error{func(ctx context.Context) error {
		return tagging.Retag(c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags), func(tags map[string]string) error {
			_, err := r.api.TagRole(ctx, &iam.TagRoleInput{RoleName: &name, Tags: tagging.List(tags, tag)})
			return failed(err)
		}, func(keys []string) error {
			_, err := r.api.UntagRole(ctx, &iam.UntagRoleInput{RoleName: &name, TagKeys: keys})
			return failed(err)
		})
	}}
	if c.Old.Description != c.Props.Description || c.Old.MaxSession != c.Props.MaxSession {
		seconds := int32(c.Props.MaxSession) //nolint:gosec // checked
		steps = append(steps, func(ctx context.Context) error {
			_, err := r.api.UpdateRole(ctx, &iam.UpdateRoleInput{
				RoleName: &name, Description: &c.Props.Description,
				MaxSessionDuration: &seconds,
			})
			return failed(err)
		})
	}
	if !value.Equal(c.Old.AssumeRolePolicy, c.Props.AssumeRolePolicy) {
		doc, err := policy.Text(c.Props.AssumeRolePolicy)
		if err != nil {
			return c.Out, err
		}
		steps = append(steps, func(ctx context.Context) error {
			_, err := r.api.UpdateAssumeRolePolicy(ctx,
				&iam.UpdateAssumeRolePolicyInput{RoleName: &name, PolicyDocument: &doc})
			return failed(err)
		})
	}
	if boundary := c.Props.PermissionsBoundary.Get(); boundary != c.Old.PermissionsBoundary.Get() {
		steps = append(steps, func(ctx context.Context) error {
			if boundary == "" {
				_, err := r.api.DeleteRolePermissionsBoundary(ctx,
					&iam.DeleteRolePermissionsBoundaryInput{RoleName: &name})
				if err = failed(err); errors.Is(err, resource.ErrNotFound) {
					_, err = r.get(ctx, name) // the call before removed it without an answer, or the role is gone
				}
				return err
			}
			_, err := r.api.PutRolePermissionsBoundary(ctx,
				&iam.PutRolePermissionsBoundaryInput{RoleName: &name, PermissionsBoundary: &boundary})
			return failed(err)
		})
	}
	for _, step := range steps {
		if err := whileBusy(ctx, "the role "+name, step); err != nil {
			return c.Out, err
		}
	}
	return c.Out, nil
}

// detach is the advice for a role that cannot be deleted. Delete waits for policies that were detached a moment ago. It
// detaches nothing itself: somebody else attached what is still attached.
func detach(role string) string {
	return "detach the policies and instance profiles that were attached outside of deployer to the role " + role
}

// inTheWay finds policies that others attached to the role.
func (r role) inTheWay(ctx context.Context, c roleCall, stack resource.Neighbours) ([]plan.Obstacle, error) {
	foreign, err := r.added(ctx, c, stack)
	if err != nil || len(foreign) == 0 {
		return nil, err
	}
	names := make([]string, len(foreign))
	for i, policy := range foreign {
		names[i] = policy.What
	}
	return []plan.Obstacle{{
		What: "policies were attached outside of deployer to the role " + c.ID + ": " + strings.Join(names, ", "),
		Next: detach(c.ID),
	}}, nil
}

// added lists the policies that others attached to the role.
func (r role) added(ctx context.Context, c roleCall, stack resource.Neighbours) ([]resource.Addition, error) {
	var managed, inline []resource.Addition
	both, ctx := errgroup.WithContext(ctx)
	// The ids of attachments and inline policies in the state have this form.
	foreign := func(id string) bool { return !stack.Has(c.ID + ":" + id) }
	both.Go(func() error {
		in := &iam.ListAttachedRolePoliciesInput{RoleName: &c.ID}
		for p, err := range call.Each(ctx, r.api.ListAttachedRolePolicies, in, &in.Marker,
			func(page *iam.ListAttachedRolePoliciesOutput) ([]types.AttachedPolicy, *string) {
				return page.AttachedPolicies, page.Marker
			}) {
			if err != nil {
				return failed(err)
			}
			if arn := aws.ToString(p.PolicyArn); foreign(arn) {
				managed = append(managed, resource.Addition{
					ID: arn, What: "the managed policy " + arn,
					Remove: "aws iam detach-role-policy --role-name " + c.ID + " --policy-arn " + arn,
				})
			}
		}
		return nil
	})
	both.Go(func() error {
		in := &iam.ListRolePoliciesInput{RoleName: &c.ID}
		for name, err := range call.Each(ctx, r.api.ListRolePolicies, in, &in.Marker,
			func(page *iam.ListRolePoliciesOutput) ([]string, *string) { return page.PolicyNames, page.Marker }) {
			if err != nil {
				return failed(err)
			}
			if foreign(name) {
				inline = append(inline, resource.Addition{
					ID: c.ID + ":" + name, What: "the inline policy " + name,
					Remove: "aws iam delete-role-policy --role-name " + c.ID + " --policy-name " + name,
				})
			}
		}
		return nil
	})
	err := both.Wait()
	return append(managed, inline...), err
}

func (r role) delete(ctx context.Context, c roleCall) error {
	told, tries := false, 0
	return call.Wait(ctx, inUse, "the role "+c.ID+" is not in use any more", func(ctx context.Context) (bool, error) {
		_, err := r.api.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &c.ID})
		if err = failed(err); !call.HasCode(err, "DeleteConflict", "ConcurrentModification") {
			return err == nil, err
		}
		if tries++; tries > 12 {
			var op *resource.OpError
			if errors.As(err, &op) {
				op.Next = detach(c.ID) + ", then run again"
			}
			return false, err
		}
		if !told {
			c.Progress("waiting: IAM still reports something attached to the role " + c.ID)
			told = true
		}
		return false, nil
	})
}

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }
