package secretsmanager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/secretsmanager"
	"github.com/company/deployer/internal/value"
)

// Behaviours returns the resource types of Secrets Manager.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	return []resource.Behaviour{newPassword(secretsmanager.NewFromConfig(cfg))}
}

// passwordLength is how many letters and digits a password has. Every engine of ElastiCache takes them.
const passwordLength = 64

// nameLimit is how long the names of the stack's secrets are at most. Secrets Manager takes 512.
const nameLimit = 256

var failed = call.Errors(call.NotFound("ResourceNotFoundException"), call.Exists("ResourceExistsException"))

type (
	passwordCall = resource.Call[model.Password, model.PasswordOutputs]
	password     struct{ api *secretsmanager.Client }
)

func newPassword(api *secretsmanager.Client) resource.Behaviour {
	p := password{api}
	return &resource.Typed[model.Password, model.PasswordOutputs]{
		Def: resource.Definition{
			Type: model.PasswordType, Version: 1,
			ReplaceOn: []string{"name", "username"}, DeleteBeforeReplace: true,
			ChangesOnUpdate: []string{"version"}, Labels: []string{"tags", "description"},
			NotYet: []resource.NotYet{{ // a deleted secret of the name is not gone everywhere yet
				Operations: []string{"secretsmanager:CreateSecret"}, Codes: []string{"InvalidRequestException"},
				Says: []string{"scheduled for deletion"}, Within: 2 * time.Minute,
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: []string{s.ARN("secretsmanager", "secret:"+s.Names(nameLimit))}, Actions: []string{
						"secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:UpdateSecret",
						"secretsmanager:PutSecretValue", "secretsmanager:DeleteSecret", "secretsmanager:TagResource",
						"secretsmanager:UntagResource", "secretsmanager:GetResourcePolicy",
					}},
					{Actions: []string{"secretsmanager:GetRandomPassword"}},
				}
			},
		},
		CheckProps: func(p *model.Password) []value.Problem {
			var problems value.Problems
			if !nameForm.MatchString(p.Name) {
				problems.Bad("name", "%q is no name of a secret: 1 to 256 letters, digits and hyphens", p.Name)
			}
			return problems
		},
		CreateObject: p.create, ReadObject: p.read, UpdateObject: p.update, DeleteObject: p.delete, Find: p.find,
		Added: p.added, Taggable: true,
	}
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,256}$`)

func tagFields(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

// generate lets AWS make a value.
func (p password) generate(ctx context.Context, username string) (string, error) {
	made, err := p.api.GetRandomPassword(ctx, &secretsmanager.GetRandomPasswordInput{
		PasswordLength: aws.Int64(passwordLength), ExcludePunctuation: aws.Bool(true),
	})
	if err != nil {
		return "", failed(err)
	}
	text, err := json.Marshal(map[string]string{"username": username, "password": aws.ToString(made.RandomPassword)})
	return string(text), err
}

// token identifies the version that an intent makes, so that a repeated call makes no second one.
func token(req resource.Request) *string {
	sum := sha256.Sum256([]byte(req.Resource + " " + req.Token))
	return aws.String(hex.EncodeToString(sum[:]))
}

func (p password) create(ctx context.Context, c passwordCall) (string, model.PasswordOutputs, error) {
	text, err := p.generate(ctx, c.Props.Username)
	if err != nil {
		return "", model.PasswordOutputs{}, err
	}
	made, err := p.api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: &c.Props.Name, Description: &c.Props.Description, SecretString: &text,
		ClientRequestToken: token(c.Request),
		Tags:               tagging.List(tagging.Wanted(c.Tags, c.Props.Tags), tagFields),
	})
	if err != nil {
		return "", model.PasswordOutputs{}, failed(err)
	}
	arn := aws.ToString(made.ARN)
	return arn, model.PasswordOutputs{ARN: arn, Version: aws.ToString(made.VersionId)}, nil
}

func (p password) describe(ctx context.Context, id string) (*secretsmanager.DescribeSecretOutput, error) {
	found, err := p.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if err != nil {
		return nil, failed(err)
	}
	if found.DeletedDate != nil {
		return nil, resource.ErrNotFound
	}
	return found, nil
}

func (p password) find(ctx context.Context, c passwordCall) (string, map[string]string, error) {
	found, err := p.describe(ctx, c.Props.Name)
	if err != nil {
		return "", nil, err
	}
	return aws.ToString(found.ARN), tagging.Map(found.Tags, tagFields), nil
}

func (p password) read(ctx context.Context, c passwordCall) (model.Password, model.PasswordOutputs, error) {
	found, err := p.describe(ctx, c.ID)
	if err != nil {
		return model.Password{}, model.PasswordOutputs{}, err
	}
	out := model.PasswordOutputs{ARN: aws.ToString(found.ARN)}
	for version, stages := range found.VersionIdsToStages {
		if slices.Contains(stages, "AWSCURRENT") {
			out.Version = version
		}
	}
	props := c.Old // username and generation are in the value
	c.Unread("it stands in the secret's value, which is never read", "username", "generation")
	if props.Name == "" {
		props = c.Props
	}
	props.Name, props.Description = aws.ToString(found.Name), aws.ToString(found.Description)
	props.Tags = tagging.Seen(c.Request, tagging.Map(found.Tags, tagFields))
	return props, out, nil
}

// added says whether others gave the secret a resource policy.
func (p password) added(
	ctx context.Context, c passwordCall, _ resource.Neighbours,
) ([]resource.Addition, error) {
	found, err := p.api.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &c.ID})
	if err != nil || aws.ToString(found.ResourcePolicy) == "" {
		return nil, failed(err)
	}
	return []resource.Addition{{
		ID: c.ID, What: "a resource policy, which says who else may read it",
		Remove: "aws secretsmanager delete-resource-policy --secret-id " + c.ID,
	}}, nil
}

func (p password) update(ctx context.Context, c passwordCall) (model.PasswordOutputs, error) {
	if c.Props.Description != c.Old.Description {
		_, err := p.api.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{
			SecretId: &c.ID, Description: &c.Props.Description,
		})
		if err != nil {
			return c.Out, failed(err)
		}
	}
	if c.Props.Generation != c.Old.Generation {
		text, err := p.generate(ctx, c.Props.Username)
		if err != nil {
			return c.Out, err
		}
		version := token(c.Request)
		_, err = p.api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
			SecretId: &c.ID, SecretString: &text, ClientRequestToken: version,
		})
		// An earlier attempt, whose answer was lost, has stored another password under this version: that one counts.
		if err != nil && !call.HasCode(err, "ResourceExistsException") {
			return c.Out, failed(err)
		}
		c.Out.Version = *version
	}
	return c.Out, tagging.Retag(c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags), func(add map[string]string) error {
		_, err := p.api.TagResource(ctx, &secretsmanager.TagResourceInput{
			SecretId: &c.ID, Tags: tagging.List(add, tagFields),
		})
		return failed(err)
	}, func(keys []string) error {
		_, err := p.api.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: &c.ID, TagKeys: keys})
		return failed(err)
	})
}

// delete leaves no recovery window: the password opens nothing any more, and the window would block the name.
func (p password) delete(ctx context.Context, c passwordCall) error {
	if _, err := p.describe(ctx, c.ID); err != nil {
		return err
	}
	_, err := p.api.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{
		SecretId: &c.ID, ForceDeleteWithoutRecovery: aws.Bool(true),
	})
	return failed(err)
}
