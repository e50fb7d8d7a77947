package dynamodb

import (
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/resource"
)

// Permissions are the permissions to lock the scope's stack on the table, and to check the table. The scope's region is
// the table's.
func (s Settings) Permissions(scope resource.Scope) []resource.Statement {
	table := []string{scope.ARN("dynamodb", "table/"+s.Table)}
	item := lock.Key{Stack: scope.Stack, Environment: scope.Environment}.String()
	return []resource.Statement{
		{
			On: table, Actions: []string{"dynamodb:GetItem", "dynamodb:UpdateItem"},
			When: resource.Condition{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": {item, item + ":*"}}},
		},
		{On: table, Actions: []string{
			"dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups",
			"dynamodb:DescribeTimeToLive",
		}},
	}
}
