package s3

import (
	"slices"
	"time"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	bucket "github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/value"
)

// Kind is the kind S3.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "S3", Group: "components.deployer.io/v1",
		Doc:     "A private bucket, encrypted, reachable over TLS only.",
		Outputs: []string{"name", "arn", "domain"},
		Verbs:   []string{"read", "write", "delete"},
		Words: map[string]string{
			"name": "Name of the bucket in AWS.", "arn": "ARN of the bucket.",
			"domain": "Domain name of the bucket in its region.",
			"read":   "List and get objects.", "write": "Put objects, also in parts.", "delete": "Delete objects.",
		},
		Resources: []component.Generated{
			{Name: "bucket", Type: bucket.BucketType},
			{Name: "policy", Type: bucket.BucketPolicyType},
		},
		Check:     check,
		Grant:     grant,
		Protected: func(component.Instance, *Spec) bool { return true },
		Expand:    expand,
	})
}

func expand(in component.Instance, s *Spec, _ component.Context) (component.Expansion, []value.Problem) {
	name := in.ResourceName(nameLimit, in.GlobalSeeds())
	if why := bucket.UnfitName(name); why != "" {
		return component.Expansion{}, []value.Problem{component.Invalid(nil,
			"its bucket would have the name %s, and %s: give the stack %s another name", name, why,
			in.Original().Stack)}
	}
	b := in.Resource("bucket", bucket.BucketType, bucket.Bucket{
		Name: name, Versioning: s.Versioning, Encryption: s.encryption(),
		Lifecycle: s.lifecycle(), CORS: s.cors(), ForceDestroy: s.ForceDestroy,
	})
	policy := in.Resource("policy", bucket.BucketPolicyType, bucket.BucketPolicy{
		Bucket: value.Expr[string](b.Output("name")), Policy: bucket.Policy(bucket.TLSOnly(b.Output("arn"))),
	})
	return component.Expansion{
		Resources: []*resource.Resource{b, policy},
		Outputs: map[string]value.Value{
			"name": b.Output("name"), "arn": b.Output("arn"),
			"domain": b.Output("domain"),
		},
	}, nil
}

func (s *Spec) encryption() *bucket.Encryption {
	switch text := s.Encryption.Get(); {
	case text == aes:
		return &bucket.Encryption{Algorithm: aes}
	case text == kms:
		return &bucket.Encryption{Algorithm: kms, BucketKey: true}
	}
	return &bucket.Encryption{Algorithm: kms, KMSKey: s.Encryption, BucketKey: true}
}

func (s *Spec) lifecycle() []bucket.LifecycleRule {
	var rules []bucket.LifecycleRule
	aborts := false
	for _, r := range s.Lifecycle {
		rule := bucket.LifecycleRule{
			ID: r.Name, Prefix: r.Prefix, ExpireAfter: days(r.ExpireAfter),
			NoncurrentExpireAfter: days(r.NoncurrentExpireAfter), AbortUploadsAfter: days(r.AbortUploadsAfter),
		}
		for _, t := range r.Transitions {
			rule.Transitions = append(rule.Transitions,
				bucket.Transition{After: days(t.After), StorageClass: t.StorageClass})
		}
		aborts = aborts || r.Prefix == "" && r.AbortUploadsAfter != 0
		rules = append(rules, rule)
	}
	if !aborts {
		rules = append(rules, bucket.LifecycleRule{ID: abortRuleID, AbortUploadsAfter: abortAfter})
	}
	return rules
}

func (s *Spec) cors() []bucket.CORSRule {
	var rules []bucket.CORSRule
	for _, c := range s.CORS {
		rules = append(rules, bucket.CORSRule{
			AllowedOrigins: c.Origins, AllowedMethods: c.Methods, AllowedHeaders: c.Headers,
			ExposeHeaders: c.ExposeHeaders, MaxAge: c.MaxAge.Seconds(),
		})
	}
	return rules
}

func days(d value.Duration) int { return int(time.Duration(d) / day) }

// objects is the ARN of everything in the bucket.
func objects(arn value.Value) value.Value { return value.Concat(arn, "/*") }

func grant(in component.Instance, s *Spec, verb string) component.Grant {
	arn := value.Output(in.Address, "arn")
	var statements []component.Statement
	allow := func(on value.Value, actions ...string) {
		statements = append(statements, component.Statement{Actions: actions, Resources: []value.Value{on}})
	}
	var keyActions []string
	switch verb {
	case "read":
		allow(arn, "s3:ListBucket", "s3:GetBucketLocation")
		actions := []string{"s3:GetObject", "s3:GetObjectTagging"} // a copy of an object keeps its tags
		if s.Versioning {
			actions = append(actions, "s3:GetObjectVersion", "s3:GetObjectVersionTagging")
		}
		allow(objects(arn), actions...)
		keyActions = []string{"kms:Decrypt"}
	case "write":
		allow(arn, "s3:GetBucketLocation", "s3:ListBucketMultipartUploads")
		allow(objects(arn), "s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload",
			"s3:ListMultipartUploadParts")
		// Decrypt: S3 needs it to assemble multipart uploads
		keyActions = []string{"kms:GenerateDataKey", "kms:Decrypt"}
	case "delete":
		allow(objects(arn), "s3:DeleteObject")
	}
	if text := s.Encryption.Get(); len(keyActions) > 0 && !slices.Contains([]string{aes, kms}, text) {
		key := s.Encryption.Value()
		if keyID.MatchString(text) {
			key = value.NewString(in.ARN("kms", "key/"+text))
		}
		statements = append(statements, component.Statement{
			Actions: keyActions, Resources: []value.Value{key},
			Conditions: map[string]map[string]value.Value{
				"StringEquals": {"kms:ViaService": value.NewString(in.Host("s3"))},
			},
		})
	}
	return component.Grant{Statements: statements}
}
