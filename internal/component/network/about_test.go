package network

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/component"
)

func TestAbout(t *testing.T) {
	require.Empty(t, (&Spec{}).About(component.Instance{}))
	require.Equal(t, "VPC 10.20.0.0/16, public and private subnets in 2 zones, one NAT gateway",
		(&Spec{VPC: VPC{CIDR: "10.20.0.0/16"}}).About(component.Instance{}))
	require.Equal(t, "VPC 10.20.0.0/16, public and private subnets in 3 zones, a NAT gateway in each, endpoints of "+
		"ecr, logs", (&Spec{VPC: VPC{
		CIDR: "10.20.0.0/16", Zones: []string{"a", "b", "c"}, Endpoints: []string{"ecr", "logs"},
	}}).About(component.Instance{Production: true}))
}
