// Package s3 is the kind S3: a private bucket.
//
// In: an instance of the kind. Out: a bucket with encryption, public access blocked and TLS only, and grants to read, write and
// delete objects.
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

	Versioning   bool             `json:"versioning,omitempty" doc:"Keep old versions of objects, deleted ones included. Once on, it can only be suspended."`
	Encryption   value.Of[string] `json:"encryption,omitempty" doc:"AES256, aws:kms (the account's key for S3), or id or ARN of a KMS key. Default AES256."`
	Lifecycle    []Rule           `json:"lifecycle,omitempty" doc:"What happens to objects as they age. Uploads that were never finished are removed after 7 days in any case."`
	CORS         []CORS           `json:"cors,omitempty" doc:"Web pages of other origins that may use the bucket."`
	ForceDestroy bool             `json:"forceDestroy,omitempty" doc:"Let a deletion of the bucket delete its objects too. Without it a bucket with objects is never deleted."`
}

// Rule is one lifecycle rule. Ages are whole days, written 30d.
type Rule struct {
	Name                  string         `json:"name" required:"true" doc:"Name of the rule."`
	Prefix                string         `json:"prefix,omitempty" doc:"Beginning of the keys that it is for. Default: all."`
	ExpireAfter           value.Duration `json:"expireAfter,omitempty" doc:"Age at which objects are deleted."`
	NoncurrentExpireAfter value.Duration `json:"noncurrentExpireAfter,omitempty" doc:"Time after which replaced and deleted versions go for good; needs versioning."`
	AbortUploadsAfter     value.Duration `json:"abortUploadsAfter,omitempty" doc:"Age at which unfinished uploads are removed."`
	Transitions           []Transition   `json:"transitions,omitempty" doc:"Moves to cheaper storage classes, by rising age."`
}

// Transition moves objects to another storage class.
type Transition struct {
	After        value.Duration `json:"after" required:"true" doc:"Age of the objects."`
	StorageClass string         `json:"storageClass" required:"true" enum:"STANDARD_IA,ONEZONE_IA,INTELLIGENT_TIERING,GLACIER_IR,GLACIER,DEEP_ARCHIVE" doc:"Where they go."`
}

// CORS is one rule for browsers.
type CORS struct {
	Origins       []string       `json:"origins" required:"true" doc:"Origins such as https://app.example.com; one * each may stand for anything."`
	Methods       []string       `json:"methods" required:"true" enum:"GET,PUT,POST,DELETE,HEAD" doc:"HTTP methods that they may use."`
	Headers       []string       `json:"headers,omitempty" doc:"Request headers that they may send."`
	ExposeHeaders []string       `json:"exposeHeaders,omitempty" doc:"Response headers that their scripts may read."`
	MaxAge        value.Duration `json:"maxAge,omitempty" doc:"How long browsers remember the answer."`
}

const (
	day         = 24 * time.Hour
	kms         = "aws:kms"
	aes         = "AES256"
	nameLimit   = 63
	leastForIA  = 30 * day // S3 moves nothing to infrequent access earlier
	abortAfter  = 7        // days, for unfinished uploads that no rule of the user's takes
	abortRuleID = "abort-unfinished-uploads"
)

// afterIA are the storage classes to which one rule moves objects out of infrequent access only after 30 days there.
var afterIA = []string{"ONEZONE_IA", "GLACIER", "DEEP_ARCHIVE"}

var (
	keyARN = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)
	keyID  = regexp.MustCompile(`^(mrk-)?[0-9a-f-]{32,36}$`)
	origin = regexp.MustCompile(`^(\*|[a-z][a-z0-9+.-]*://[^/\s*]*\*?[^/\s*]*)$`)
)

func check(_ component.Instance, s *Spec) []value.Problem {
	var problems []value.Problem
	if text := s.Encryption.Get(); s.Encryption.IsSet() && s.Encryption.Known() && text != aes && text != kms && !keyARN.MatchString(text) && !keyID.MatchString(text) {
		problems = append(problems, component.Invalid([]string{"encryption"}, "%q is neither %s, %s nor the id or ARN of a KMS key", text, aes, kms))
	}
	names := map[string]bool{}
	for i, r := range s.Lifecycle {
		path := []string{"lifecycle", strconv.Itoa(i)}
		if r.Name == "" || len(r.Name) > 255 || r.Name == abortRuleID {
			problems = append(problems, component.Invalid(append(path, "name"), "%q cannot be the name of a rule", r.Name))
		} else if names[r.Name] {
			problems = append(problems, component.Invalid(append(path, "name"), "there are two rules named %q", r.Name))
		}
		names[r.Name] = true
		problems = append(problems, r.check(path, s.Versioning)...)
	}
	for i, c := range s.CORS {
		path := []string{"cors", strconv.Itoa(i)}
		if len(c.Origins) == 0 || len(c.Methods) == 0 {
			problems = append(problems, component.Invalid(path, "needs at least one origin and one method"))
		}
		for j, o := range c.Origins {
			if !origin.MatchString(o) {
				problems = append(problems, component.Invalid(append(path, "origins", strconv.Itoa(j)), "%q is not an origin such as https://app.example.com (no path, at most one *)", o))
			}
		}
	}
	return problems
}

func (r Rule) check(path []string, versioning bool) []value.Problem {
	var problems []value.Problem
	at := func(keys ...string) []string { return append(slices.Clone(path), keys...) }
	for key, d := range map[string]value.Duration{"expireAfter": r.ExpireAfter, "noncurrentExpireAfter": r.NoncurrentExpireAfter, "abortUploadsAfter": r.AbortUploadsAfter} {
		if time.Duration(d)%day != 0 {
			problems = append(problems, component.Invalid(at(key), "S3 counts whole days: write 1d, 30d, ..."))
		}
	}
	slices.SortFunc(problems, func(a, b value.Problem) int { return slices.Compare(a.Path, b.Path) })
	if r.ExpireAfter == 0 && r.NoncurrentExpireAfter == 0 && r.AbortUploadsAfter == 0 && len(r.Transitions) == 0 {
		problems = append(problems, component.Invalid(path, "does nothing: give it expireAfter, noncurrentExpireAfter, abortUploadsAfter or transitions"))
	}
	if r.NoncurrentExpireAfter != 0 && !versioning {
		problems = append(problems, component.Invalid(at("noncurrentExpireAfter"), "without versioning there are no old versions: set versioning: true").RestsOn("versioning"))
	}
	last, infrequent := time.Duration(-1), time.Duration(-1)
	for i, t := range r.Transitions {
		after, path := time.Duration(t.After), at("transitions", strconv.Itoa(i), "after")
		switch {
		case after%day != 0:
			problems = append(problems, component.Invalid(path, "S3 counts whole days: write 1d, 30d, ..."))
		case strings.HasSuffix(t.StorageClass, "_IA") && after < leastForIA:
			problems = append(problems, component.Invalid(path, "S3 moves objects to %s after 30d at the earliest", t.StorageClass))
		case after <= last:
			problems = append(problems, component.Invalid(path, "must be later than the transition before it"))
		case infrequent >= 0 && after < infrequent+leastForIA && slices.Contains(afterIA, t.StorageClass):
			problems = append(problems, component.Invalid(path, "S3 keeps objects in infrequent access for 30d before it moves them to %s: %dd at the earliest",
				t.StorageClass, (infrequent+leastForIA)/day))
		case r.ExpireAfter != 0 && after >= time.Duration(r.ExpireAfter):
			problems = append(problems, component.Invalid(path, "the objects are deleted before: expireAfter comes first"))
		}
		last = after
		if infrequent < 0 && strings.HasSuffix(t.StorageClass, "_IA") {
			infrequent = after
		}
	}
	return problems
}
