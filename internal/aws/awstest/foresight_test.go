package awstest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	awsec2 "github.com/company/deployer/internal/aws/ec2"
	awsecs "github.com/company/deployer/internal/aws/ecs"
	awselasticache "github.com/company/deployer/internal/aws/elasticache"
	awselb "github.com/company/deployer/internal/aws/elbv2"
	awsiam "github.com/company/deployer/internal/aws/iam"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/elasticache"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/value"
)

// new are requests for n new objects of a type.
func newOnes(n int, props value.Value) []resource.Request {
	out := make([]resource.Request, n)
	for i := range out {
		out[i] = resource.Request{Resource: fmt.Sprintf("web/a%d:x", i), Inputs: props}
	}
	return out
}

// What the account has counts, not only what the stack makes.
func TestQuotas(t *testing.T) {
	h := start(t)
	for _, c := range []struct {
		behaviours []resource.Behaviour
		typ        string
		fit        int // so many fit into the quota
		says       string
	}{
		{awsiam.Behaviours(h.Config), iam.RoleType, 900, "IAM roles and this run makes 1001, but AWS's quota is 1000"},
		{awsec2.Behaviours(h.Config), ec2.ElasticIPType, 5, "elastic IP addresses and this run makes 1001, but AWS's"},
		{awselb.Behaviours(h.Config), elbv2.LoadBalancerType, 20, "application load balancers and this run makes 1001"},
	} {
		b := behaviour(t, c.behaviours, c.typ)
		require.Empty(t, foreseen(t, b, newOnes(c.fit, value.NewMap(nil))...), c.typ)
		require.Contains(t, strings.Join(foreseen(t, b, newOnes(1001, value.NewMap(nil))...), " "), c.says)
		changed := newOnes(1001, value.NewMap(nil))
		for i := range changed {
			changed[i].Old.Inputs = changed[i].Inputs
		}
		require.Empty(t, foreseen(t, b, changed...), "%s: changes need no room", c.typ)
	}
	b := behaviour(t, awsec2.Behaviours(h.Config), ec2.VPCType)
	require.Contains(t, strings.Join(foreseen(t, b, newOnes(6, value.NewMap(nil))...), " "), "AWS's default quota is 5")
}

func TestRolesThatOverridesName(t *testing.T) {
	h := start(t)
	b := behaviour(t, awsecs.Behaviours(h.Config), ecs.TaskDefinitionType)
	nobody := value.Encode(ecs.TaskDefinition{TaskRoleArn: value.Lit("arn:aws:iam::123456789012:role/a/nobody")})
	require.Equal(t, []string{"the role arn:aws:iam::123456789012:role/a/nobody does not exist"},
		foreseen(t, b, newOnes(1, nobody)...))
	var f resource.Foresight
	b.(resource.Foreseer).Foresee(t.Context(), newOnes(1, nobody), resource.Neighbours{Ours: []string{"nobody"}}, &f)
	refusals, _ := f.Wait()
	require.Empty(t, refusals, "a role of the stack itself")
	policy := b.Definition().Permissions(resource.Scope{Props: nobody})
	require.Equal(t, []string{"iam:PassRole"}, policy[0].Actions)
	require.Equal(t, []string{"arn:aws:iam::123456789012:role/a/nobody"}, policy[0].On)
}

func TestSnapshotsOfCaches(t *testing.T) {
	h := start(t)
	b := behaviour(t, awselasticache.Behaviours(h.Config), elasticache.ReplicationGroupType)
	lost := value.Encode(elasticache.ReplicationGroup{Engine: "valkey", EngineVersion: "8.0", RestoreFrom: "lost"})
	require.Equal(t, []string{"there is no snapshot lost in this region of this account"},
		foreseen(t, b, newOnes(1, lost)...))
}
