package catalog_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// What a plan says of a change is what AWS documents: of an update, and of the changes that need a new object.
func TestConsequencesOfUpdates(t *testing.T) {
	number, text, list := value.NewNumber, value.NewString, value.NewList
	forward := func(group string) value.Value {
		return value.NewMap(map[string]value.Value{
			"forward": value.NewMap(map[string]value.Value{"targetGroupArn": text(group)}),
		})
	}
	one := func(name string, v value.Value) value.Value { return value.NewMap(map[string]value.Value{name: v}) }
	unknown := value.NewUnknown()
	rule := func(key string, days float64) value.Value {
		return list(value.NewMap(map[string]value.Value{"id": text("a"), key: number(days)}))
	}
	for name, c := range map[string]struct {
		typ, property string
		old, new      value.Value
		means         plan.Consequence
		remark        string
	}{
		"no tasks": {"ecs/service", "desiredCount", number(2), number(0), plan.Downtime, ""},
		"no tasks, autoscaled": {
			"ecs/service", "desiredCount", value.NullValue, number(0),
			plan.Downtime, "",
		},
		"a deployment that stops first": {
			"ecs/service", "deployment", value.NullValue,
			value.NewMap(map[string]value.Value{"minHealthyPercent": number(0)}), plan.InPlace, "",
		},
		"fewer tasks":         {"ecs/service", "desiredCount", number(2), number(1), plan.InPlace, ""},
		"autoscaling decides": {"ecs/service", "desiredCount", number(2), value.NullValue, plan.InPlace, ""},
		"messages go earlier": {
			"sqs/queue", "messageRetention", number(345600), number(86400),
			plan.DataLoss, "older than 1d",
		},
		"messages stay": {
			"sqs/queue", "messageRetention", number(86400), number(345600),
			plan.InPlace, "",
		},
		"events go earlier": {
			"logs/log-group", "retentionDays", number(30), number(7),
			plan.DataLoss, "older than 7d",
		},
		"events stayed for ever": {
			"logs/log-group", "retentionDays", value.NullValue, number(7),
			plan.DataLoss, "older than 7d",
		},
		"events stay for ever": {
			"logs/log-group", "retentionDays", number(7), value.NullValue,
			plan.InPlace, "",
		},
		"backups go earlier": {
			"rds/instance", "backupRetention", number(7), number(3),
			plan.InPlace, "older than 3d",
		},
		"no backups": {
			"rds/cluster", "backupRetention", number(7), number(0),
			plan.InPlace, "backups are deleted",
		},
		"objects go": {
			"s3/bucket", "lifecycle", value.NullValue, rule("expireAfter", 7), plan.InPlace, "objects older than 7d",
		},
		"objects go earlier": {
			"s3/bucket", "lifecycle", rule("expireAfter", 9), rule("expireAfter", 7), plan.InPlace, "older than 7d",
		},
		"objects go later": {
			"s3/bucket", "lifecycle", rule("expireAfter", 7), rule("expireAfter", 9), plan.InPlace, "",
		},
		"versions go": {
			"s3/bucket", "lifecycle", value.NullValue, rule("noncurrentExpireAfter", 7), plan.InPlace,
			"replaced more than 7d ago",
		},
		"another NAT gateway": {
			"ec2/route", "natGatewayId", text("nat-1"), unknown,
			plan.Restart, "connections",
		},
		"another target group": {
			"elbv2/listener-rule", "action", forward("a"), forward("b"),
			plan.Downtime, "",
		},
		"the same target group": {
			"elbv2/listener-rule", "action", forward("a"), forward("a"),
			plan.InPlace, "",
		},
		"nodes of Memcached go": {
			"elasticache/cluster", "nodes", number(3), number(2),
			plan.DataLoss, "removed nodes",
		},
		"more of Memcached": {"elasticache/cluster", "nodes", number(2), number(3), plan.InPlace, ""},
		"TLS for all": {
			"elasticache/replication-group", "transitEncryption", text("preferred"), text("required"), plan.Rolling,
			"without TLS",
		},
		"users": {
			"elasticache/replication-group", "userGroup", value.NullValue, unknown,
			plan.InPlace, "none of the users",
		},
		"password": {
			"elasticache/replication-group", "passwordSecret", value.NullValue, unknown,
			plan.InPlace, "password",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := definition(t, c.typ)
			change := resource.Change{
				Changed: []string{c.property}, Old: one(c.property, c.old), Desired: one(c.property, c.new),
			}
			require.Equal(t, c.means, d.Meaning(change))
			require.Empty(t, resource.Compare(d, change.Old, change.Desired).Replace)
			remark := ""
			if d.Remark != nil {
				remark = d.Remark(change)
			}
			require.Contains(t, remark, c.remark)
			require.Equal(t, c.remark == "", remark == "", remark)
		})
	}
}

// A cache that cannot stay where it is needs a new one; the last node of Memcached can.
func TestCachesThatMove(t *testing.T) {
	list := func(ids ...string) value.Value { return value.Encode(map[string]any{"subnetIds": ids}) }
	serverless := definition(t, "elasticache/serverless-cache")
	require.Equal(t, []string{"subnetIds"},
		resource.Compare(serverless, list("subnet-a", "subnet-b"), list("subnet-a", "subnet-c")).Replace)
	stays := list("subnet-a", "subnet-b")
	further := value.NewMap(map[string]value.Value{"subnetIds": value.NewList(
		value.NewString("subnet-b"), value.NewUnknown(), value.NewString("subnet-a"),
	)})
	require.Equal(t, stays, serverless.AsRecorded(stays, further))
	require.Equal(t, list("subnet-a", "subnet-c"), serverless.AsRecorded(stays, list("subnet-a", "subnet-c")))
	require.Equal(t, further, serverless.AsRecorded(value.NullValue, further))
	nodes := func(n int, zones bool) value.Value { return value.Encode(map[string]any{"nodes": n, "multiAz": zones}) }
	memcached := definition(t, "elasticache/cluster")
	require.Empty(t, resource.Compare(memcached, nodes(2, true), nodes(1, false)).Replace)
	require.Empty(t, resource.Compare(memcached, nodes(1, false), nodes(2, true)).Replace)
	require.Equal(t, []string{"multiAz"}, resource.Compare(memcached, nodes(3, true), nodes(2, false)).Replace)
}

func definition(t *testing.T, typ string) *resource.Definition {
	t.Helper()
	for _, d := range catalog.New(aws.Config{}).Definitions() {
		if d.Type == typ {
			return d
		}
	}
	t.Fatalf("no type %s", typ)
	return nil
}

// A rollout that may stop all old tasks first is a downtime, whatever starts it.
func TestConsequenceOfStoppingFirst(t *testing.T) {
	service := func(least int, image string) value.Value {
		return value.Encode(map[string]any{
			"taskDefinition": image, "deployment": map[string]any{"minHealthyPercent": least},
		})
	}
	d := definition(t, "ecs/service")
	for least, means := range map[int]plan.Consequence{0: plan.Downtime, 50: plan.Rolling, 100: plan.Rolling} {
		change := resource.Change{
			Changed: []string{"taskDefinition"}, Old: service(least, "a"), Desired: service(least, "b"),
		}
		require.Equal(t, means, d.Meaning(change), least)
	}
}
