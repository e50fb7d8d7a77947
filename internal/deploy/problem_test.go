package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// If the network does not fit, no property is wrong, so the error names none.
func TestProblemOfTheNetwork(t *testing.T) {
	found := problems(&engine.ProblemError{
		Resource: "web/api:service", Type: "aws:ecs:Service",
		Problems: []value.Problem{
			{Kind: resource.NetworkUnfit, Path: []string{"subnets"}, Message: "no subnet has a way out"},
			{Kind: value.BadValue, Path: []string{"deployment"}, Message: "leaves no room"},
		},
	})
	require.Equal(t, diag.List{
		diag.New(diag.Invalid, "Network without internet access", "web/api:service: no subnet has a way out.",
			"Give the route table of its subnets a default route to a NAT or internet gateway, or choose other "+
				"subnets in the Network (`spec.subnets`).").For("web/api"),
		diag.New(diag.Invalid, "Invalid resource property",
			"deployment of the resource web/api:service (aws:ecs:Service): leaves no room.",
			"If it comes from `overrides`, correct it there.").For("web/api"),
	}, found)
}

// Nothing is deleted that an object may need which an interrupted run may have made. The error says why nobody knows.
func TestProblemOfWhatAnInterruptedRunMayHaveMade(t *testing.T) {
	step := func(reason error) *diag.Diagnostic {
		return stepProblem(&engine.StepError{
			Resource: "infra/network:subnet", Type: "aws:ec2:Subnet", Action: plan.Delete,
			Err: &engine.NeededError{By: "infra/network:nat", Err: reason},
		})
	}
	denied := step(&resource.OpError{
		Operation: "EC2:DescribeNatGateways", RequestID: "r-1", Code: "AccessDenied", Message: "not allowed",
	})
	require.Equal(t, "Cannot delete infra/network:subnet", denied.Summary)
	require.Contains(t, denied.Detail, "An interrupted run may have created infra/network:nat, which needs it: ")
	require.Contains(t, denied.Detail, "not allowed")
	require.Equal(t, "EC2:DescribeNatGateways", denied.Operation)
	require.Contains(t, denied.Next, "DescribeNatGateways")
	require.Equal(t, "Run the command again: it deletes both.", step(nil).Next)
}
