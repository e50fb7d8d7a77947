package elbv2

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/value"
)

func TestRulesOverlap(t *testing.T) {
	rule := func(host, path string) ListenerRule {
		r := ListenerRule{ListenerARN: value.Lit("arn:listener")}
		if host != "" {
			r.Hosts = []string{"other.example.org", host}
		}
		if path != "" {
			r.Paths = []string{path}
		}
		return r
	}
	for _, c := range []struct {
		hostA, pathA, hostB, pathB string
		want                       bool
	}{
		{"a.example.com", "", "A.example.com", "/orders", true},
		{"a.example.com", "", "", "", true},
		{"", "/*", "", "/orders", true},
		{"*.example.com", "", "a.example.com", "", true},
		{"*.example.com", "", "a.*", "", true},
		{"?.example.com", "", "a.example.com", "", true},
		{"", "/api/*", "", "/api/orders/*", true},
		{"", "/api/*", "", "/*/orders", true},
		{"", "/api/*", "", "/web/*", false},
		{"", "/api", "", "/api/*", false},
		{"", "/api/?", "", "/api/", false},
	} {
		a, b := rule(c.hostA, c.pathA), rule(c.hostB, c.pathB)
		if a.Hosts != nil {
			a.Hosts = a.Hosts[1:]
		}
		require.Equal(t, c.want, a.Overlaps(b), "%v", c)
		require.Equal(t, c.want, b.Overlaps(a), "%v the other way round", c)
	}
	other := rule("", "")
	other.ListenerARN = value.Lit("arn:other")
	require.False(t, rule("", "").Overlaps(other))
}
