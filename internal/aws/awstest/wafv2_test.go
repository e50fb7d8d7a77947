package awstest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"
	"github.com/stretchr/testify/require"

	awswaf "github.com/company/deployer/internal/aws/wafv2"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/wafv2"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// byWAF is why actions are allowed that no call of ours needs.
const byWAF = "AWS WAF makes the call"

func TestWebACLAssociation(t *testing.T) {
	b := startBalancing(t)
	client := wafv2.NewFromConfig(b.Plain)
	acl := func(name string) string {
		out, err := client.CreateWebACL(t.Context(), &wafv2.CreateWebACLInput{
			Name: &name, Scope: types.ScopeRegional,
			DefaultAction:    &types.DefaultAction{Allow: &types.AllowAction{}},
			VisibilityConfig: &types.VisibilityConfig{MetricName: &name},
		})
		require.NoError(t, err)
		return *out.Summary.ARN
	}
	first, second, third := acl("first"), acl("second"), acl("third")
	balancer, other := b.balancer(t, "guarded"), b.balancer(t, "other")
	props := model.Association{ResourceARN: value.Lit(balancer), WebACLARN: value.Lit(first)}
	changed, elsewhere := props, props
	changed.WebACLARN, elsewhere.ResourceARN = value.Lit(second), value.Lit(other)
	guard := func(arn string) {
		_, err := client.AssociateWebACL(context.WithoutCancel(t.Context()),
			&wafv2.AssociateWebACLInput{ResourceArn: &balancer, WebACLArn: &arn})
		require.NoError(t, err)
	}
	unguard := func() {
		_, err := client.DisassociateWebACL(context.WithoutCancel(t.Context()),
			&wafv2.DisassociateWebACLInput{ResourceArn: &balancer})
		require.NoError(t, err)
	}
	suite := awswaf.Behaviours(b.Config)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, suite, model.AssociationType), Props: props, Update: changed, Replace: elsewhere,
		Distinct: true, Upsert: true,
		Gone:       func(context.Context, *testing.T, resource.State) { unguard() },
		LoseAnswer: b.LoseAnswer, Actions: b.Actions,
		Unused: map[string]string{
			"elasticloadbalancing:SetWebAcl": byWAF, "elasticloadbalancing:CreateWebACLAssociation": byWAF,
			"elasticloadbalancing:DeleteWebACLAssociation": byWAF, "elasticloadbalancing:GetLoadBalancerWebACL": byWAF,
			"wafv2:GetWebACL": byWAF,
		},
	})

	// What somebody else has put there since then stays.
	guard(third)
	defer unguard()
	req := request(model.AssociationType)
	req.ID, req.Old = balancer, resource.State{ID: balancer, Inputs: value.Encode(props)}
	require.NoError(t, behaviour(t, suite, model.AssociationType).Delete(t.Context(), req))
	found, err := client.GetWebACLForResource(t.Context(), &wafv2.GetWebACLForResourceInput{ResourceArn: &balancer})
	require.NoError(t, err)
	require.Equal(t, third, *found.WebACL.ARN)
}
