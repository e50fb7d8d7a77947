package s3_test

import (
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/testkit/componenttest"
)

func TestGolden(t *testing.T) { componenttest.Golden(t, kinds.Registry()) }

func TestCheck(t *testing.T) {
	rule := func(fields string) string { return "versioning: true\nlifecycle: [{name: r, " + fields + "}]" }
	componenttest.CheckSpecs(t, kinds.Registry(), "S3", map[string][2]string{
		"kms":            {"encryption: aws:kms", ""},
		"no key":         {"encryption: yes-please", `encryption: "yes-please" is not AES256`},
		"parts of a day": {rule("expireAfter: 36h"), "lifecycle.0.expireAfter: must be a multiple of 1d, but is 36h"},
		"does nothing":   {rule("prefix: a/"), "lifecycle.0: needs expireAfter"},
		"two of a name": {
			"lifecycle: [{name: r, expireAfter: 1d}, {name: r, expireAfter: 2d}]",
			`lifecycle.1.name: "r" is given twice`,
		},
		"no versions": {
			"lifecycle: [{name: r, noncurrentExpireAfter: 1d}]",
			"lifecycle.0.noncurrentExpireAfter: without versioning",
		},
		"too early": {
			rule("transitions: [{after: 7d, storageClass: STANDARD_IA}]"),
			"lifecycle.0.transitions.0.after: S3 moves objects to STANDARD_IA after 30d",
		},
		"backwards": {
			rule("transitions: [{after: 90d, storageClass: GLACIER}, {after: 60d, storageClass: DEEP_ARCHIVE}]"),
			"lifecycle.0.transitions.1.after: must be later",
		},
		"too soon cold": {
			rule("transitions: [{after: 30d, storageClass: STANDARD_IA}, {after: 45d, storageClass: GLACIER}]"),
			"lifecycle.0.transitions.1.after: S3 keeps objects in infrequent access for 30d before it moves them to " +
				"GLACIER: 60d at the earliest",
		},
		"cold in time": {
			rule("transitions: [{after: 30d, storageClass: STANDARD_IA}, {after: 60d, storageClass: GLACIER}]"), "",
		},
		"after the end": {
			rule("expireAfter: 30d, transitions: [{after: 30d, storageClass: GLACIER}]"),
			"lifecycle.0.transitions.0.after: the objects are deleted before",
		},
		"storage class": {
			rule("transitions: [{after: 90d, storageClass: FREEZER}]"),
			`lifecycle.0.transitions.0.storageClass: "FREEZER" is not one of`,
		},
		"origin":          {"cors: [{origins: [https://a.example.com/app], methods: [GET]}]", "cors.0.origins.0: "},
		"any origin":      {`cors: [{origins: ["*"], methods: [GET]}]`, ""},
		"method":          {`cors: [{origins: ["*"], methods: [PATCH]}]`, `cors.0.methods.0: "PATCH" is not one of`},
		"nobody let in":   {"cors: [{origins: [], methods: [GET]}]", "cors.0.origins: must not be empty"},
		"protected field": {"protect: maybe", "protect: must be true or false"},
	})
}
