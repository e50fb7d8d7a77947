package service

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
)

var _ = register(Service{
	Name: "secretsmanager", ID: "Secrets Manager", NameBy: []string{"SecretId", "Name"},
	Inventory: inventory.Source{List: listSecrets},
	Access: access.Rules{Requests: func(b *access.Builder) {
		id := access.First(b.Text("SecretId"), b.Text("Name"))
		switch {
		case id == "":
			b.On("*")
			return
		case !strings.HasPrefix(id, "arn:"):
			id = b.ARN("secret:" + id + "-AbCdEf")
		}
		b.On(id)
		b.Tagging("secretsmanager:TagResource", id)
	}},
	Unasked: map[string]string{
		"secretsmanager:RotateSecret":   "passwordRotation",
		"secretsmanager:PutSecretValue": "a password that is made anew",
		"secretsmanager:UpdateSecret":   "a description that changes",
		"secretsmanager:UntagResource":  "a tag that goes",
	},
	Types: map[string]ByHand{"secretsmanager/password": {}},
	Canary: func(ctx context.Context, cfg aws.Config, secret string) (string, error) {
		made, err := secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: aws.String("shop/canary"), SecretString: aws.String(`{"password": "` + secret + `"}`),
		})
		if err != nil {
			return "", err
		}
		return *made.ARN + "#password", nil
	},
})

// listSecrets lists the secrets with their tags; no run may read a value.
func listSecrets(l *inventory.Lister) error {
	pages := secretsmanager.NewListSecretsPaginator(secretsmanager.NewFromConfig(l.Config),
		&secretsmanager.ListSecretsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(l)
		if err != nil {
			return err
		}
		for _, s := range page.SecretList {
			own := map[string]string{}
			for _, t := range s.Tags {
				own[*t.Key] = *t.Value
			}
			if err := l.Add("secret", *s.Name, len(s.SecretVersionsToStages), inventory.Tags(own)); err != nil {
				return err
			}
		}
	}
	return nil
}
