package s3

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/s3"
	"github.com/company/deployer/internal/value"
)

// bucketRemark says what AWS deletes of what a bucket holds, by rules that are new or act earlier than before.
func bucketRemark(c resource.Change) string {
	if !slices.Contains(c.Changed, "lifecycle") {
		return ""
	}
	var was, wanted model.Bucket
	value.Decode(c.Old, &was)
	value.Decode(c.Desired, &wanted)
	earlier := func(before, now int) bool { return now != 0 && (before == 0 || now < before) }
	var out []string
	for _, rule := range wanted.Lifecycle {
		var before model.LifecycleRule
		for _, r := range was.Lifecycle {
			if r.ID == rule.ID && r.Prefix == rule.Prefix {
				before = r
			}
		}
		objects := "objects"
		if rule.Prefix != "" {
			objects += " below " + rule.Prefix
		}
		if earlier(before.ExpireAfter, rule.ExpireAfter) {
			what := "are deleted"
			if wanted.Versioning {
				what = "become replaced versions"
			}
			out = append(out, fmt.Sprintf("%s older than %dd %s", objects, rule.ExpireAfter, what))
		}
		if earlier(before.NoncurrentExpireAfter, rule.NoncurrentExpireAfter) {
			out = append(out, fmt.Sprintf("versions of %s that were replaced more than %dd ago are deleted", objects,
				rule.NoncurrentExpireAfter))
		}
	}
	return strings.Join(out, "; ")
}
