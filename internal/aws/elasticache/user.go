package elasticache

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

type (
	userCall = resource.Call[model.User, model.UserOutputs]
	user     struct{ *api }
)

// active is the status of a user or a user group that can be changed and used.
const active = "active"

func newUser(a *api) resource.Behaviour {
	g := user{a}
	return &resource.Typed[model.User, model.UserOutputs]{
		Def: resource.Definition{
			Type: model.UserType, Version: 1,
			ReplaceOn: []string{"username"}, HashedName: "name", NameLimit: userLimit,
			Replaces: onlyToValkey,
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: own(s, "user", userLimit), Actions: append([]string{
						"elasticache:CreateUser", "elasticache:DescribeUsers", "elasticache:ModifyUser",
						"elasticache:DeleteUser",
					}, tagActions...)},
					readingSecret(s),
				}
			},
		},
		CheckProps: checkUser, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		AwaitGone:    call.AwaitGone(briefly, "user", g.read),
		DeleteObject: g.delete, Named: "name", Taggable: true,
	}
}

// commonEngine is the engine of all users and user groups that are made. Caches of Valkey take them, too. With others,
// AWS would accept no order of calls in which a cache with users becomes one of Valkey: a cache of Redis OSS takes only
// groups of Redis OSS, and they take only users of Redis OSS.
const commonEngine = model.Redis

// engineOf is the engine of the caches that the user or user group is for. An object of the common engine is for both.
func engineOf(recorded, actual string) string {
	if actual == commonEngine && recorded != "" {
		return recorded
	}
	return actual
}

// onlyToValkey: an older object may be one of Valkey, which a cache of Redis OSS does not take.
func onlyToValkey(old, desired value.Value) []string {
	if old.Get("engine").Str() == model.Redis && desired.Get("engine").Str() == model.Valkey {
		return nil
	}
	return []string{"engine"}
}

var usernameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,99}$`)

func checkUser(p *model.User) []value.Problem {
	var problems value.Problems
	checkName(&p.Name, &problems)
	if !usernameForm.MatchString(p.Username) {
		problems.Bad("username", "%q is no name of a user: it begins with a letter and has letters, digits, - and _",
			p.Username)
	}
	p.Access = canonicalAccess(p.Access)
	return problems
}

func (g user) create(ctx context.Context, c userCall) (string, model.UserOutputs, error) {
	in := &elasticache.CreateUserInput{
		UserId: &c.Props.Name, UserName: &c.Props.Username, Engine: aws.String(commonEngine),
		AccessString: &c.Props.Access, Tags: tags(c.Request, c.Props.Tags),
	}
	var err error
	if in.AuthenticationMode, err = g.authentication(ctx, c.Props); err != nil {
		return "", model.UserOutputs{}, err
	}
	made, err := g.client.CreateUser(ctx, in)
	if err != nil {
		return "", model.UserOutputs{}, failed(err)
	}
	return c.Props.Name, model.UserOutputs{ARN: aws.ToString(made.ARN), ID: c.Props.Name}, nil
}

// authentication is how a user logs in. Where nobody is to log in, the password is one that nobody knows: AWS takes no
// user without a password into a group of Valkey.
func (g user) authentication(ctx context.Context, p model.User) (*types.AuthenticationMode, error) {
	text := rand.Text()
	if secret := p.PasswordSecret.Get(); secret != "" {
		var err error
		if text, err = g.password(ctx, secret); err != nil {
			return nil, err
		}
	}
	return &types.AuthenticationMode{Type: types.InputAuthenticationTypePassword, Passwords: []string{text}}, nil
}

func (g user) describe(ctx context.Context, id string) (types.User, error) {
	out, err := g.client.DescribeUsers(ctx, &elasticache.DescribeUsersInput{UserId: &id})
	if err != nil {
		return types.User{}, failed(err)
	}
	if len(out.Users) == 0 {
		return types.User{}, absent("elasticache:DescribeUsers", id)
	}
	return out.Users[0], nil
}

func (g user) read(ctx context.Context, c userCall) (model.User, model.UserOutputs, error) {
	found, err := g.describe(ctx, c.ID)
	if err == nil && aws.ToString(found.Status) == deletingNow {
		err = call.Deleting("the user " + c.ID)
	}
	if err != nil {
		return model.User{}, model.UserOutputs{}, err
	}
	labels, err := g.tagsOf(ctx, aws.ToString(found.ARN))
	if err != nil {
		return model.User{}, model.UserOutputs{}, err
	}
	p := c.Old
	if p.Name == "" { // made by an interrupted run
		p = c.Props
	}
	p.Name, p.Username, p.Engine = c.ID, aws.ToString(found.UserName), engineOf(p.Engine, aws.ToString(found.Engine))
	p.Access, p.Tags = seenAccess(p.Access, aws.ToString(found.AccessString)), tagging.Seen(c.Request, labels)
	if a := found.Authentication; a != nil && a.Type != types.AuthenticationTypePassword {
		p.PasswordSecret, p.PasswordVersion = value.Of[string]{}, value.Of[string]{}
	} else {
		c.Unread("AWS does not return the password of a user", "passwordSecret", "passwordVersion")
	}
	return p, model.UserOutputs{ARN: aws.ToString(found.ARN), ID: c.ID}, nil
}

// usable waits until the user can be changed.
func (g user) usable(ctx context.Context, id string) error {
	return call.Wait(ctx, briefly, "user "+id+" is active", func(ctx context.Context) (bool, error) {
		found, err := g.describe(ctx, id)
		return aws.ToString(found.Status) == active, err
	})
}

func (g user) update(ctx context.Context, c userCall) (model.UserOutputs, error) {
	if err := g.usable(ctx, c.ID); err != nil {
		return c.Out, err
	}
	in := &elasticache.ModifyUserInput{UserId: &c.ID}
	changed := false
	if c.Props.Access != c.Old.Access {
		in.AccessString, changed = &c.Props.Access, true
	}
	if !value.Equal(c.Props.PasswordSecret.Value(), c.Old.PasswordSecret.Value()) ||
		!value.Equal(c.Props.PasswordVersion.Value(), c.Old.PasswordVersion.Value()) {
		var err error
		if in.AuthenticationMode, err = g.authentication(ctx, c.Props); err != nil {
			return c.Out, err
		}
		changed = true
	}
	if changed {
		if _, err := g.client.ModifyUser(ctx, in); err != nil {
			return c.Out, failed(err)
		}
		if err := g.usable(ctx, c.ID); err != nil {
			return c.Out, err
		}
	}
	return c.Out, g.retag(ctx, c.Request, c.Out.ARN, c.Old.Tags, c.Props.Tags)
}

func (g user) delete(ctx context.Context, c userCall) error {
	return call.Wait(ctx, briefly, "user "+c.ID+" is gone", func(ctx context.Context) (bool, error) {
		found, err := g.describe(ctx, c.ID)
		if gone(err) {
			return true, nil
		}
		if err != nil || aws.ToString(found.Status) != active {
			return false, err
		}
		_, err = g.client.DeleteUser(ctx, &elasticache.DeleteUserInput{UserId: &c.ID})
		if call.HasCode(err, append([]string{"DefaultUserAssociatedToUserGroup"}, unready...)...) {
			return false, nil
		}
		return false, failed(err)
	})
}

type (
	userGroupCall = resource.Call[model.UserGroup, model.UserGroupOutputs]
	userGroup     struct{ *api }
)

func newUserGroup(a *api) resource.Behaviour {
	g := userGroup{a}
	return &resource.Typed[model.UserGroup, model.UserGroupOutputs]{
		Def: resource.Definition{
			Type: model.UserGroupType, Version: 1,
			HashedName: "name", NameLimit: userLimit, Replaces: onlyToValkey,
			NotYet: []resource.NotYet{{
				Operations: []string{"elasticache:CreateUserGroup", "elasticache:ModifyUserGroup"},
				Codes:      []string{"UserNotFound"},
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: own(s, "usergroup", userLimit), Actions: append([]string{
						"elasticache:CreateUserGroup", "elasticache:DescribeUserGroups",
						"elasticache:ModifyUserGroup", "elasticache:DeleteUserGroup",
					}, tagActions...)},
					{On: own(s, "user", userLimit), Actions: []string{
						"elasticache:CreateUserGroup", "elasticache:ModifyUserGroup",
					}},
				}
			},
		},
		CheckProps: func(p *model.UserGroup) []value.Problem {
			var problems value.Problems
			checkName(&p.Name, &problems)
			p.UserIDs = value.AsSet(p.UserIDs)
			return problems
		},
		CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update, AwaitReady: g.awaitReady,
		AwaitGone:    call.AwaitGone(briefly, "user group", g.read),
		DeleteObject: g.delete, Named: "name", Taggable: true,
	}
}

func (g userGroup) create(ctx context.Context, c userGroupCall) (string, model.UserGroupOutputs, error) {
	made, err := g.client.CreateUserGroup(ctx, &elasticache.CreateUserGroupInput{
		UserGroupId: &c.Props.Name, Engine: aws.String(commonEngine), UserIds: c.Props.UserIDs.Get(),
		Tags: tags(c.Request, c.Props.Tags),
	})
	if err != nil {
		return "", model.UserGroupOutputs{}, failed(err)
	}
	return c.Props.Name, model.UserGroupOutputs{ARN: aws.ToString(made.ARN), ID: c.Props.Name}, nil
}

func (g userGroup) describe(ctx context.Context, id string) (types.UserGroup, error) {
	out, err := g.client.DescribeUserGroups(ctx, &elasticache.DescribeUserGroupsInput{UserGroupId: &id})
	if err != nil {
		return types.UserGroup{}, failed(err)
	}
	if len(out.UserGroups) == 0 {
		return types.UserGroup{}, absent("elasticache:DescribeUserGroups", id)
	}
	return out.UserGroups[0], nil
}

func (g userGroup) read(ctx context.Context, c userGroupCall) (model.UserGroup, model.UserGroupOutputs, error) {
	found, err := g.describe(ctx, c.ID)
	if err == nil && aws.ToString(found.Status) == deletingNow {
		err = call.Deleting("the user group " + c.ID)
	}
	if err != nil {
		return model.UserGroup{}, model.UserGroupOutputs{}, err
	}
	labels, err := g.tagsOf(ctx, aws.ToString(found.ARN))
	if err != nil {
		return model.UserGroup{}, model.UserGroupOutputs{}, err
	}
	recorded := c.Old.Engine
	if c.Old.Name == "" { // made by an interrupted run
		recorded = c.Props.Engine
	}
	return model.UserGroup{
		Name: c.ID, Engine: engineOf(recorded, aws.ToString(found.Engine)),
		UserIDs: value.AsSet(value.Lit(slices.Clone(found.UserIds))),
		Tags:    tagging.Seen(c.Request, labels),
	}, model.UserGroupOutputs{ARN: aws.ToString(found.ARN), ID: c.ID}, nil
}

func (g userGroup) awaitReady(ctx context.Context, c userGroupCall) (model.UserGroupOutputs, error) {
	_, err := g.usable(ctx, c.ID)
	return c.Out, err
}

// usable waits until the group can be used and changed.
func (g userGroup) usable(ctx context.Context, id string) (types.UserGroup, error) {
	var found types.UserGroup
	err := call.Wait(ctx, briefly, "user group "+id+" is active", func(ctx context.Context) (bool, error) {
		var err error
		found, err = g.describe(ctx, id)
		return aws.ToString(found.Status) == active, err
	})
	return found, err
}

// update starts from the users that the group really has: an interrupted update may have made the change.
func (g userGroup) update(ctx context.Context, c userGroupCall) (model.UserGroupOutputs, error) {
	found, err := g.usable(ctx, c.ID)
	if err != nil {
		return c.Out, err
	}
	wanted := c.Props.UserIDs.Get()
	among := func(ids []string) func(string) bool {
		return func(id string) bool { return slices.Contains(ids, id) }
	}
	in := &elasticache.ModifyUserGroupInput{
		UserGroupId: &c.ID, UserIdsToAdd: slices.DeleteFunc(slices.Clone(wanted), among(found.UserIds)),
		UserIdsToRemove: slices.DeleteFunc(slices.Clone(found.UserIds), among(wanted)),
	}
	if len(in.UserIdsToAdd)+len(in.UserIdsToRemove) > 0 {
		if _, err := g.client.ModifyUserGroup(ctx, in); err != nil {
			return c.Out, failed(err)
		}
		if _, err := g.usable(ctx, c.ID); err != nil {
			return c.Out, err
		}
	}
	return c.Out, g.retag(ctx, c.Request, c.Out.ARN, c.Old.Tags, c.Props.Tags)
}

func (g userGroup) delete(ctx context.Context, c userGroupCall) error {
	var refused error
	err := call.Wait(ctx, briefly, fmt.Sprintf("user group %s is gone", c.ID),
		func(ctx context.Context) (bool, error) {
			found, err := g.describe(ctx, c.ID)
			if gone(err) {
				return true, nil
			}
			if err != nil || aws.ToString(found.Status) != active {
				return false, err
			}
			_, refused = g.client.DeleteUserGroup(ctx, &elasticache.DeleteUserGroupInput{UserGroupId: &c.ID})
			if call.HasCode(refused, unready...) {
				return false, nil // a cache that was deleted a moment ago still uses it
			}
			return false, failed(refused)
		})
	if err != nil && refused != nil && ctx.Err() == nil {
		return failed(refused)
	}
	return err
}
