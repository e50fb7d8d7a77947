package awstest

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	model "github.com/company/deployer/internal/resource/secretsmanager"
)

var _ = liveObjects(answerSecrets,
	liveType{file: "SecretsManager-Secret", typ: model.PasswordType, props: func(l live) (any, string, string) {
		name := l.Live.text("Name")
		return model.Password{
			Name:        name,
			Description: l.Declared.text("Description"),
			Tags:        l.Declared.tags(),
		}, name, ""
	}},
)

func answerSecrets(l object, parameters any) (any, error) {
	if _, asked := parameters.(*secretsmanager.DescribeSecretInput); asked {
		out := &secretsmanager.DescribeSecretOutput{
			ARN: aws.String(l.text("Id")), Name: aws.String(l.text("Name")), Tags: into[[]secrettypes.Tag](l["Tags"]),
		}
		if text := l.text("Description"); text != "" {
			out.Description = &text
		}
		return out, nil
	}
	return nil, nil
}
