package elbv2

import (
	"strings"
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

func TestGivesUp(t *testing.T) {
	rule := func(hosts, paths string) ListenerRule {
		return ListenerRule{Hosts: strings.Fields(hosts), Paths: strings.Fields(paths)}
	}
	for name, c := range map[string]struct {
		from, to ListenerRule
		want     string
	}{
		"the same":      {rule("a b", "/x"), rule("a b", "/x"), ""},
		"one more":      {rule("a", "/x"), rule("a b", "/x /y"), ""},
		"all hosts":     {rule("a", "/x"), rule("", "/x"), ""},
		"one less":      {rule("a b", ""), rule("a", ""), "hosts"},
		"another":       {rule("a", "/x"), rule("b", "/y"), "hosts paths"},
		"no longer all": {rule("a", ""), rule("a", "/x"), "paths"},
	} {
		require.Equal(t, c.want, strings.Join(c.from.GivesUp(c.to), " "), name)
	}
}

func TestBalancerOf(t *testing.T) {
	const arn = "arn:aws:elasticloadbalancing:eu-west-1:1:listener"
	require.Equal(t, "app/lb/1", BalancerOf(arn+"/app/lb/1/2"))
	require.Equal(t, "app/lb/1", BalancerOf(arn+"-rule/app/lb/1/2/3"))
	require.Empty(t, BalancerOf(""))
}
