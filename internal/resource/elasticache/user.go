package elasticache

import "github.com/company/deployer/internal/value"

// Types of who may connect.
const (
	UserType      = "elasticache/user"
	UserGroupType = "elasticache/user-group"
)

// User is a user of caches of Valkey or Redis OSS.
type User struct {
	Name            string           `json:"name" required:"true" doc:"Prefix of the id, to which a hash is added; 40 characters in all."`
	Username        string           `json:"username" required:"true" doc:"Name with which clients log in."`
	Engine          string           `json:"engine" required:"true" enum:"valkey,redis" doc:"The engine of the caches. redis becomes valkey in place. In AWS, the engine of what is made is always redis, which caches of Valkey take, too."`
	Access          string           `json:"access" required:"true" doc:"What the user may do, in the words of ACL: on ~app:* +@read."`
	PasswordSecret  value.Of[string] `json:"passwordSecret,omitempty" unset:"nobody can log in as the user" doc:"ARN of the secret whose key password is the password."`
	PasswordVersion value.Of[string] `json:"passwordVersion,omitempty" doc:"Version of that secret. Another one changes the password."`

	Tags map[string]string `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// UserOutputs is what AWS adds to a user.
type UserOutputs struct {
	ARN string `json:"arn"`
	ID  string `json:"id"`
}

// UserGroup is the users that may connect to a cache.
type UserGroup struct {
	Name    string             `json:"name" required:"true" doc:"Prefix of the id, to which a hash is added; 40 characters in all."`
	Engine  string             `json:"engine" required:"true" enum:"valkey,redis" doc:"The engine of the caches. redis becomes valkey in place. In AWS, the engine of what is made is always redis, which caches of Valkey take, too."`
	UserIDs value.Of[[]string] `json:"userIds" required:"true" doc:"Ids of users. Their order does not count. Redis OSS needs one with the name default."`
	Tags    map[string]string  `json:"tags,omitempty" doc:"Tags of the object, beside those of deployer."`
}

// UserGroupOutputs is what AWS adds to a user group.
type UserGroupOutputs struct {
	ARN string `json:"arn"`
	ID  string `json:"id"`
}
