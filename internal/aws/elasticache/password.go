package elasticache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/value"
)

// readingSecret is what reading a password of the stack needs.
func readingSecret(s resource.Scope) resource.Statement {
	return resource.Statement{
		On:      []string{s.ARN("secretsmanager", "secret:"+s.Names(groupNameLimit))},
		Actions: []string{"secretsmanager:GetSecretValue"}, Why: "a cache with a password",
	}
}

// password reads the key password of a secret. It goes into the next call and nowhere else.
func (a *api) password(ctx context.Context, secret string) (string, error) {
	out, err := a.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secret})
	if err != nil {
		return "", call.Error(err)
	}
	var held struct {
		Password string `json:"password"`
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &held); err != nil || held.Password == "" {
		// The JSON error would show a part of the secret.
		return "", fmt.Errorf("the secret %s holds no JSON object with the key password: %w", secret, errNoPassword)
	}
	return held.Password, nil
}

var errNoPassword = errors.New("a cache cannot be given a password")

// authenticate changes who may connect: an AUTH token, users, or everybody in the network.
func (g replicationGroup) authenticate(
	ctx context.Context, c replicationGroupCall, old model.ReplicationGroup, step oneByOne,
) error {
	modify := func(what string, in *elasticache.ModifyReplicationGroupInput) error {
		in.ReplicationGroupId, in.ApplyImmediately = &c.ID, aws.Bool(true)
		return step(what, func() error {
			_, err := g.client.ModifyReplicationGroup(ctx, in)
			return err
		})
	}
	was, wanted := old.UserGroup.Get(), c.Props.UserGroup.Get()
	token := c.Props.PasswordSecret.Get()
	if was != wanted {
		in := &elasticache.ModifyReplicationGroupInput{}
		if wanted != "" {
			in.UserGroupIdsToAdd = []string{wanted}
		}
		if was != "" {
			in.UserGroupIdsToRemove = []string{was}
		}
		if old.PasswordSecret.IsSet() && wanted != "" {
			in.AuthTokenUpdateStrategy = types.AuthTokenUpdateStrategyTypeDelete
			old.PasswordSecret, old.PasswordVersion = value.Of[string]{}, value.Of[string]{}
		}
		if err := modify("changing the users of the cache", in); err != nil {
			return err
		}
	}
	if token == "" && old.PasswordSecret.IsSet() {
		return errors.New("AWS does not let a cache lose its AUTH token, except for users: give it users, or keep auth")
	}
	if token == "" || value.Equal(old.PasswordSecret.Value(), c.Props.PasswordSecret.Value()) &&
		value.Equal(old.PasswordVersion.Value(), c.Props.PasswordVersion.Value()) {
		return nil
	}
	secret, err := g.password(ctx, token)
	if err != nil {
		return err
	}
	// After ROTATE both tokens are valid: running tasks keep the old one until they are replaced.
	if err := modify("rotating the AUTH token", &elasticache.ModifyReplicationGroupInput{
		AuthToken: &secret, AuthTokenUpdateStrategy: types.AuthTokenUpdateStrategyTypeRotate,
	}); err != nil {
		return err
	}
	if old.PasswordSecret.IsSet() {
		return nil
	}
	return modify("requiring the AUTH token", &elasticache.ModifyReplicationGroupInput{
		AuthToken: &secret, AuthTokenUpdateStrategy: types.AuthTokenUpdateStrategyTypeSet,
	})
}
