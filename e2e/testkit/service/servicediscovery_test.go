package service_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
)

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
