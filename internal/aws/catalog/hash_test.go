package catalog_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/value"
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

// A key that replaces an object may be given in another form.
func TestAnotherFormOfAKeyReplacesNothing(t *testing.T) {
	const id, arn = "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:kms:eu-west-1:123456789012:key/"
	props := func(key string) value.Value {
		return value.NewMap(map[string]value.Value{"kmsKey": value.NewString(key)})
	}
	types := 0
	for _, def := range catalog.New(aws.Config{Region: "eu-west-1"}).Definitions() {
		if !slices.Contains(def.ReplaceOn, "kmsKey") {
			continue
		}
		types++
		require.Equal(t, id, def.AsRecorded(props(id), props(arn+id)).Get("kmsKey").Str(), def.Type)
		require.Equal(t, arn+id, def.AsRecorded(props(arn+id), props(id)).Get("kmsKey").Str(), def.Type)
		require.Equal(t, "other", def.AsRecorded(props(arn+id), props("other")).Get("kmsKey").Str(), def.Type)
		require.Equal(t, "alias/a", def.AsRecorded(props(arn+id), props("alias/a")).Get("kmsKey").Str(), def.Type)
		require.Equal(t, id, def.AsRecorded(value.NullValue, props(id)).Get("kmsKey").Str(), def.Type)
	}
	require.Equal(t, 4, types)
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
