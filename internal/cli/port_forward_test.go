package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/state"
)

func TestPorts(t *testing.T) {
	for text, want := range map[string][2]int{"8080:80": {8080, 80}, "5432": {5432, 5432}, "0:80": {0, 80}} {
		local, remote, err := parsePorts(text)
		require.NoError(t, err)
		require.Equal(t, want, [2]int{local, remote})
	}
	for _, text := range []string{"", ":", "80:", ":80", "a:b", "1:2:3", "80:0", "70000", "-1:80"} {
		_, _, err := parsePorts(text)
		require.Error(t, err, text)
	}
}

func TestTheUsersOfADatabase(t *testing.T) {
	runs := map[string]any{"serviceName": "x"}
	s := &observe.Deployed{
		Stored: &state.Stored{Payload: &state.Payload{Components: []state.Component{
			{Address: "web/db"},
			{Address: "web-shop/db-1"},
			{Address: "web/api", Outputs: runs},
			{Address: "web/other", Outputs: runs},
			{Address: "web/worker", Outputs: runs},
		}}},
		Resources: []engine.StoredResource{
			{ID: "web/api:to-web-db-5432", Component: "web/api"},
			{ID: "web/other:to-web-db--copy-5432", Component: "web/other"},
			{ID: "web/worker:to-web--shop-db--1-5432", Component: "web/worker"},
			{ID: "web/db:to-web-db-5432", Component: "web/db"},
		},
	}
	found := users(s, "web/db")
	require.Len(t, found, 1)
	require.Equal(t, "web/api", found[0].Address)
	found = users(s, "web-shop/db-1")
	require.Len(t, found, 1)
	require.Equal(t, "web/worker", found[0].Address)
}
