package elbv2

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/company/deployer/internal/resource"
)

// The policy covers the objects that the stack makes, also those whose names AWS does not allow unchanged.
func TestPolicyNamesWhatIsMade(t *testing.T) {
	for _, stack := range []string{
		"shop", "internal", "internal-tools", "internals",
		"internal-tools-of-a-very-long-name",
	} {
		for _, environment := range []string{"dev", "internal-test"} {
			name := strings.Join([]string{stack, environment, "infra/ingress"}, resource.PartSeparator)
			checkName(&name)
			name = resource.Rename(nameLimit, name, "scheme=internal")
			assert.False(t, strings.HasPrefix(name, "internal-"), "AWS refuses %s", name)
			scope := resource.Scope{
				Stack: stack, Environment: environment, Account: "123456789012",
				Region: "eu-central-1",
			}
			pattern := strings.TrimPrefix(own(scope, "loadbalancer/app/")[0],
				"arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/")
			matches, err := path.Match(pattern, name)
			assert.NoError(t, err)
			assert.True(t, matches, "the policy names %s, and %s is made", pattern, name)
		}
	}
}
