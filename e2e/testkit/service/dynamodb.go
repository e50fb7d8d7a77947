package service

import (
	"github.com/company/deployer/e2e/testkit/access"
)

var _ = register(Service{
	Name: "dynamodb", NameBy: []string{"TableName", "ResourceArn"},
	Access: access.Rules{Requests: func(b *access.Builder) {
		key, _ := b.Body["Key"].(map[string]any)
		lock, _ := key["lockKey"].(map[string]any)
		if id, ok := lock["S"].(string); ok {
			b.Context("dynamodb:LeadingKeys", id)
		}
		b.On(b.ARN("table/" + b.Text("TableName")))
	}},
})
