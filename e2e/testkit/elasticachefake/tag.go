package elasticachefake

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
)

// maxTags is how many tags an object has at most.
const maxTags = 50

// tag gives a new object the tags of its request.
func (c *call) tag(arn string) error {
	tags := map[string]string{}
	for _, t := range c.structs("Tags") {
		tags[t["Key"]] = t["Value"]
	}
	if len(tags) > maxTags {
		return refuse("TagQuotaPerResourceExceeded", "The resource would have more than %d tags", maxTags)
	}
	c.tags[arn] = tags
	return nil
}

// tagged returns the tags of an object, or says that there is no such object, or that it cannot be tagged now.
func (c *call) tagged() (map[string]string, error) {
	arn := c.text("ResourceName")
	tags := c.tags[arn]
	if tags == nil {
		parts := strings.Split(arn, ":")
		if len(parts) < 7 {
			return nil, refuse("InvalidARN", "%s is not an ARN", arn)
		}
		code := map[string]string{
			"replicationgroup": "ReplicationGroupNotFoundFault", "cluster": "CacheClusterNotFound",
			"subnetgroup": "CacheSubnetGroupNotFoundFault", "parametergroup": "CacheParameterGroupNotFound",
			"serverlesscache": "ServerlessCacheNotFoundFault", "user": "UserNotFound",
			"usergroup": "UserGroupNotFound", "snapshot": "SnapshotNotFoundFault",
		}[parts[5]]
		return nil, missing(first(code, "InvalidARN"), "%s not found.", parts[6])
	}
	if g := c.groups[arn[strings.LastIndex(arn, ":")+1:]]; strings.Contains(arn, ":replicationgroup:") && g != nil &&
		g.status() != available {
		g.poll() // time passes while the caller asks again
		return nil, refuse("InvalidReplicationGroupState",
			"Cluster not in available state to perform tagging operations.")
	}
	return tags, nil
}

func tagList(tags map[string]string) []types.Tag {
	out := []types.Tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: &key, Value: new(tags[key])})
	}
	return out
}

func listTags(c *call) (any, error) {
	tags, err := c.tagged()
	return &elasticache.ListTagsForResourceOutput{TagList: tagList(tags)}, err
}

func addTags(c *call) (any, error) {
	tags, err := c.tagged()
	if err != nil {
		return nil, err
	}
	wanted := maps.Clone(tags)
	for _, t := range c.structs("Tags") {
		wanted[t["Key"]] = t["Value"]
	}
	if len(wanted) > maxTags {
		return nil, refuse("TagQuotaPerResourceExceeded", "The resource would have more than %d tags", maxTags)
	}
	maps.Copy(tags, wanted)
	return &elasticache.AddTagsToResourceOutput{TagList: tagList(tags)}, nil
}

func removeTags(c *call) (any, error) {
	tags, err := c.tagged()
	if err != nil {
		return nil, err
	}
	for _, key := range c.list("TagKeys") {
		delete(tags, key)
	}
	return &elasticache.RemoveTagsFromResourceOutput{TagList: tagList(tags)}, nil
}
