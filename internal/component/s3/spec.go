// Package s3 is the kind S3: a private bucket.
//
// In: an instance of the kind. Out: a bucket with encryption, public access blocked and TLS only, and grants to read,
// write and delete objects. It is pure and must not know who uses the bucket.
package s3

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// Spec is what users write below spec.
type Spec struct {
	component.Common

	Versioning   bool             `json:"versioning,omitempty" doc:"Keep old versions of objects, deleted ones included. It cannot be turned off again, only suspended."`
	Encryption   value.Of[string] `json:"encryption,omitempty" pattern:"^(AES256|aws:kms|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+|(mrk-)?[0-9a-f-]{32,36})$" form:"AES256, aws:kms, or the id or ARN of a KMS key" default:"AES256" doc:"AES256, aws:kms (the account's key for S3), or id or ARN of a KMS key."`
	Lifecycle    []Rule           `json:"lifecycle,omitempty" unique:"name" doc:"Rules by the age of objects. Unfinished uploads are always removed after 7 days at the latest."`
	CORS         []CORS           `json:"cors,omitempty" doc:"Web pages of other origins that may use the bucket."`
	ForceDestroy bool             `json:"forceDestroy,omitempty" doc:"Delete the objects together with the bucket. Without it, a bucket with objects is never deleted."`
}

// Rule is one lifecycle rule. Ages are whole days, written 30d.
type Rule struct {
	_ struct{} `anyOf:"expireAfter,noncurrentExpireAfter,abortUploadsAfter,transitions" why:"a rule without these does nothing"`

	Name                  string         `json:"name" required:"true" min:"1" max:"255" doc:"Name of the rule."`
	Prefix                string         `json:"prefix,omitempty" unset:"all" doc:"Beginning of the keys that the rule is for."`
	ExpireAfter           value.Duration `json:"expireAfter,omitempty" min:"1d" step:"1d" unset:"they stay" doc:"Age at which objects are deleted."`
	NoncurrentExpireAfter value.Duration `json:"noncurrentExpireAfter,omitempty" min:"1d" step:"1d" unset:"they stay" doc:"Time after which replaced and deleted versions are deleted; needs versioning."`
	AbortUploadsAfter     value.Duration `json:"abortUploadsAfter,omitempty" min:"1d" step:"1d" unset:"7d, by a rule that the bucket always has" doc:"Age at which unfinished uploads are removed."`
	Transitions           []Transition   `json:"transitions,omitempty" doc:"Moves to cheaper storage classes, by rising age."`
}

// Transition moves objects to another storage class.
type Transition struct {
	After        value.Duration `json:"after" required:"true" step:"1d" doc:"Age of the objects."`
	StorageClass string         `json:"storageClass" required:"true" enum:"STANDARD_IA,ONEZONE_IA,INTELLIGENT_TIERING,GLACIER_IR,GLACIER,DEEP_ARCHIVE" doc:"Where they go."`
}

// CORS is one rule for browsers.
type CORS struct {
	Origins       []string       `json:"origins" required:"true" min:"1" pattern:"^(\\*|[a-z][a-z0-9+.-]*://[^/\\s*]*\\*?[^/\\s*]*)$" form:"an origin such as https://app.example.com (no path, at most one *)" example:"[https://app.example.com]" doc:"Origins of the pages; each may have one *, which matches any text."`
	Methods       []string       `json:"methods" required:"true" min:"1" enum:"GET,PUT,POST,DELETE,HEAD" doc:"HTTP methods that they may use."`
	Headers       []string       `json:"headers,omitempty" doc:"Request headers that they may send."`
	ExposeHeaders []string       `json:"exposeHeaders,omitempty" doc:"Response headers that their scripts may read."`
	MaxAge        value.Duration `json:"maxAge,omitempty" step:"1s" unset:"browsers decide" doc:"How long browsers remember the answer."`
}

const (
	day         = 24 * time.Hour
	kms         = "aws:kms"
	aes         = "AES256"
	nameLimit   = 63
	leastForIA  = 30 * day // S3 moves nothing to infrequent access earlier
	abortAfter  = 7        // days, for unfinished uploads without a rule of the user
	abortRuleID = "abort-unfinished-uploads"
)

// afterIA are the storage classes into which a rule may move objects only 30 days after their move to infrequent
// access.
var afterIA = []string{"ONEZONE_IA", "GLACIER", "DEEP_ARCHIVE"}

var keyID = regexp.MustCompile(`^(mrk-)?[0-9a-f-]{32,36}$`)

func check(_ component.Instance, s *Spec) []value.Problem {
	var problems []value.Problem
	for i, r := range s.Lifecycle {
		path := []string{"lifecycle", strconv.Itoa(i)}
		if r.Name == abortRuleID {
			problems = append(problems, component.Invalid(append(path, "name"),
				"%q is the name of the rule that removes unfinished uploads", r.Name))
		}
		problems = append(problems, r.check(path, s.Versioning)...)
	}
	return problems
}

func (r Rule) check(path []string, versioning bool) []value.Problem {
	var problems []value.Problem
	at := func(keys ...string) []string { return append(slices.Clone(path), keys...) }
	if r.NoncurrentExpireAfter != 0 && !versioning {
		problems = append(problems, component.Invalid(at("noncurrentExpireAfter"),
			"without versioning there are no old versions: set versioning: true").RestsOn("versioning"))
	}
	last, infrequent := time.Duration(-1), time.Duration(-1)
	for i, t := range r.Transitions {
		after, path := time.Duration(t.After), at("transitions", strconv.Itoa(i), "after")
		switch {
		case strings.HasSuffix(t.StorageClass, "_IA") && after < leastForIA:
			problems = append(problems, component.Invalid(path, "S3 moves objects to %s after 30d at the earliest",
				t.StorageClass))
		case after <= last:
			problems = append(problems, component.Invalid(path, "must be later than the transition before it"))
		case infrequent >= 0 && after < infrequent+leastForIA && slices.Contains(afterIA, t.StorageClass):
			problems = append(problems,
				component.Invalid(path, "S3 keeps objects in infrequent access for 30d before it moves them to %s: "+
					"%dd at the earliest",
					t.StorageClass, (infrequent+leastForIA)/day))
		case r.ExpireAfter != 0 && after >= time.Duration(r.ExpireAfter):
			problems = append(problems,
				component.Invalid(path, "the objects are deleted before: expireAfter comes first"))
		}
		last = after
		if infrequent < 0 && strings.HasSuffix(t.StorageClass, "_IA") {
			infrequent = after
		}
	}
	return problems
}
