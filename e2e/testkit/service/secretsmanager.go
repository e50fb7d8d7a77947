package service

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/company/deployer/e2e/testkit/access"
)

var _ = register(Service{
	Name: "secretsmanager", ID: "Secrets Manager", NameBy: []string{"SecretId", "Name"},
	Access: access.Rules{Requests: func(b *access.Builder) {
		id := b.Text("SecretId")
		if !strings.HasPrefix(id, "arn:") {
			id = b.ARN("secret:" + id + "-AbCdEf")
		}
		b.On(id)
	}},
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
