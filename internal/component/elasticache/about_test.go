package elasticache

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/component"
)

func TestAbout(t *testing.T) {
	number := func(n int) *int { return &n }
	production := component.Instance{Production: true}
	require.Equal(t, "valkey 8.2, 2 nodes cache.t4g.small in several zones; inside only, port 6379",
		(&Spec{Engine: "valkey"}).About(production))
	require.Equal(t, "redis 7.1, 3 shards with 2 nodes cache.t4g.small each in several zones; inside only, port 6379",
		(&Spec{Engine: "redis", Shards: number(3)}).About(production))
	require.Equal(t, "memcached 1.6.22, 1 node cache.t4g.small; inside only, port 11211",
		(&Spec{Engine: "memcached"}).About(component.Instance{}))
	require.Equal(t, "valkey 8, serverless, up to 10 GiB; inside only, port 6379",
		(&Spec{Engine: "valkey", Serverless: &Serverless{MaxStorage: number(10)}}).About(component.Instance{}))
}
