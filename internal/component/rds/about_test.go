package rds

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/component"
)

func TestAbout(t *testing.T) {
	about := func(s Spec) string { return s.About(component.Instance{}) }
	require.Equal(t, "postgres 16, db.t4g.micro, 20 GiB, in one zone; inside only, port 5432",
		about(Spec{Engine: "postgres", Version: "16"}))
	require.Equal(t, "mysql 8.4, db.m7g.large, 50 GiB that grow to 200, with a standby in another zone; inside only, "+
		"port 3306", about(Spec{
		Engine: "mysql", Version: "8.4", InstanceClass: "db.m7g.large", Storage: pointer(50), MaxStorage: pointer(200),
		MultiAZ: true,
	}))
	require.Equal(t, "aurora-postgresql 17, 0.5 to 4 capacity units, a writer and 1 replica, from the snapshot old; "+
		"inside only, port 5432", about(Spec{
		Engine: "aurora-postgresql", Version: "17", Capacity: &Capacity{Min: 0.5, Max: 4}, Replicas: 1,
		RestoreFrom: "old",
	}))
}
