// Package rds is the behaviour of the Amazon RDS and Aurora resource types and lookups.
//
// In: calls of the resource contract. Out: RDS API calls. It must not keep state, or decide what the contract decides.
// It must not read or log a password.
package rds

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of RDS.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := newAPI(cfg)
	return []resource.Behaviour{
		newSubnetGroup(api), newParameterGroup(api), newClusterParameterGroup(api), newInstance(api), newCluster(api),
	}
}

// api is the clients, and reads that share calls.
type api struct {
	client    *rds.Client
	secrets   *secretsmanager.Client
	instances *call.Batch[string, types.DBInstance]
	clusters  *call.Batch[string, types.DBCluster]
}

// filterValues is how many identifiers a call names. A filter skips objects that are gone.
const filterValues = 50

func newAPI(cfg aws.Config) *api {
	c := rds.NewFromConfig(cfg)
	return &api{
		client: c, secrets: secretsmanager.NewFromConfig(cfg),
		instances: call.ByID(filterValues, func(ctx context.Context, ids []string) (found []types.DBInstance,
			err error,
		) {
			in := &rds.DescribeDBInstancesInput{Filters: []types.Filter{filter("db-instance-id", ids...)}}
			return call.All(ctx, c.DescribeDBInstances, in, &in.Marker,
				func(page *rds.DescribeDBInstancesOutput) ([]types.DBInstance, *string) {
					return page.DBInstances, page.Marker
				})
		}, func(i types.DBInstance) *string { return i.DBInstanceIdentifier }),
		clusters: call.ByID(filterValues, func(ctx context.Context, ids []string) (found []types.DBCluster, err error) {
			in := &rds.DescribeDBClustersInput{Filters: []types.Filter{filter("db-cluster-id", ids...)}}
			return call.All(ctx, c.DescribeDBClusters, in, &in.Marker,
				func(page *rds.DescribeDBClustersOutput) ([]types.DBCluster, *string) {
					return page.DBClusters, page.Marker
				})
		}, func(c types.DBCluster) *string { return c.DBClusterIdentifier }),
	}
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// Limits of names.
const (
	identifierLimit = 63
	groupNameLimit  = 255
)

var failed = call.Errors(
	call.NotFound("DBInstanceNotFound", "DBInstanceNotFoundFault", "DBClusterNotFoundFault",
		"DBSubnetGroupNotFoundFault", "DBParameterGroupNotFound", "DBClusterParameterGroupNotFound"),
	call.Exists("DBInstanceAlreadyExists", "DBClusterAlreadyExistsFault", "DBSubnetGroupAlreadyExists",
		"DBParameterGroupAlreadyExists"),
)

// gone is call.Gone for an operation of RDS.
func gone(operation, code, what string) error { return call.Gone("rds:"+operation, code, what) }

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

// retag changes the tags of an object from old to wanted.
func (a *api) retag(ctx context.Context, arn string, old, wanted map[string]string) error {
	return tagging.Retag(old, wanted, func(tags map[string]string) error {
		_, err := a.client.AddTagsToResource(ctx, &rds.AddTagsToResourceInput{
			ResourceName: &arn, Tags: tagging.List(tags, tag),
		})
		return failed(err)
	}, func(keys []string) error {
		_, err := a.client.RemoveTagsFromResource(ctx, &rds.RemoveTagsFromResourceInput{
			ResourceName: &arn, TagKeys: keys,
		})
		return failed(err)
	})
}

// tags reads the tags of an object whose description has none.
func (a *api) tags(ctx context.Context, arn string) (map[string]string, error) {
	out, err := a.client.ListTagsForResource(ctx, &rds.ListTagsForResourceInput{ResourceName: &arn})
	if err != nil {
		return nil, failed(err)
	}
	return tagging.Map(out.TagList, tag), nil
}

// asRecorded is actual in the order of recorded if both have the same items.
func asRecorded(recorded, actual []string) []string {
	a, b := slices.Sorted(slices.Values(recorded)), slices.Sorted(slices.Values(actual))
	if slices.Equal(a, b) {
		return recorded
	}
	return b
}

// versionParts are the numbers of an engine's version. Aurora MySQL's 8.0.mysql_aurora.3.10.4 has five.
func versionParts(version string) []int {
	var out []int
	for part := range strings.SplitSeq(strings.Replace(version, ".mysql_aurora.", ".", 1), ".") {
		digits := part
		if i := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			digits = part[:i] // "16.4-R2" is 16.4, with patches by AWS
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			return out
		}
		out = append(out, n)
	}
	return out
}

// majorParts is how many numbers of a version are the major version: 16, but 8.0.
func majorParts(engine string) int {
	if strings.Contains(engine, "postgres") {
		return 1
	}
	return 2
}

// sameMajor reports whether two versions have the same major version, as far as both tell.
func sameMajor(engine, a, b string) bool {
	x, y := versionParts(a), versionParts(b)
	n := min(majorParts(engine), len(x), len(y))
	return slices.Equal(x[:n], y[:n])
}

// satisfies reports whether the version that runs is what wanted asks for: that version, one that begins so, or a later
// minor version of the same major version, which AWS has installed.
func satisfies(engine, wanted, runs string) bool {
	if wanted == "" {
		return true
	}
	w, r := versionParts(wanted), versionParts(runs)
	if !sameMajor(engine, wanted, runs) {
		return false
	}
	for i := range min(len(w), len(r)) {
		if w[i] != r[i] {
			return r[i] > w[i]
		}
	}
	return len(r) >= len(w)
}
