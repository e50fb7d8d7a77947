package service_test

import (
	"errors"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
)

func codeOf(err error) string {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	return ""
}

// loseAnswer lets the next call of an operation take effect without an answer, so that the SDK repeats it.
func loseAnswer(t *testing.T, env *testkit.Env, operation string) {
	t.Helper()
	require.NoError(t,
		env.Proxy.Inject(proxy.Fault{Filter: proxy.Filter{Operation: operation}, Action: proxy.DropAfter}))
}
