package catalog_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/aws/cloudtrail"
	"github.com/company/deployer/internal/aws/cloudwatch"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/lock/dynamodb"
	s3lock "github.com/company/deployer/internal/lock/s3"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state/s3"
)

// declared returns everything that types, lookups, state and locks declare for a scope, by who declares it.
func declared(scope resource.Scope) map[string][]resource.Statement {
	c := catalog.New(aws.Config{})
	out := map[string][]resource.Statement{
		"the state":               s3.Settings{Bucket: "BUCKET", Prefix: "PREFIX"}.Permissions(scope),
		"the locks":               dynamodb.Settings{Table: "TABLE"}.Permissions(scope),
		"the locks in the bucket": s3lock.Settings{Bucket: "BUCKET", Prefix: "PREFIX"}.Permissions(scope),
		"the tag index":           tagging.Permissions(scope),
		"metrics":                 cloudwatch.Permissions(),
		"who did it":              cloudtrail.Permissions(),
		"commands":                task.Permissions(scope),
	}
	for _, d := range c.Definitions() {
		out[d.Type] = d.Permissions(scope)
	}
	for _, l := range c.Lookups() {
		if l.Permissions != nil {
			out[l.Type] = l.Permissions(scope)
		}
	}
	return out
}

// testdata/authorization.json is an excerpt of AWS's service authorization reference, for what the product uses: for
// each action the ARNs that AWS checks ("" if there is none), and for each ARN the condition keys. Take the entry of a
// new action from https://docs.aws.amazon.com/service-authorization/latest/reference/.
func TestPermissionsAreAsAWSKnowsThem(t *testing.T) {
	data, err := os.ReadFile("testdata/authorization.json")
	if err != nil {
		t.Fatal(err)
	}
	var reference map[string]map[string][]string
	if err := json.Unmarshal(data, &reference); err != nil {
		t.Fatal(err)
	}
	unused := map[string]bool{}
	for action := range reference {
		unused[action] = true
	}
	for whose, statements := range declared(resource.Scope{
		Stack: "shop", Environment: "prod", Account: "123456789012",
		Region: "eu-central-1",
	}) {
		for _, s := range statements {
			for _, action := range s.Actions {
				arns, known := reference[action]
				delete(unused, action)
				switch {
				case !known:
					t.Errorf("%s: AWS has no action %s", whose, action)
					continue
				case len(s.On) == 0 && !withoutResource[action] && len(resourceTypes(arns)) > 0:
					t.Errorf("%s: %s can be confined to %v", whose, action, resourceTypes(arns))
				}
				for _, key := range keys(s.When) {
					if !knowsKey(arns, s.On, key) {
						t.Errorf("%s: %s does not know the condition key %s on %v", whose, action, key, s.On)
					}
				}
				if len(s.On) > 0 && !slices.ContainsFunc(s.On, func(on string) bool { return fits(arns, on) }) {
					t.Errorf("%s: %s is about none of %v", whose, action, s.On)
				}
			}
		}
	}
	for action := range unused {
		t.Errorf("nothing declares %s any more: take it out of the excerpt", action)
	}
}

// withoutResource are actions that would fail if a policy named a resource, although the reference names one.
var withoutResource = map[string]bool{
	"servicediscovery:GetOperation": true, // an operation has no ARN
	// the resource is optional, and older versions of the reference name none
	"servicequotas:GetServiceQuota":     true,
	"ecs:ListTasks":                     true, // of container instances, which Fargate lacks: limited to the cluster
	"elasticache:DescribeCacheClusters": true, // of all clusters, to count them: the request names none
}

func resourceTypes(arns map[string][]string) []string {
	var out []string
	for arn := range arns {
		if arn != "" {
			out = append(out, arn)
		}
	}
	return out
}

func keys(c resource.Condition) []string {
	var out []string
	for _, tests := range c {
		for key := range tests {
			out = append(out, key)
		}
	}
	return out
}

func knowsKey(arns map[string][]string, on []string, key string) bool {
	if name, _, tagged := strings.Cut(key, "/"); tagged {
		key = name + "/${TagKey}"
	}
	for arn, keys := range arns {
		if slices.Contains(keys, key) &&
			(arn == "" || slices.ContainsFunc(on, func(o string) bool { return matchesARN(arn, o) })) {
			return true
		}
	}
	return false
}

func fits(arns map[string][]string, on string) bool {
	return slices.ContainsFunc(resourceTypes(arns), func(arn string) bool { return matchesARN(arn, on) })
}

var placeholder = regexp.MustCompile(`\\\$\\\{[A-Za-z]+\\\}`)

// matchesARN reports whether a declared ARN, with its * filled in somehow, has the form in the reference.
func matchesARN(form, on string) bool {
	pattern := regexp.MustCompile("^" + placeholder.ReplaceAllString(regexp.QuoteMeta(form), "[^:]*") + "$")
	return slices.ContainsFunc([]string{"x", "x/x", "x/x/x", "x/x/x/x", "x:1", "x:log-stream:x"},
		func(filled string) bool {
			return pattern.MatchString(strings.ReplaceAll(on, "*", filled))
		})
}
