// Package terraform tests that the configuration of Terraform makes what `deployer backend create` makes.
//
// In: the configuration, and the requests that the code sends to a server that stands for AWS. Out: passed or not. It
// evaluates the configuration itself, without the provider of Terraform, and must not call AWS.
package terraform

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/company/deployer/internal/lock/dynamodb"
	s3lock "github.com/company/deployer/internal/lock/s3"
	"github.com/company/deployer/internal/state/s3"
)

// backend is everything that is decided about the bucket and the table.
type backend struct {
	Bucket, Region              string
	Versioning                  string
	Algorithm, Key, BucketKey   string
	BlockACLs, BlockPolicy      bool
	IgnoreACLs, RestrictBuckets bool
	Ownership                   string
	Policy                      map[string]any
	Tags                        map[string]string
	Table, Billing, HashKey     string
	Attributes                  map[string]string
	PointInTimeRecovery         bool
	TableTags                   map[string]string
	Rule, RulePrefix            string // of the lifecycle of locks
	OldDays                     int
	Others                      []string // requests and attributes that nobody has compared
}

type wish struct {
	region, partition, kmsKey string
	tags                      map[string]string
	inBucket                  bool // the locks are in the bucket
	prefix                    string
}

func TestTerraformMakesTheSame(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]wish{
		"plain": {region: "us-east-1", partition: "aws"},
		"key and tags": {
			region: "eu-central-1", partition: "aws", kmsKey: "arn:aws:kms:eu-central-1:1:key/k",
			tags: map[string]string{"team": "web"},
		},
		"another partition":   {region: "cn-north-1", partition: "aws-cn"},
		"locks in the bucket": {region: "us-east-1", partition: "aws", inBucket: true},
		"under a prefix":      {region: "us-east-1", partition: "aws", inBucket: true, prefix: "team/a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, declared := create(t, w), declaration(t, w)
			require.Empty(t, made.Others, "requests that the configuration knows nothing of")
			require.Empty(t, declared.Others, "attributes that backend create knows nothing of")
			require.Equal(t, made, declared)
		})
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not installed")
	}
	out, err := exec.CommandContext(t.Context(), "terraform", "fmt", "-check", "-diff", ".").CombinedOutput()
	require.NoError(t, err, string(out))
}

// What users are told to give is what the configuration takes.
func TestVariables(t *testing.T) {
	t.Parallel()
	required := map[string]bool{}
	for _, block := range parse(t, "variables.tf").Blocks {
		_, optional := block.Body.Attributes["default"]
		required[block.Labels[0]] = !optional
	}
	require.Equal(t, map[string]bool{
		"bucket_name": true, "table_name": false, "region": false, "kms_key": false, "tags": false, "prefix": false,
	}, required)
}

// create lets the code make a backend in an account that has nothing, and reads its requests.
func create(t *testing.T, w wish) backend {
	t.Helper()
	out := backend{Region: w.region, Tags: map[string]string{}, TableTags: map[string]string{}}
	var mutex sync.Mutex
	there := map[string][]byte{} // what was put, by the aspect of the bucket or the operation of the table
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		body, _ := io.ReadAll(r.Body)
		if target := r.Header.Get("X-Amz-Target"); target != "" {
			table(&out, there, strings.TrimPrefix(target, "DynamoDB_20120810."), body, rw)
			return
		}
		bucket(&out, there, r, body, rw)
	}))
	defer server.Close()
	config := sdk.Config{
		Region: w.region, BaseEndpoint: &server.URL, HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}
	states := s3.NewAdmin(config, s3.Settings{Bucket: "states", PathStyle: true}, w.kmsKey)
	states.Tags = w.tags
	_, err := states.Create(context.Background())
	require.NoError(t, err)
	if w.inBucket {
		settings := s3lock.Settings{Bucket: "states", Prefix: w.prefix, PathStyle: true}
		_, err := s3lock.NewAdmin(config, settings).Create(context.Background())
		require.NoError(t, err)
		return out
	}
	locks := dynamodb.NewAdmin(config, "locks")
	locks.Tags = w.tags
	_, err = locks.Create(context.Background())
	require.NoError(t, err)
	return out
}

func bucket(out *backend, there map[string][]byte, r *http.Request, body []byte, rw http.ResponseWriter) {
	refuse := func(status int, code string) {
		rw.WriteHeader(status)
		_, _ = fmt.Fprintf(rw, "<Error><Code>%s</Code></Error>", code)
	}
	aspect, _, _ := strings.Cut(r.URL.RawQuery, "=")
	aspect, _, _ = strings.Cut(aspect, "&")
	if aspect == "x-id" {
		aspect = ""
	}
	missing := map[string]string{
		"encryption":        "ServerSideEncryptionConfigurationNotFoundError",
		"publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
		"ownershipControls": "OwnershipControlsNotFoundError",
		"policy":            "NoSuchBucketPolicy",
		"lifecycle":         "NoSuchLifecycleConfiguration",
	}
	switch {
	case r.Method == http.MethodHead && there[""] == nil:
		rw.WriteHeader(http.StatusNotFound)
		return
	case r.Method == http.MethodHead:
		rw.Header().Set("X-Amz-Bucket-Region", out.Region)
		return
	case r.Method == http.MethodGet && missing[aspect] != "" && there[aspect] == nil:
		refuse(http.StatusNotFound, missing[aspect])
		return
	case r.Method == http.MethodGet && there[aspect] != nil:
		_, _ = rw.Write(there[aspect])
		return
	case r.Method == http.MethodGet && aspect == "versioning":
		_, _ = io.WriteString(rw, "<VersioningConfiguration/>")
		return
	case r.Method != http.MethodPut:
		out.Others = append(out.Others, r.Method+" "+r.URL.String())
		return
	}
	there[aspect] = append([]byte{}, body...)
	read := func(into any) {
		if err := xml.Unmarshal(body, into); err != nil {
			out.Others = append(out.Others, err.Error())
		}
	}
	switch aspect {
	case "":
		out.Bucket = strings.Trim(r.URL.Path, "/")
		out.Ownership = r.Header.Get("X-Amz-Object-Ownership")
		var in struct {
			LocationConstraint string
			Tags               struct{ Tag []struct{ Key, Value string } }
		}
		if len(body) > 0 {
			read(&in)
		}
		if in.LocationConstraint != "" && in.LocationConstraint != out.Region {
			out.Others = append(out.Others, "location "+in.LocationConstraint)
		}
		for _, tag := range in.Tags.Tag {
			out.Tags[tag.Key] = tag.Value
		}
	case "versioning":
		var in struct{ Status string }
		read(&in)
		out.Versioning = in.Status
	case "encryption":
		var in struct {
			Rule struct {
				By        struct{ SSEAlgorithm, KMSMasterKeyID string } `xml:"ApplyServerSideEncryptionByDefault"`
				BucketKey string                                        `xml:"BucketKeyEnabled"`
			}
		}
		read(&in)
		out.Algorithm, out.Key, out.BucketKey = in.Rule.By.SSEAlgorithm, in.Rule.By.KMSMasterKeyID, in.Rule.BucketKey
	case "publicAccessBlock":
		var in struct{ BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets bool }
		read(&in)
		out.BlockACLs, out.BlockPolicy = in.BlockPublicAcls, in.BlockPublicPolicy
		out.IgnoreACLs, out.RestrictBuckets = in.IgnorePublicAcls, in.RestrictPublicBuckets
	case "ownershipControls":
		var in struct {
			Rule struct{ ObjectOwnership string }
		}
		read(&in)
		out.Ownership = in.Rule.ObjectOwnership
	case "policy":
		if err := json.Unmarshal(body, &out.Policy); err != nil {
			out.Others = append(out.Others, err.Error())
		}
	case "lifecycle":
		var in struct {
			Rule struct {
				ID, Status string
				Filter     struct{ Prefix string }
				Old        struct{ NoncurrentDays int } `xml:"NoncurrentVersionExpiration"`
				Expiration *struct{}
			}
		}
		read(&in)
		if in.Rule.Status != "Enabled" || in.Rule.Expiration != nil {
			out.Others = append(out.Others, string(body))
		}
		out.Rule, out.RulePrefix, out.OldDays = in.Rule.ID, in.Rule.Filter.Prefix, in.Rule.Old.NoncurrentDays
	default:
		out.Others = append(out.Others, "PUT "+aspect)
	}
}

func table(out *backend, there map[string][]byte, operation string, body []byte, rw http.ResponseWriter) {
	answer := func(format string, args ...any) {
		rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = fmt.Fprintf(rw, format, args...)
	}
	switch operation {
	case "DescribeTable":
		if there["table"] == nil {
			rw.WriteHeader(http.StatusBadRequest)
			answer(`{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}`)
			return
		}
		answer(`{"Table": {"TableStatus": "ACTIVE"}}`)
	case "CreateTable":
		var in struct {
			TableName, BillingMode string
			AttributeDefinitions   []struct{ AttributeName, AttributeType string }
			KeySchema              []struct{ AttributeName, KeyType string }
			Tags                   []struct{ Key, Value string }
		}
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			out.Others = append(out.Others, err.Error())
		}
		there["table"] = body
		out.Table, out.Billing, out.Attributes = in.TableName, in.BillingMode, map[string]string{}
		for _, a := range in.AttributeDefinitions {
			out.Attributes[a.AttributeName] = a.AttributeType
		}
		for _, k := range in.KeySchema {
			if k.KeyType != "HASH" || out.HashKey != "" {
				out.Others = append(out.Others, "key "+k.AttributeName)
			}
			out.HashKey = k.AttributeName
		}
		for _, tag := range in.Tags {
			out.TableTags[tag.Key] = tag.Value
		}
		answer(`{}`)
	case "DescribeContinuousBackups":
		status := "DISABLED"
		if there["backups"] != nil {
			status = "ENABLED"
		}
		answer(`{"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED",
			"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": %q}}}`, status)
	case "UpdateContinuousBackups":
		var in struct {
			Spec struct {
				PointInTimeRecoveryEnabled bool
			} `json:"PointInTimeRecoverySpecification"`
		}
		if err := json.Unmarshal(body, &in); err != nil {
			out.Others = append(out.Others, err.Error())
		}
		there["backups"], out.PointInTimeRecovery = body, in.Spec.PointInTimeRecoveryEnabled
		answer(`{}`)
	case "DescribeTimeToLive":
		answer(`{"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}`)
	default:
		out.Others = append(out.Others, operation)
		rw.WriteHeader(http.StatusBadRequest)
	}
}

func parse(t *testing.T, name string) *hclsyntax.Body {
	t.Helper()
	file, problems := hclparse.NewParser().ParseHCLFile(name)
	require.False(t, problems.HasErrors(), problems.Error())
	body, ok := file.Body.(*hclsyntax.Body)
	require.True(t, ok)
	return body
}

// declaration evaluates the configuration and reads what it declares.
func declaration(t *testing.T, w wish) backend {
	t.Helper()
	key, tags := cty.NullVal(cty.String), cty.MapValEmpty(cty.String)
	if w.kmsKey != "" {
		key = cty.StringVal(w.kmsKey)
	}
	if len(w.tags) > 0 {
		values := map[string]cty.Value{}
		for k, v := range w.tags {
			values[k] = cty.StringVal(v)
		}
		tags = cty.MapVal(values)
	}
	table := cty.StringVal("locks")
	if w.inBucket {
		table = cty.NullVal(cty.String)
	}
	state := cty.ObjectVal(map[string]cty.Value{"id": cty.StringVal("states")})
	scope := &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"var": cty.ObjectVal(map[string]cty.Value{
				"bucket_name": cty.StringVal("states"), "table_name": table, "prefix": cty.StringVal(w.prefix),
				"region": cty.StringVal(w.region), "kms_key": key, "tags": tags,
			}),
			"data": cty.ObjectVal(map[string]cty.Value{"aws_partition": cty.ObjectVal(map[string]cty.Value{
				"current": cty.ObjectVal(map[string]cty.Value{"partition": cty.StringVal(w.partition)}),
			})}),
			"aws_s3_bucket": cty.ObjectVal(map[string]cty.Value{"state": state}),
		},
		Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc, "trim": stdlib.TrimFunc},
	}
	// Every attribute of every resource, by its path. What is read is taken out.
	found := map[string]cty.Value{}
	main := parse(t, "main.tf")
	for _, block := range main.Blocks {
		if block.Type == "locals" {
			locals := map[string]cty.Value{}
			for name, attribute := range block.Body.Attributes {
				v, problems := attribute.Expr.Value(scope)
				require.False(t, problems.HasErrors(), problems.Error())
				locals[name] = v
			}
			scope.Variables["local"] = cty.ObjectVal(locals)
		}
	}
	for _, block := range main.Blocks {
		switch block.Type {
		case "resource":
			if !counted(t, scope, block.Body) {
				continue
			}
			flatten(t, scope, block.Labels[0], block.Body, found)
		case "provider":
			flatten(t, scope, "provider", block.Body, found)
		}
	}
	take := func(path string) cty.Value {
		v, ok := found[path]
		require.True(t, ok, "%s is missing in %v", path, found)
		delete(found, path)
		return v
	}
	text := func(path string) string {
		if v := take(path); !v.IsNull() {
			return v.AsString()
		}
		return ""
	}
	yes := func(path string) bool { return take(path).True() }
	words := func(path string) map[string]string {
		out := map[string]string{}
		for k, v := range take(path).AsValueMap() {
			out[k] = v.AsString()
		}
		return out
	}
	const encryption = "aws_s3_bucket_server_side_encryption_configuration.rule."
	const access = "aws_s3_bucket_public_access_block."
	out := backend{
		Bucket: text("aws_s3_bucket.bucket"), Region: text("provider.region"), Tags: words("aws_s3_bucket.tags"),
		Versioning:  text("aws_s3_bucket_versioning.versioning_configuration.status"),
		Algorithm:   text(encryption + "apply_server_side_encryption_by_default.sse_algorithm"),
		Key:         text(encryption + "apply_server_side_encryption_by_default.kms_master_key_id"),
		BlockACLs:   yes(access + "block_public_acls"),
		BlockPolicy: yes(access + "block_public_policy"),
		IgnoreACLs:  yes(access + "ignore_public_acls"), RestrictBuckets: yes(access + "restrict_public_buckets"),
		Ownership: text("aws_s3_bucket_ownership_controls.rule.object_ownership"),
	}
	if w.inBucket {
		const rule = "aws_s3_bucket_lifecycle_configuration.rule."
		require.Equal(t, "Enabled", text(rule+"status"))
		out.Rule, out.RulePrefix, out.TableTags = text(rule+"id"), text(rule+"filter.prefix"), map[string]string{}
		days, _ := take(rule + "noncurrent_version_expiration.noncurrent_days").AsBigFloat().Int64()
		out.OldDays = int(days)
	} else {
		out.Table, out.Billing = text("aws_dynamodb_table.name"), text("aws_dynamodb_table.billing_mode")
		out.HashKey, out.TableTags = text("aws_dynamodb_table.hash_key"), words("aws_dynamodb_table.tags")
		out.Attributes = map[string]string{
			text("aws_dynamodb_table.attribute.name"): text("aws_dynamodb_table.attribute.type"),
		}
		out.PointInTimeRecovery = yes("aws_dynamodb_table.point_in_time_recovery.enabled")
	}
	if v := take(encryption + "bucket_key_enabled"); !v.IsNull() {
		out.BucketKey = fmt.Sprint(v.True())
	}
	require.NoError(t, json.Unmarshal([]byte(text("aws_s3_bucket_policy.policy")), &out.Policy))
	for path, v := range found {
		if strings.HasSuffix(path, ".bucket") {
			require.Equal(t, "states", v.AsString(), path)
		} else if !strings.HasSuffix(path, ".lifecycle.prevent_destroy") {
			out.Others = append(out.Others, path)
		}
	}
	slices.Sort(out.Others)
	return out
}

// counted reports whether a resource is made at all.
func counted(t *testing.T, scope *hcl.EvalContext, body *hclsyntax.Body) bool {
	t.Helper()
	attribute, given := body.Attributes["count"]
	if !given {
		return true
	}
	v, problems := attribute.Expr.Value(scope)
	require.False(t, problems.HasErrors(), problems.Error())
	return !v.RawEquals(cty.NumberIntVal(0))
}

func flatten(t *testing.T, scope *hcl.EvalContext, path string, body *hclsyntax.Body, into map[string]cty.Value) {
	t.Helper()
	for name, attribute := range body.Attributes {
		if name == "depends_on" || name == "count" {
			continue
		}
		v, problems := attribute.Expr.Value(scope)
		require.False(t, problems.HasErrors(), problems.Error())
		require.NotContains(t, into, path+"."+name, "it is there twice")
		into[path+"."+name] = v
	}
	for _, block := range body.Blocks {
		flatten(t, scope, path+"."+block.Type, block.Body, into)
	}
}

// The page names every variable.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/BACKEND_SETUP.md")
	require.NoError(t, err)
	for _, block := range parse(t, "variables.tf").Blocks {
		require.Contains(t, string(page), "`"+block.Labels[0]+"`")
	}
}
