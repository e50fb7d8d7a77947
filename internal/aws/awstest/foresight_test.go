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

// A range cannot move to another zone as long as something is in its subnet.
func TestRangesThatMove(t *testing.T) {
	b := behaviour(t, awsec2.Behaviours(start(t).Config), ec2.SubnetType)
	moved := newOnes(1, value.Encode(ec2.Subnet{
		VPCID: value.Lit("vpc-01234567"), CIDR: "10.0.0.0/20", AvailabilityZone: value.Lit("us-east-1b"),
	}))
	require.Empty(t, foreseen(t, b, moved...), "a new subnet")
	moved[0].ID = "subnet-01234567"
	require.Equal(t, []string{
		"the subnet subnet-01234567 has the range 10.0.0.0/20 in another zone than us-east-1b, and AWS does not " +
			"delete it as long as tasks or load balancers are in it",
	}, foreseen(t, b, moved...))
}

func TestSecurityPoliciesOfListeners(t *testing.T) {
	b := behaviour(t, awselb.Behaviours(start(t).Config), elbv2.ListenerType)
	with := func(policy string) value.Value { return value.Encode(elbv2.Listener{SSLPolicy: policy}) }
	require.Empty(t, foreseen(t, b, newOnes(1, with("ELBSecurityPolicy-TLS13-1-3-2021-06"))...))
	wrong := newOnes(1, with("ELBSecurityPolicy-TLS-9"))
	require.Equal(t, []string{"Elastic Load Balancing has no security policy ELBSecurityPolicy-TLS-9 in this region"},
		foreseen(t, b, wrong...))
	wrong[0].Old.Inputs = wrong[0].Inputs
	require.Empty(t, foreseen(t, b, wrong...), "it is not changed")
}
