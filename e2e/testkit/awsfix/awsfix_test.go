package awsfix_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
)

func codeOf(err error) string {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	return ""
}

// loseAnswer lets the next call of an operation take effect without an answer, so that the SDK repeats it.
func loseAnswer(t *testing.T, env *testkit.Env, operation string) {
	t.Helper()
	require.NoError(t,
		env.Proxy.Inject(proxy.Fault{Filter: proxy.Filter{Operation: operation}, Action: proxy.DropAfter}))
}

func TestDefaultVPCHasAWayOut(t *testing.T) {
	env := testkit.Start(t)
	out, err := ec2.NewFromConfig(env.Config).DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{
		Filters: []ec2types.Filter{{Name: aws.String("route.destination-cidr-block"), Values: []string{"0.0.0.0/0"}}},
	})
	require.NoError(t, err)
	require.Len(t, out.RouteTables, 1)
}

func TestLoadBalancersAndListenersRepeat(t *testing.T) {
	env := testkit.Start(t)
	client := elb.NewFromConfig(env.Config)
	subnets, err := ec2.NewFromConfig(env.Config).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	require.NoError(t, err)
	in := &elb.CreateLoadBalancerInput{
		Name: aws.String("shop"), Scheme: elbtypes.LoadBalancerSchemeEnumInternal,
		Type:    elbtypes.LoadBalancerTypeEnumApplication,
		Subnets: []string{*subnets.Subnets[1].SubnetId, *subnets.Subnets[0].SubnetId},
		Tags:    []elbtypes.Tag{{Key: aws.String("a"), Value: aws.String("1")}},
	}
	loseAnswer(t, env, "CreateLoadBalancer")
	made, err := client.CreateLoadBalancer(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, made.LoadBalancers, 1)
	all, err := client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{})
	require.NoError(t, err)
	require.Len(t, all.LoadBalancers, 1)
	assert.Equal(t, *all.LoadBalancers[0].LoadBalancerArn, *made.LoadBalancers[0].LoadBalancerArn)
	assert.Equal(t, *all.LoadBalancers[0].DNSName, *made.LoadBalancers[0].DNSName)

	other := *in
	other.Scheme = elbtypes.LoadBalancerSchemeEnumInternetFacing
	_, err = client.CreateLoadBalancer(t.Context(), &other)
	assert.Equal(t, "DuplicateLoadBalancerName", codeOf(err))
	other = *in
	other.Subnets = in.Subnets[:1]
	_, err = client.CreateLoadBalancer(t.Context(), &other)
	assert.Equal(t, "DuplicateLoadBalancerName", codeOf(err))

	protect := func(on string) {
		_, err := client.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn,
			Attributes: []elbtypes.LoadBalancerAttribute{
				{Key: aws.String("deletion_protection.enabled"), Value: &on},
			},
		})
		require.NoError(t, err)
	}
	protect("true")
	_, err = client.DeleteLoadBalancer(t.Context(),
		&elb.DeleteLoadBalancerInput{LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn})
	assert.Equal(t, "OperationNotPermitted", codeOf(err))
	protect("false")

	listener := &elb.CreateListenerInput{
		LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn, Port: aws.Int32(80),
		Protocol: elbtypes.ProtocolEnumHttp,
		DefaultActions: []elbtypes.Action{{
			Type: elbtypes.ActionTypeEnumRedirect,
			RedirectConfig: &elbtypes.RedirectActionConfig{
				Protocol: aws.String("HTTPS"), Port: aws.String("443"),
				StatusCode: elbtypes.RedirectActionStatusCodeEnumHttp301,
			},
		}},
	}
	loseAnswer(t, env, "CreateListener")
	first, err := client.CreateListener(t.Context(), listener)
	require.NoError(t, err)
	further := *listener
	further.Port = aws.Int32(81)
	second, err := client.CreateListener(t.Context(), &further)
	require.NoError(t, err, "another port is another listener")
	assert.NotEqual(t, *first.Listeners[0].ListenerArn, *second.Listeners[0].ListenerArn)
	listeners, err := client.DescribeListeners(t.Context(),
		&elb.DescribeListenersInput{LoadBalancerArn: listener.LoadBalancerArn})
	require.NoError(t, err)
	require.Len(t, listeners.Listeners, 2)
	defer func() {
		_, err := client.DeleteLoadBalancer(t.Context(),
			&elb.DeleteLoadBalancerInput{LoadBalancerArn: made.LoadBalancers[0].LoadBalancerArn})
		require.NoError(t, err, "without protection it may go")
	}()

	listener.DefaultActions[0].RedirectConfig.Port = aws.String("444")
	_, err = client.CreateListener(t.Context(), listener)
	assert.Equal(t, "DuplicateListener", codeOf(err))
}

func TestNamespacesRepeatAndShareAVPC(t *testing.T) {
	env := testkit.Start(t)
	client := servicediscovery.NewFromConfig(env.Config)
	create := func(name, vpc, token string) (string, error) {
		started, err := client.CreatePrivateDnsNamespace(t.Context(), &servicediscovery.CreatePrivateDnsNamespaceInput{
			Name: &name, Vpc: &vpc, CreatorRequestId: &token,
		})
		if err != nil {
			return "", err
		}
		out, err := client.GetOperation(t.Context(),
			&servicediscovery.GetOperationInput{OperationId: started.OperationId})
		require.NoError(t, err)
		return out.Operation.Targets[string(types.OperationTargetTypeNamespace)], nil
	}
	loseAnswer(t, env, "CreatePrivateDnsNamespace")
	dev, err := create("dev.shop.internal", "vpc-1", "token-1")
	require.NoError(t, err)
	again, err := create("dev.shop.internal", "vpc-1", "token-1")
	require.NoError(t, err)
	assert.Equal(t, dev, again)
	_, err = create("dev.shop.internal", "vpc-1", "token-2")
	assert.Equal(t, "ConflictingDomainExists", codeOf(err))
	for _, other := range [][2]string{{"test.shop.internal", "vpc-1"}, {"dev.shop.internal", "vpc-2"}} {
		id, err := create(other[0], other[1], "token-"+other[0]+other[1])
		require.NoError(t, err, other)
		assert.NotEqual(t, dev, id)
	}
	all, err := client.ListNamespaces(t.Context(), &servicediscovery.ListNamespacesInput{})
	require.NoError(t, err)
	assert.Len(t, all.Namespaces, 3)
}

func TestCloudMapServicesRepeat(t *testing.T) {
	env := testkit.Start(t)
	client := servicediscovery.NewFromConfig(env.Config)
	in := &servicediscovery.CreateServiceInput{
		Name: aws.String("api"), NamespaceId: aws.String("ns-1"), CreatorRequestId: aws.String("token-1"),
		DnsConfig: &types.DnsConfig{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(10)}}},
	}
	loseAnswer(t, env, "CreateService")
	made, err := client.CreateService(t.Context(), in)
	require.NoError(t, err)
	again, err := client.CreateService(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, *made.Service.Id, *again.Service.Id)
	all, err := client.ListServices(t.Context(), &servicediscovery.ListServicesInput{})
	require.NoError(t, err)
	require.Len(t, all.Services, 1)

	changed := *in
	changed.DnsConfig = &types.DnsConfig{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(20)}}}
	_, err = client.CreateService(t.Context(), &changed)
	assert.Equal(t, "ServiceAlreadyExists", codeOf(err))
	changed = *in
	changed.CreatorRequestId = nil // the SDK generates a new one
	_, err = client.CreateService(t.Context(), &changed)
	var exists *types.ServiceAlreadyExists
	require.ErrorAs(t, err, &exists)
	assert.Equal(t, *made.Service.Id, *exists.ServiceId)
	changed.NamespaceId = aws.String("ns-2")
	elsewhere, err := client.CreateService(t.Context(), &changed)
	require.NoError(t, err)
	assert.NotEqual(t, *made.Service.Id, *elsewhere.Service.Id)
	filtered, err := client.ListServices(t.Context(),
		&servicediscovery.ListServicesInput{Filters: []types.ServiceFilter{
			{Name: types.ServiceFilterNameNamespaceId, Values: []string{"ns-2"}},
		}})
	require.NoError(t, err)
	require.Len(t, filtered.Services, 1)
	assert.Equal(t, *elsewhere.Service.Id, *filtered.Services[0].Id)
}
