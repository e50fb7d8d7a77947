package catalog_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/catalog"
)

// hashed is what the hash in the names covers, by type. It never changes: another list would rename, and so replace,
// every existing object. If a further property is to force a replacement, add it to Definition.HashedLater, with the
// value that older objects have.
var hashed = map[string][]string{
	"ec2/security-group":            {"vpcId", "description"},
	"elasticache/cluster":           {"port", "nodeType", "transitEncryption"},
	"elasticache/parameter-group":   {"family", "clustered"},
	"elasticache/replication-group": {"port", "atRestEncryption", "kmsKey"},
	"elasticache/serverless-cache":  {"kmsKey"},
	"elasticache/user":              {"username"},
	"elasticache/user-group":        nil,
	"elasticache/subnet-group":      {"vpcId"},
	"elbv2/load-balancer":           {"scheme", "vpcId"},
	"elbv2/target-group":            {"port", "protocol", "protocolVersion", "vpcId", "targetType"},
	"iam/role":                      {"path"},
	"rds/cluster":                   {"engine", "database", "username", "subnetGroup", "encrypted", "kmsKey"},
	"rds/instance": {
		"engine", "clusterIdentifier", "database", "username", "subnetGroup", "encrypted", "kmsKey",
	},
	"rds/cluster-parameter-group": {"family", "description"},
	"rds/parameter-group":         {"family", "description"},
	"rds/subnet-group":            {"vpcId"},
}

func TestHashesInNamesNeverChange(t *testing.T) {
	c := catalog.New(aws.Config{Region: "eu-west-1"})
	is := map[string][]string{}
	for _, def := range c.Definitions() {
		if def.HashedName != "" {
			is[def.Type] = slices.DeleteFunc(slices.Clone(def.ReplaceOn), func(name string) bool {
				_, later := def.HashedLater[name]
				return later || name == def.HashedName
			})
		}
	}
	require.Equal(t, hashed, is)
}
