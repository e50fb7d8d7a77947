package rds

import (
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// databasePermissions are what instances and clusters need alike. kind is what RDS calls them in names of log groups.
func databasePermissions(s resource.Scope, kind string) []resource.Statement {
	return []resource.Statement{
		offers,
		{Actions: []string{"rds:DescribeEvents"}, Why: "progress of what takes minutes"},
		logsOf(s, kind), managedSecret(s), keys(s),
		{
			On:      []string{s.ARN("secretsmanager", "secret:rds!*")},
			Actions: []string{"secretsmanager:DescribeSecret", "secretsmanager:RotateSecret"},
			Why:     "with `passwordRotation`",
		},
		s.ServiceLinkedRole("rds.amazonaws.com"),
	}
}

// managedSecret is what RDS needs of the caller to keep a password in Secrets Manager.
func managedSecret(s resource.Scope) resource.Statement {
	return resource.Statement{
		On:      []string{s.ARN("secretsmanager", "secret:rds!*")},
		Actions: []string{"secretsmanager:CreateSecret", "secretsmanager:TagResource"},
		Why:     "RDS makes the secret of a managed password in the name of the caller",
	}
}

// keys is what RDS needs of the caller for the keys of the storage and of the secret, and does in the caller's name.
func keys(s resource.Scope) resource.Statement {
	domain := resource.PartitionOf(s.Region).DNS
	return resource.Statement{
		On:      []string{s.ARN("kms", "key/*")},
		Actions: []string{"kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"},
		When: resource.Condition{"StringEquals": {"kms:ViaService": {
			"rds." + s.Region + "." + domain, "secretsmanager." + s.Region + "." + domain,
		}}},
		Why: "RDS and Secrets Manager use the keys in the name of the caller",
	}
}

func checkRotation(problems *value.Problems, days *int) {
	if days != nil && (*days < 1 || *days > 1000) {
		problems.Bad("passwordRotation", "must be from 1 to 1000 days, but is %d", *days)
	}
}
