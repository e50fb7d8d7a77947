// Package elasticache is the behaviour of the Amazon ElastiCache resource types.
//
// In: calls of the resource contract. Out: ElastiCache API calls, and reads of the secret that holds a password. It
// must not keep state, or put a password into a state, a plan or an error.
package elasticache

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Behaviours returns the resource types of ElastiCache.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	a := &api{cfg: cfg, client: elasticache.NewFromConfig(cfg), secrets: secretsmanager.NewFromConfig(cfg)}
	return []resource.Behaviour{
		newSubnetGroup(a), newParameterGroup(a), newReplicationGroup(a), newCluster(a), newServerless(a),
		newUser(a), newUserGroup(a),
	}
}

// api is what all types share.
type api struct {
	cfg     aws.Config
	client  *elasticache.Client
	secrets *secretsmanager.Client
}

// failed translates an error.
var failed = call.Errors(
	call.NotFound("ReplicationGroupNotFoundFault", "CacheClusterNotFound", "CacheSubnetGroupNotFoundFault",
		"CacheParameterGroupNotFound", "ServerlessCacheNotFoundFault", "UserNotFound", "UserGroupNotFound"),
	call.Exists("ReplicationGroupAlreadyExists", "CacheClusterAlreadyExists", "CacheSubnetGroupAlreadyExists",
		"CacheParameterGroupAlreadyExists", "ServerlessCacheAlreadyExistsFault", "UserAlreadyExists",
		"UserGroupAlreadyExists"),
)

// The paces of waiting: AWS makes a cache in 5 to 15 minutes, and moves a large one to other nodes in an hour or more.
var (
	changing = call.Pace{First: 2 * time.Second, Longest: 20 * time.Second, Limit: 2 * time.Hour}
	briefly  = call.Pace{First: time.Second, Longest: 10 * time.Second, Limit: 10 * time.Minute}
)

// doubled are hyphens that would follow each other in a name.
var doubled = regexp.MustCompile(`-[-` + resource.PartSeparator + `]`)

// tidy makes a prefix fit: ElastiCache refuses two hyphens in a row. Different prefixes stay different.
func tidy(prefix string) string {
	return doubled.ReplaceAllStringFunc(prefix, func(two string) string { return "-x" + two[1:] })
}

// checkName checks the prefix of a name.
func checkName(name *string, problems *value.Problems) {
	*name = tidy(*name)
	if !nameForm.MatchString(*name) {
		problems.Bad("name", "%q is no name for ElastiCache: it begins with a small letter and has small letters, "+
			"digits and hyphens", *name)
	}
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9` + resource.PartSeparator + `-]*$`)

func checkDescription(text string, problems *value.Problems) {
	if text == "" || len(text) > 255 {
		problems.Bad("description", "must have 1 to 255 characters")
	}
}

// declared is what AWS has, if the state declares anything for that property; else AWS has chosen, and nothing differs.
func declared(old, actual string) string {
	if old == "" {
		return ""
	}
	return actual
}

func tagFields(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

// tags are the tags for a create call.
func tags(req resource.Request, user map[string]string) []types.Tag {
	return tagging.List(tagging.Wanted(req.Tags, user), tagFields)
}

// tagsOf returns the tags of an object. AWS answers only some minutes after the begin of a create.
func (a *api) tagsOf(ctx context.Context, arn string) (map[string]string, error) {
	return a.tagsWithin(ctx, briefly, arn)
}

func (a *api) tagsWithin(ctx context.Context, pace call.Pace, arn string) (map[string]string, error) {
	var found map[string]string
	err := call.Wait(ctx, pace, "AWS returns the tags of "+arn, func(ctx context.Context) (bool, error) {
		out, err := a.client.ListTagsForResource(ctx, &elasticache.ListTagsForResourceInput{ResourceName: &arn})
		if call.HasCode(err, unready...) {
			return false, nil
		}
		if err != nil {
			return false, failed(err)
		}
		found = tagging.Map(out.TagList, tagFields)
		return true, nil
	})
	return found, err
}

// tagsOfCache puts the tags of a cache into seen, and returns those that users gave. While AWS changes a cache, it does
// not return its tags: they stay as recorded, so that nobody waits for the end of the change. Of a new cache nothing is
// recorded, and its tags say whose it is: they are waited for.
func tagsOfCache[P, O any](
	ctx context.Context, a *api, c resource.Call[P, O], arn string, recorded map[string]string,
) (map[string]string, error) {
	if c.Request.Old.ID != c.ID { // not in the state
		labels, err := a.tagsWithin(ctx, changing, arn)
		return tagging.Seen(c.Request, labels), err
	}
	out, err := a.client.ListTagsForResource(ctx, &elasticache.ListTagsForResourceInput{ResourceName: &arn})
	if call.HasCode(err, unready...) {
		c.Unread("AWS does not return the tags of a cache while it changes the cache", "tags")
		return recorded, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	return tagging.Seen(c.Request, tagging.Map(out.TagList, tagFields)), nil
}

// unready are the codes with which AWS says that an object is in change, and that the call may be repeated.
var unready = []string{
	"InvalidReplicationGroupState", "InvalidCacheClusterState", "InvalidServerlessCacheStateFault",
	"InvalidUserState", "InvalidUserGroupState",
}

// retag changes the tags of an object.
func (a *api) retag(ctx context.Context, req resource.Request, arn string, old, user map[string]string) error {
	patiently := func(make func(context.Context) error) error {
		return call.Wait(ctx, briefly, "the tags of "+arn+" can be changed", func(ctx context.Context) (bool, error) {
			err := make(ctx)
			if call.HasCode(err, unready...) {
				return false, nil
			}
			return err == nil, failed(err)
		})
	}
	return tagging.Retag(old, tagging.Wanted(req.Tags, user), func(add map[string]string) error {
		return patiently(func(ctx context.Context) error {
			_, err := a.client.AddTagsToResource(ctx, &elasticache.AddTagsToResourceInput{
				ResourceName: &arn, Tags: tagging.List(add, tagFields),
			})
			return err
		})
	}, func(keys []string) error {
		return patiently(func(ctx context.Context) error {
			_, err := a.client.RemoveTagsFromResource(ctx, &elasticache.RemoveTagsFromResourceInput{
				ResourceName: &arn, TagKeys: keys,
			})
			return err
		})
	})
}

// tagActions are the actions on the tags of every type.
var tagActions = []string{
	"elasticache:ListTagsForResource", "elasticache:AddTagsToResource", "elasticache:RemoveTagsFromResource",
}

// own is the ARN of a stack's objects of one kind.
func own(s resource.Scope, kind string, limit int) []string {
	return []string{s.ARN("elasticache", kind+":"+tidy(s.Names(limit)))}
}

// placing is what AWS does in the name of the caller to place a cache into a network.
func placing(s resource.Scope) []resource.Statement {
	const why = "AWS places a cache into a network in the name of the caller"
	interfaces := s.ARN("ec2", "network-interface/*")
	return []resource.Statement{
		{
			Actions: []string{
				"ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
				"ec2:DescribeVpcs",
			},
			Why: why,
		},
		{
			On:      []string{interfaces, s.ARN("ec2", "subnet/*"), s.ARN("ec2", "security-group/*")},
			Actions: []string{"ec2:CreateNetworkInterface"}, Why: why,
		},
		{On: []string{interfaces}, Actions: []string{"ec2:DeleteNetworkInterface"}, Why: why},
		s.ServiceLinkedRole("elasticache.amazonaws.com"),
	}
}

// delivering is what AWS does in the name of the caller to set up a log delivery. AWS has no narrower resource.
func delivering(s resource.Scope) []resource.Statement {
	if !s.Props.IsNull() && s.Props.Get("slowLog").IsNull() && s.Props.Get("engineLog").IsNull() {
		return nil
	}
	return []resource.Statement{{
		Actions: []string{
			"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
			"logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies",
			"logs:DescribeLogGroups",
		},
		Why: "AWS sets up the log delivery of a cache in the name of the caller",
	}}
}

// encrypting is what AWS does in the name of the caller to use the caller's own KMS key.
func encrypting(s resource.Scope) []resource.Statement {
	key := s.Props.Get("kmsKey").Str()
	if !s.Props.IsNull() && key == "" {
		return nil
	}
	arn := s.ARN("kms", "key/*")
	if strings.HasPrefix(key, "arn:") {
		arn = key
	}
	return []resource.Statement{{
		On: []string{arn}, Actions: []string{"kms:CreateGrant", "kms:DescribeKey"},
		When: resource.Condition{"StringEquals": {"kms:ViaService": {
			"elasticache." + s.Region + "." + resource.PartitionOf(s.Region).DNS,
		}}},
		Why: "AWS encrypts a cache with its own KMS key in the name of the caller",
	}}
}

// whileInUse repeats a delete that AWS refuses because another object, deleted just before, still uses the object.
func whileInUse(ctx context.Context, what string, codes []string, remove func(context.Context) error) error {
	var last error
	err := call.Wait(ctx, call.Eventually, what+" is not in use any more", func(ctx context.Context) (bool, error) {
		last = remove(ctx)
		if call.HasCode(last, codes...) {
			return false, nil
		}
		return last == nil, failed(last)
	})
	if err != nil && last != nil && call.HasCode(last, codes...) && ctx.Err() == nil {
		return failed(last) // what AWS says says more than the limit
	}
	return err
}

func absent(operation, what string) error {
	return fmt.Errorf("%s answers without %s: %w", operation, what, resource.ErrNotFound)
}

// gone reports whether an error says that the object is gone.
func gone(err error) bool { return errors.Is(err, resource.ErrNotFound) }
