package s3

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Beginnings and ends of names that AWS reserves.
var (
	reservedPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// UnfitName says why a text cannot be the name of a bucket, "" if it can ("General purpose bucket naming rules", Amazon
// S3 user guide).
func UnfitName(name string) string {
	if !bucketName.MatchString(name) {
		return "a name has 3 to 63 lower-case letters, digits, dots and hyphens, and begins and ends with a " +
			"letter or a digit"
	}
	if strings.Contains(name, "..") {
		return "a name has no two dots in a row"
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "a name is no IP address"
	}
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return fmt.Sprintf("names that begin with %s are AWS's own", prefix)
		}
	}
	for _, suffix := range reservedSuffixes {
		if strings.HasSuffix(name, suffix) {
			return fmt.Sprintf("names that end with %s are AWS's own", suffix)
		}
	}
	return ""
}
