package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/config"
)

func TestUnknownVariablesAreToldWithTheLikelyName(t *testing.T) {
	next := func(name string) string {
		t.Helper()
		found := config.UnknownVariables(map[string]string{name: "1"}, "DEPLOYER_VAR_", "DEPLOYER_STACK")
		require.Len(t, found, 1, name)
		return found[0].Next
	}
	assert.Equal(t, `Did you mean "DEPLOYER_BACKEND_BUCKET"?`, next("DEPLOYER_BACKEND_BUKET"))
	assert.Equal(t, `Did you mean "DEPLOYER_STACK"?`, next("DEPLOYER_STAK"))
	assert.Equal(t, `Did you mean "DEPLOYER_VAR_"?`, next("DEPLOYER_VARS"))
	assert.Contains(t, next("DEPLOYER_FOO"), "config show", "three letters of nine are near to nothing")
	assert.Empty(t, config.UnknownVariables(map[string]string{"DEPLOYER_VAR_X": "1", "DEPLOYER_BACKEND_BUCKET": "b"},
		"DEPLOYER_VAR_"))
}
