package service

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/company/deployer/e2e/testkit/access"
)

var _ = register(Service{
	Name: "ssm", NameBy: []string{"Name", "Names", "ResourceId"},
	Access: access.Rules{Requests: accessSSM},
	Canary: func(ctx context.Context, cfg aws.Config, secret string) (string, error) {
		_, err := ssm.NewFromConfig(cfg).PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String("/shop/canary"), Type: ssmtypes.ParameterTypeSecureString, Value: &secret,
		})
		return "ssm:/shop/canary", err
	},
})

// accessSSM: a session with a container needs the task and the document.
func accessSSM(b *access.Builder) {
	if b.Call.Operation != "StartSession" {
		b.On("*")
		return
	}
	target := strings.Split(strings.TrimPrefix(b.Text("Target"), "ecs:"), "_") // cluster, task, container
	b.On("arn:aws:ecs:"+b.Call.Region+":"+b.Account+":task/"+strings.Join(target[:min(2, len(target))], "/"),
		"arn:aws:ssm:"+b.Call.Region+"::document/"+b.Text("DocumentName"))
}
