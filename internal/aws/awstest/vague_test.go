package awstest

import (
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/require"

	awsec2 "github.com/company/deployer/internal/aws/ec2"
	awscloudmap "github.com/company/deployer/internal/aws/servicediscovery"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/resource/servicediscovery"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

// A plan does not know the ids of objects to be made, so an interrupted run leaves intents without them. Locate must
// still find the objects of such intents, and nothing else.
func locateVaguely(t *testing.T, b resource.Behaviour, full value.Value, lacks ...string) {
	t.Helper()
	req := request(b.Definition().Type)
	req.Tags = resourcetest.Tags("vague")
	var problems []value.Problem
	req.Inputs, problems = b.Check(full)
	require.Empty(t, problems)
	vague := req
	known := maps.Clone(req.Inputs.Entries())
	for _, name := range lacks {
		delete(known, name)
	}
	vague.Inputs = value.NewMap(known)
	locate := func(r resource.Request) (string, bool) {
		state, found, err := b.(resource.Locator).Locate(t.Context(), r)
		require.NoError(t, err)
		return state.ID, found
	}
	_, found := locate(vague)
	require.False(t, found)
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	id, found := locate(vague)
	require.True(t, found)
	require.Equal(t, state.ID, id)

	stored := vague
	stored.InState = func(id string) bool { return id == state.ID }
	_, found = locate(stored)
	require.False(t, found, "it is in the state")
	other := vague
	other.Tags = resourcetest.Tags("other")
	_, found = locate(other)
	require.False(t, found, "it is another component's")
	sibling := vague
	sibling.Resource += "-2"
	_, found = locate(sibling)
	require.False(t, found, "it is another resource of the component")
	req.ID, req.Old, req.Inputs = state.ID, state, value.NullValue
	require.NoError(t, b.Delete(t.Context(), req))
	_, found = locate(vague)
	require.False(t, found)
}

func TestLocateARuleOfUnknownGroups(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	db, api := makeGroup(t.Context(), t, h, vpc, "db"), makeGroup(t.Context(), t, h, vpc, "api")
	b := behaviour(t, awsec2.Behaviours(h.Config), ec2.SecurityGroupRuleType)
	rule := value.Encode(ec2.SecurityGroupRule{
		SecurityGroupID: value.Lit(db), Direction: ec2.Ingress, Protocol: "tcp", FromPort: value.Lit(5432),
		ReferencedSecurityGroupID: value.Lit(api),
	})
	for _, lacks := range [][]string{
		{"securityGroupId"},
		{"referencedSecurityGroupId"},
		{"securityGroupId", "referencedSecurityGroupId"},
	} {
		locateVaguely(t, b, rule, lacks...)
	}
}

func TestLocateAGroupOfAnUnknownVPC(t *testing.T) {
	h := start(t)
	vpc := makeVPC(t.Context(), t, h, "10.1.0.0/16")
	b := behaviour(t, awsec2.Behaviours(h.Config), ec2.SecurityGroupType)
	locateVaguely(t, b, value.Encode(ec2.SecurityGroup{
		GroupName: "vague", Description: "of a new VPC", VPCID: value.Lit(vpc),
	}), "vpcId", "groupName")
}

func TestLocateACloudMapServiceOfAnUnknownNamespace(t *testing.T) {
	h := start(t)
	namespace := makeNamespace(t.Context(), t, h, "vague.suite.internal", "vpc-vague")
	b := behaviour(t, awscloudmap.Behaviours(h.Config), servicediscovery.ServiceType)
	locateVaguely(t, b,
		value.Encode(servicediscovery.Service{Name: "api.shop", NamespaceID: value.Lit(namespace)}), "namespaceId")
}

func TestLocateOnAnUnknownLoadBalancer(t *testing.T) {
	b := startBalancing(t)
	balancer := b.balancer(t, "vague")
	tags := []elbtypes.Tag{{
		Key:   aws.String(resource.TagLineage),
		Value: aws.String(resourcetest.Tags("vague")[resource.TagLineage]),
	}}
	_, err := b.client.AddTags(t.Context(),
		&elb.AddTagsInput{ResourceArns: []string{balancer, b.balancer(t, "vague-other")}, Tags: tags})
	require.NoError(t, err)
	b.balancer(t, "foreign")
	locateVaguely(t, b.behaviour(t, elbv2.LoadBalancerType), value.Encode(elbv2.LoadBalancer{
		Name: "vague-new", Scheme: "internal", VPCID: value.Lit(b.vpc), Subnets: value.Lit(b.subnets[:2]),
		SecurityGroups: value.Lit(b.groups[:1]),
	}), "name", "vpcId", "subnets", "securityGroups")
	locateVaguely(t, b.behaviour(t, elbv2.TargetGroupType), value.Encode(elbv2.TargetGroup{
		Name: "vague-new", Port: 80, VPCID: value.Lit(b.vpc),
	}), "name", "vpcId")
	locateVaguely(t, b.behaviour(t, elbv2.ListenerType), value.Encode(elbv2.Listener{
		LoadBalancerARN: value.Lit(balancer), Port: 80, Protocol: "HTTP", DefaultAction: elbv2.NotFound(),
	}), "loadBalancerArn")
	listener := b.listener(t, balancer, 81)
	b.rule(t, listener, 1300, nil)
	locateVaguely(t, b.behaviour(t, elbv2.ListenerRuleType), value.Encode(elbv2.ListenerRule{
		ListenerARN: value.Lit(listener), Priority: 1200, Paths: []string{"/v1"}, Action: elbv2.ToHTTPS(),
	}), "listenerArn")
}
