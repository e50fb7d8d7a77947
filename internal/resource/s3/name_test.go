package s3

import (
	"strings"
	"testing"
)

func TestUnfitName(t *testing.T) {
	for name, want := range map[string]string{
		"company-state": "", "abc": "", "1.2.3": "", "a.b-c.1": "", strings.Repeat("a", 63): "", "x--s3-x": "",
		"ab": "3 to 63", strings.Repeat("a", 64): "3 to 63", "Company": "3 to 63", "a_b": "3 to 63", "-abc": "3 to 63",
		"abc.": "3 to 63", "": "3 to 63",
		"a..b":             "two dots",
		"192.168.1.1":      "IP address",
		"xn--abc":          "begin with xn--",
		"sthree-abc":       "begin with sthree-",
		"amzn-s3-demo-abc": "begin with amzn-s3-demo-",
		"abc-s3alias":      "end with -s3alias",
		"abc--ol-s3":       "end with --ol-s3",
		"abc.mrap":         "end with .mrap",
		"abc--x-s3":        "end with --x-s3",
		"abc--table-s3":    "end with --table-s3",
	} {
		if got := UnfitName(name); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
