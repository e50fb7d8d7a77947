// Package secretsmanager is the lookup of secrets in AWS Secrets Manager, and the behaviour of passwords.
//
// In: a name or an ARN, calls of the resource contract. Out: metadata, and secrets whose values AWS has made. It must
// not read a value, and no state, plan, log or error may hold a value that it stores.
package secretsmanager

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/secretsmanager"
	"github.com/company/deployer/internal/value"
)

// Lookups returns the lookups of Secrets Manager.
func Lookups(cfg aws.Config) []resource.Lookup {
	s := secret{region: cfg.Region, api: secretsmanager.NewFromConfig(cfg)}
	return []resource.Lookup{{
		Type: model.LookupSecret, Read: s.read, Outputs: value.Fields[model.SecretOutputs](),
		Permissions: func(s resource.Scope) []resource.Statement {
			return []resource.Statement{{On: []string{arnOf(s)}, Actions: []string{"secretsmanager:DescribeSecret"}}}
		},
	}}
}

type secret struct {
	region string
	api    *secretsmanager.Client
}

func (s secret) read(ctx context.Context, props value.Value) (value.Value, error) {
	var want model.Secret
	if problems := value.Decode(props, &want); len(problems) > 0 {
		return value.NullValue, problems[0]
	}
	wrong := func(next, format string, args ...any) error {
		return &resource.OpError{
			Operation: "secretsmanager:DescribeSecret", Message: fmt.Sprintf(format, args...),
			Next: next,
		}
	}
	found, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &want.ID})
	if call.HasCode(err, "ResourceNotFoundException") {
		return value.NullValue, wrong("create it: aws secretsmanager create-secret --region "+s.region+
			" --name ...; or correct the reference",
			"there is no secret %s in %s of this account", want.ID, s.region)
	}
	if err != nil {
		return value.NullValue, call.Error(err)
	}
	if found.DeletedDate != nil {
		return value.NullValue, wrong("restore it: aws secretsmanager restore-secret --secret-id "+want.ID,
			"the secret %s is scheduled for deletion (%s)", want.ID, found.DeletedDate.UTC().Format(time.DateOnly))
	}
	if !current(found.VersionIdsToStages) {
		return value.NullValue, wrong("give it one: aws secretsmanager put-secret-value --region "+s.region+
			" --secret-id "+want.ID+" --secret-string ...", "the secret %s has no value yet", want.ID)
	}
	return value.Encode(model.SecretOutputs{
		ARN: aws.ToString(found.ARN), Name: aws.ToString(found.Name), KMSKeyID: aws.ToString(found.KmsKeyId),
	}), nil
}

// current reports whether a secret has a value: ECS takes the version with this label.
func current(versions map[string][]string) bool {
	for _, labels := range versions {
		if slices.Contains(labels, "AWSCURRENT") {
			return true
		}
	}
	return false
}

// arnOf is the ARN of the secret in question, with or without its six random characters.
func arnOf(s resource.Scope) string {
	switch id := s.Props.Get("id").Str(); {
	case id == "":
		return s.ARN("secretsmanager", "secret:*")
	case strings.HasPrefix(id, "arn:"):
		return id + "*"
	default:
		return s.ARN("secretsmanager", "secret:"+id+"*")
	}
}
