package elasticachefake

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
)

// user is a user, with the passwords that no call shows.
type user struct {
	types.User
	change
	passwords []string
}

// userGroup is a user group.
type userGroup struct {
	types.UserGroup
	change
}

func noUser(id string) error { return missing("UserNotFound", "User %s not found.", id) }
func noUserGroup(id string) error {
	return missing("UserGroupNotFound", "User group %s not found.", id)
}

// access is an access string as AWS returns it: state, keys, channels, commands. It says that the user has no other
// channels, and denies first what it does not allow.
func access(asked string) string {
	state, keys, channels, commands := "off", []string{}, []string{"resetchannels"}, []string{"-@all"}
	for _, w := range strings.Fields(asked) {
		switch {
		case w == "on" || w == "off":
			state = w
		case w == "allkeys":
			keys = []string{"~*"}
		case w == "allchannels" || w == "&*":
			channels = []string{"&*"}
		case strings.HasPrefix(w, "&"):
			channels = append(channels, w)
		case w == "+@all" || w == "allcommands":
			commands = []string{"+@all"}
		case w == "-@all" || w == "nocommands":
			commands = []string{"-@all"}
		case strings.HasPrefix(w, "+") || strings.HasPrefix(w, "-"):
			commands = append(commands, lower(w))
		case w != "resetchannels":
			keys = append(keys, w)
		}
	}
	return strings.Join(slices.Concat([]string{state}, keys, channels, commands), " ")
}

// authenticate reads how a user proves who it is; false: the request does not say.
func (c *call) authenticate(u *user) (bool, error) {
	kind, passwords := c.text("AuthenticationMode.Type"), c.list("AuthenticationMode.Passwords")
	if kind == "" && c.yes("NoPasswordRequired", false) {
		kind = "no-password-required"
	}
	if kind == "" && c.list("Passwords") != nil {
		kind, passwords = "password", c.list("Passwords")
	}
	switch kind {
	case "":
		return false, nil
	case "iam":
		if *u.UserId != *u.UserName {
			return false, invalid("For IAM authentication the user id and the user name must be the same.")
		}
		u.Authentication, u.passwords = &types.Authentication{Type: types.AuthenticationTypeIam}, nil
	case "no-password-required":
		if *u.Engine == "valkey" {
			return false, combination("Users of the engine valkey need a password or IAM.")
		}
		u.Authentication, u.passwords = &types.Authentication{Type: types.AuthenticationTypeNoPassword}, nil
	default:
		if len(passwords) < 1 || len(passwords) > 2 {
			return false, invalid("A user has one or two passwords.")
		}
		for _, p := range passwords {
			if len(p) < 16 || len(p) > 128 {
				return false, invalid("Passwords have 16 to 128 characters.")
			}
		}
		u.passwords = passwords
		u.Authentication = &types.Authentication{
			Type: types.AuthenticationTypePassword, PasswordCount: new(int32(len(passwords))),
		}
	}
	return true, nil
}

func createUser(c *call) (any, error) {
	id := lower(c.text("UserId"))
	if c.users[id] != nil {
		return nil, refuse("UserAlreadyExists", "User %s already exists.", id)
	}
	u := &user{User: types.User{
		UserId: &id, UserName: c.optional("UserName"), Engine: new(lower(c.text("Engine"))),
		AccessString: new(access(c.text("AccessString"))), ARN: new(c.arn("user", id)), Status: new("active"),
		UserGroupIds: []string{}, MinimumEngineVersion: new("6.0"),
	}}
	said, err := c.authenticate(u)
	if err != nil {
		return nil, err
	}
	if !said {
		return nil, combination("The request does not say how the user authenticates.")
	}
	if err := c.tag(*u.ARN); err != nil {
		return nil, err
	}
	c.users[id] = u
	return &elasticache.CreateUserOutput{
		UserId: u.UserId, UserName: u.UserName, Engine: u.Engine, AccessString: u.AccessString, ARN: u.ARN,
		Status: u.Status, Authentication: u.Authentication,
	}, nil
}

func describeUsers(c *call) (any, error) {
	id := c.text("UserId")
	found, err := all(c.users, id, func() error { return noUser(id) })
	out := &elasticache.DescribeUsersOutput{Users: []types.User{}}
	for _, u := range found {
		u.UserGroupIds = []string{}
		for name, g := range c.userGroups {
			if slices.Contains(g.UserIds, *u.UserId) {
				u.UserGroupIds = append(u.UserGroupIds, name)
			}
		}
		out.Users = append(out.Users, u.User)
	}
	return out, err
}

func modifyUser(c *call) (any, error) {
	id := lower(c.text("UserId"))
	u := c.users[id]
	if u == nil {
		return nil, noUser(id)
	}
	if *u.Status != "active" {
		return nil, refuse("InvalidUserState", "User %s is not active.", id)
	}
	next := *u
	if _, err := c.authenticate(&next); err != nil {
		return nil, err
	}
	if text := c.text("AccessString"); text != "" {
		next.AccessString = new(access(text))
	}
	if engine := lower(c.text("Engine")); engine != "" {
		next.Engine = &engine
	}
	for _, g := range c.userGroups {
		if slices.Contains(g.UserIds, id) {
			if err := fits(*g.Engine, next.User); err != nil {
				return nil, err
			}
		}
	}
	u.Status = new("modifying")
	u.begin(func() {
		*u = next
		u.Status = new("active")
	})
	u.left = 0 // with the next call of any kind
	return &elasticache.ModifyUserOutput{UserId: u.UserId, Status: u.Status, ARN: u.ARN}, nil
}

func deleteUser(c *call) (any, error) {
	id := lower(c.text("UserId"))
	u := c.users[id]
	if u == nil {
		return nil, noUser(id)
	}
	if *u.Status != "active" {
		return nil, refuse("InvalidUserState", "User %s is not active.", id)
	}
	for name, g := range c.userGroups {
		if slices.Contains(g.UserIds, id) && *u.UserName == "default" {
			return nil, refuse("DefaultUserAssociatedToUserGroup", "The default user belongs to the user group %s.",
				name)
		}
		g.UserIds = slices.DeleteFunc(g.UserIds, func(have string) bool { return have == id })
	}
	u.Status = new(deleting)
	u.begin(func() {
		delete(c.users, id)
		delete(c.tags, *u.ARN)
	})
	return &elasticache.DeleteUserOutput{UserId: u.UserId, Status: u.Status}, nil
}

// fits refuses a user that a group of that engine cannot have.
func fits(engine string, u types.User) error {
	switch {
	case engine == "redis" && *u.Engine != "redis":
		return combination("User %s of the engine %s cannot belong to a user group of the engine redis.", *u.UserId,
			*u.Engine)
	case engine == "valkey" && u.Authentication.Type == types.AuthenticationTypeNoPassword:
		return combination("User %s has neither a password nor IAM, which a user group of the engine valkey needs.",
			*u.UserId)
	}
	return nil
}

// checkUsers refuses users of a group that are not there, that have one name, or that lack the name default.
func (c *call) checkUsers(engine string, ids []string) error {
	names := map[string]bool{}
	for _, id := range ids {
		u := c.users[lower(id)]
		if u == nil {
			return noUser(id)
		}
		if names[*u.UserName] {
			return refuse("DuplicateUserName", "There is more than one user with the name %s.", *u.UserName)
		}
		names[*u.UserName] = true
		if err := fits(engine, u.User); err != nil {
			return err
		}
	}
	if !names["default"] && engine == "redis" {
		return refuse("DefaultUserRequired", "The group needs a user with the name default.")
	}
	return nil
}

func createUserGroup(c *call) (any, error) {
	id, engine := lower(c.text("UserGroupId")), lower(c.text("Engine"))
	if c.userGroups[id] != nil {
		return nil, refuse("UserGroupAlreadyExists", "User group %s already exists.", id)
	}
	ids := c.list("UserIds")
	if err := c.checkUsers(engine, ids); err != nil {
		return nil, err
	}
	g := &userGroup{UserGroup: types.UserGroup{
		UserGroupId: &id, Engine: &engine, UserIds: append([]string{}, ids...), ARN: new(c.arn("usergroup", id)),
		Status: new(creating), ReplicationGroups: []string{},
	}}
	if err := c.tag(*g.ARN); err != nil {
		return nil, err
	}
	c.userGroups[id] = g
	g.begin(func() { g.Status = new("active") })
	return &elasticache.CreateUserGroupOutput{UserGroupId: g.UserGroupId, Status: g.Status, ARN: g.ARN}, nil
}

func describeUserGroups(c *call) (any, error) {
	id := c.text("UserGroupId")
	found, err := all(c.userGroups, id, func() error { return noUserGroup(id) })
	out := &elasticache.DescribeUserGroupsOutput{UserGroups: []types.UserGroup{}}
	for _, g := range found {
		g.ReplicationGroups = []string{}
		for name, r := range c.groups {
			if slices.Contains(r.userGroups, *g.UserGroupId) {
				g.ReplicationGroups = append(g.ReplicationGroups, name)
			}
		}
		out.UserGroups = append(out.UserGroups, g.UserGroup)
	}
	return out, err
}

func (c *call) changeableUserGroup() (*userGroup, error) {
	id := lower(c.text("UserGroupId"))
	g := c.userGroups[id]
	if g == nil {
		return nil, noUserGroup(id)
	}
	if *g.Status != "active" {
		return nil, refuse("InvalidUserGroupState", "User group %s is not active.", id)
	}
	return g, nil
}

func modifyUserGroup(c *call) (any, error) {
	g, err := c.changeableUserGroup()
	if err != nil {
		return nil, err
	}
	add, remove := c.list("UserIdsToAdd"), c.list("UserIdsToRemove")
	for _, id := range add {
		if slices.Contains(g.UserIds, id) {
			return nil, invalid("User %s is already a member of the user group.", id)
		}
	}
	next := slices.DeleteFunc(slices.Clone(g.UserIds), func(id string) bool { return slices.Contains(remove, id) })
	next = append(next, add...)
	engine := first(lower(c.text("Engine")), *g.Engine)
	if err := c.checkUsers(engine, next); err != nil {
		return nil, err
	}
	for _, r := range c.groups {
		if slices.Contains(r.userGroups, *g.UserGroupId) {
			if err := takes(r.engine, engine); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range c.serverless {
		if s.UserGroupId != nil && *s.UserGroupId == *g.UserGroupId {
			if err := takes(*s.Engine, engine); err != nil {
				return nil, err
			}
		}
	}
	g.Status = new(modifying)
	g.begin(func() { g.Status, g.UserIds, g.Engine = new("active"), next, &engine })
	return &elasticache.ModifyUserGroupOutput{UserGroupId: g.UserGroupId, Status: g.Status, ARN: g.ARN}, nil
}

func deleteUserGroup(c *call) (any, error) {
	g, err := c.changeableUserGroup()
	if err != nil {
		return nil, err
	}
	id := *g.UserGroupId
	for name, r := range c.groups {
		if slices.Contains(r.userGroups, id) {
			return nil, refuse("InvalidUserGroupState", "User group %s is associated with the replication group %s.",
				id,
				name)
		}
	}
	for name, s := range c.serverless {
		if s.UserGroupId != nil && *s.UserGroupId == id {
			return nil, refuse("InvalidUserGroupState", "User group %s is associated with the serverless cache %s.",
				id, name)
		}
	}
	g.Status = new(deleting)
	g.begin(func() {
		delete(c.userGroups, id)
		delete(c.tags, *g.ARN)
	})
	return &elasticache.DeleteUserGroupOutput{UserGroupId: g.UserGroupId, Status: g.Status}, nil
}
