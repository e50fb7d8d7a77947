package service

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "s3",
	Fix:  tagNewBuckets,
	Tags: Tags{TooMany: "InvalidTag"},
	Late: []late.Class{
		{Made: "s3:CreateBucket", Asked: true, ID: regexp.MustCompile(`^([^/]+)`), Unknown: []late.Ignorance{
			{
				Operations: []string{"s3:PutPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutBucketPolicy"},
				Status:     http.StatusNotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist",
			},
		}},
	},
	Inventory: inventory.Source{List: listBuckets},
	Access: access.Rules{
		Requests: accessS3,
		Actions: map[string][]string{
			"HeadBucket":                      {"s3:ListBucket"},
			"ListObjects":                     {"s3:ListBucket"},
			"ListObjectsV2":                   {"s3:ListBucket"},
			"HeadObject":                      {"s3:GetObject"},
			"ListObjectVersions":              {"s3:ListBucketVersions"},
			"DeleteObjects":                   {"s3:DeleteObject", "s3:DeleteObjectVersion"},
			"GetPublicAccessBlock":            {"s3:GetBucketPublicAccessBlock"},
			"PutPublicAccessBlock":            {"s3:PutBucketPublicAccessBlock"},
			"GetBucketEncryption":             {"s3:GetEncryptionConfiguration"},
			"PutBucketEncryption":             {"s3:PutEncryptionConfiguration"},
			"GetBucketLifecycleConfiguration": {"s3:GetLifecycleConfiguration"},
			"PutBucketLifecycleConfiguration": {"s3:PutLifecycleConfiguration"},
			"DeleteBucketLifecycle":           {"s3:PutLifecycleConfiguration"},
			"GetBucketCors":                   {"s3:GetBucketCORS"},
			"PutBucketCors":                   {"s3:PutBucketCORS"},
			"DeleteBucketCors":                {"s3:PutBucketCORS"},
			"DeleteBucketTagging":             {"s3:PutBucketTagging"},
			"DeleteBucketOwnershipControls":   {"s3:PutBucketOwnershipControls"},
		},
	},
	Unasked: map[string]string{
		"s3:PutBucketOwnershipControls": "a bucket whose making was interrupted, or drift",
		"s3:PutEncryptionConfiguration": "a bucket whose making was interrupted, or drift",
	},
	Mistaken: map[string]string{
		"s3:HeadBucket":                 "it wants s3:HeadBucket, which AWS does not have",
		"s3:GetBucketEncryption":        "it wants s3:ListBucket",
		"s3:GetBucketOwnershipControls": "it wants s3:ListBucket",
		"s3:GetPublicAccessBlock":       "it wants s3:ListBucket",
		"s3:ListObjectsV2":              "it computes another signature where the query holds a slash",
	},
	Types: map[string]ByHand{
		"s3/bucket":        {Property: "versioning", To: false, Indexed: true},
		"s3/bucket-policy": {Property: "policy", To: policyFor("s3:GetObject", "*")},
	},
})

func listBuckets(l *inventory.Lister) error {
	client := s3.NewFromConfig(l.Config, func(o *s3.Options) { o.UsePathStyle = true })
	buckets, err := client.ListBuckets(l, &s3.ListBucketsInput{})
	if err != nil {
		return err
	}
	for _, b := range buckets.Buckets {
		if *b.Name == l.StateBucket {
			continue
		}
		if err := listBucket(l, client, b.Name); err != nil {
			return err
		}
	}
	return nil
}

func listBucket(l *inventory.Lister, client *s3.Client, name *string) error {
	labels := map[string]string{}
	if found, err := client.GetBucketTagging(l, &s3.GetBucketTaggingInput{Bucket: name}); err == nil {
		for _, t := range found.TagSet {
			labels[*t.Key] = *t.Value
		}
	}
	facts := []any{inventory.Tags(labels)}
	// fact is an answer, or the error: S3 returns an error for a missing configuration.
	fact := func(out any, err error) {
		if err != nil {
			facts = append(facts, err.Error()[strings.LastIndex(err.Error(), "api error")+1:])
			return
		}
		var m map[string]any
		text, _ := json.Marshal(out) // an answer of the SDK is data
		_ = json.Unmarshal(text, &m) // which is an object
		delete(m, "ResultMetadata")  // it differs each time
		facts = append(facts, m)
	}
	fact(client.GetBucketVersioning(l, &s3.GetBucketVersioningInput{Bucket: name}))
	// S3 encrypts without a configuration, too; the emulator returns it only when it was set.
	if e, err := client.GetBucketEncryption(l, &s3.GetBucketEncryptionInput{Bucket: name}); err == nil {
		rules := e.ServerSideEncryptionConfiguration.Rules
		if rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != s3types.ServerSideEncryptionAes256 {
			facts = append(facts, rules)
		}
	}
	fact(client.GetPublicAccessBlock(l, &s3.GetPublicAccessBlockInput{Bucket: name}))
	fact(client.GetBucketOwnershipControls(l, &s3.GetBucketOwnershipControlsInput{Bucket: name}))
	fact(client.GetBucketLifecycleConfiguration(l, &s3.GetBucketLifecycleConfigurationInput{Bucket: name}))
	policy, err := client.GetBucketPolicy(l, &s3.GetBucketPolicyInput{Bucket: name})
	if err != nil {
		facts = append(facts, "no policy")
	} else {
		facts = append(facts, aws.ToString(policy.Policy))
	}
	return l.Add("bucket", *name, facts...)
}

func accessS3(b *access.Builder) {
	bucket, _, _ := strings.Cut(b.Call.Resource, "/")
	arn := "arn:aws:s3:::" + b.Call.Resource
	switch b.Call.Operation {
	case "DeleteObjects":
		arn = "arn:aws:s3:::" + bucket + "/any-object"
	case "CreateBucket":
		if bytes.Contains(b.Call.Body, []byte("<Tag>")) {
			b.Ask("s3:TagResource", arn)
		}
	case "ListObjectsV2", "ListObjects", "ListObjectVersions", "HeadBucket":
		arn = "arn:aws:s3:::" + bucket
	}
	b.On(arn)
}

// tagNewBuckets gives a new bucket the tags in CreateBucket, and no others. The emulator ignores these tags, and keeps
// the tags of a deleted bucket of the same name. Outside of the standard partition, S3 does not accept tags in this
// call.
func tagNewBuckets(p *proxy.Proxy) {
	p.Handle("s3", "CreateBucket", func(c *proxy.Call) *proxy.Response {
		there, err := c.Beside(http.MethodHead, "", nil)
		if err != nil || there.Status != http.StatusNotFound {
			return nil // the emulator reports the owner itself
		}
		type tag struct{ Key, Value string }
		var asked struct {
			Tags []tag `xml:"Tags>Tag"`
		}
		if len(c.Body) > 0 {
			if err := xml.Unmarshal(c.Body, &asked); err != nil {
				return c.Failure(http.StatusBadRequest, "MalformedXML", err.Error())
			}
		}
		if len(asked.Tags) > 0 && !tagsAtCreation(c.Region) {
			return c.Failure(http.StatusBadRequest, "MalformedXML",
				"The XML you provided was not well-formed or did not validate against our published schema")
		}
		made, err := c.Forward()
		if err != nil {
			return c.Failed(err)
		}
		if made.Status >= 300 {
			return made
		}
		method, body := http.MethodDelete, []byte(nil)
		if len(asked.Tags) > 0 {
			method = http.MethodPut
			body, err = xml.Marshal(struct {
				XMLName xml.Name `xml:"Tagging"`
				Tags    []tag    `xml:"TagSet>Tag"`
			}{Tags: asked.Tags})
			if err != nil {
				return c.Failed(err)
			}
		}
		tagged, err := c.Beside(method, "tagging", body)
		if err != nil {
			return c.Failed(err)
		}
		if tagged.Status >= 300 {
			return tagged
		}
		return made
	})
}

// tagsAtCreation reports whether S3 accepts tags for a new bucket in a region.
func tagsAtCreation(region string) bool {
	for _, other := range []string{"cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"} {
		if strings.HasPrefix(region, other) {
			return false
		}
	}
	return true
}
