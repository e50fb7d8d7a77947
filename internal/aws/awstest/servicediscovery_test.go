package awstest

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/stretchr/testify/require"

	awscloudmap "github.com/company/deployer/internal/aws/servicediscovery"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/servicediscovery"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func makeNamespace(ctx context.Context, t *testing.T, h *harness, name, vpc string) string {
	t.Helper()
	client := servicediscovery.NewFromConfig(h.Plain)
	started, err := client.CreatePrivateDnsNamespace(ctx,
		&servicediscovery.CreatePrivateDnsNamespaceInput{Name: &name, Vpc: &vpc})
	require.NoError(t, err)
	out, err := client.GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: started.OperationId})
	require.NoError(t, err)
	return out.Operation.Targets["NAMESPACE"]
}

func TestPrivateDNSNamespace(t *testing.T) {
	h := start(t)
	client := servicediscovery.NewFromConfig(h.Plain)
	props := model.PrivateDNSNamespace{
		Name: "test.suite.internal", VPCID: value.Lit("vpc-suite"),
		Tags: map[string]string{"a": "1"},
	}
	changed, elsewhere := props, props
	changed.Tags = map[string]string{"b": "2"}
	elsewhere.VPCID = value.Lit("vpc-other")
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awscloudmap.Behaviours(h.Config), model.PrivateDNSNamespaceType), Props: props,
		Update: changed, Replace: elsewhere,
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			id := makeNamespace(ctx, t, h, "test.suite.internal", "vpc-foreign")
			return func() {
				_, err := client.DeleteNamespace(ctx, &servicediscovery.DeleteNamespaceInput{Id: &id})
				require.NoError(t, err)
			}
		},
		Obstruct: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			out, err := client.CreateService(ctx,
				&servicediscovery.CreateServiceInput{Name: pointer("by-hand"), NamespaceId: &state.ID})
			require.NoError(t, err)
			return *out.Service.Id, func() {
				_, err := client.DeleteService(ctx, &servicediscovery.DeleteServiceInput{Id: out.Service.Id})
				require.NoError(t, err)
			}
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions, Distinct: true,
	})
}

func TestNamespaceOfAVPCThatResolvesNothing(t *testing.T) {
	h := start(t)
	n := behaviour(t, awscloudmap.Behaviours(h.Config), model.PrivateDNSNamespaceType)
	vpc := makeVPC(t.Context(), t, h, "10.9.0.0/16") // AWS leaves enableDnsHostnames off
	create := func(name string) string {
		var lines []string
		req := request(model.PrivateDNSNamespaceType)
		req.Inputs, _ = n.Check(value.Encode(model.PrivateDNSNamespace{Name: name, VPCID: value.Lit(vpc)}))
		req.Tags, req.Token = resourcetest.Tags(name), name
		req.Progress = func(line string) { lines = append(lines, line) }
		_, err := n.Create(t.Context(), req)
		require.NoError(t, err)
		return strings.Join(lines, "\n")
	}
	require.Contains(t, create("a.internal"), "enableDnsHostnames is off in the VPC "+vpc)
	h.Fail("ec2:DescribeVpcAttribute", "UnauthorizedOperation", 1)
	require.NotContains(t, create("b.internal"), "enableDns", "who may not look makes the namespace anyway")
	_, err := ec2.NewFromConfig(h.Plain).ModifyVpcAttribute(t.Context(), &ec2.ModifyVpcAttributeInput{
		VpcId: &vpc, EnableDnsHostnames: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)},
	})
	require.NoError(t, err)
	require.NotContains(t, create("c.internal"), "enableDns")
}

func TestNamespaceDeleteWaitsForItsServices(t *testing.T) {
	h := start(t)
	n := behaviour(t, awscloudmap.Behaviours(h.Config), model.PrivateDNSNamespaceType)
	req := request(model.PrivateDNSNamespaceType)
	req.ID = makeNamespace(t.Context(), t, h, "busy.suite.internal", "vpc-busy")
	var lines []string
	req.Progress = func(line string) { lines = append(lines, line) }
	h.Fail("servicediscovery:DeleteNamespace", "ResourceInUse", 3)
	require.NoError(t, n.Delete(t.Context(), req))
	require.Len(t, lines, 1)
	_, found, err := n.Read(t.Context(), req)
	require.NoError(t, err)
	require.False(t, found)
}

func TestCloudMapService(t *testing.T) {
	h := start(t)
	client := servicediscovery.NewFromConfig(h.Plain)
	one := makeNamespace(t.Context(), t, h, "one.suite.internal", "vpc-one")
	two := makeNamespace(t.Context(), t, h, "two.suite.internal", "vpc-two")
	props := model.Service{Name: "api.user-service", NamespaceID: value.Lit(one), Tags: map[string]string{"a": "1"}}
	changed, elsewhere := props, props
	changed.TTL, changed.Tags = 60, map[string]string{"b": "2"}
	elsewhere.NamespaceID = value.Lit(two)
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awscloudmap.Behaviours(h.Config), model.ServiceType), Props: props, Update: changed,
		Replace: elsewhere,
		Foreign: func(ctx context.Context, t *testing.T, _ resource.State) func() {
			out, err := client.CreateService(ctx,
				&servicediscovery.CreateServiceInput{Name: &props.Name, NamespaceId: &one})
			require.NoError(t, err)
			return func() {
				_, err := client.DeleteService(ctx, &servicediscovery.DeleteServiceInput{Id: out.Service.Id})
				require.NoError(t, err)
			}
		},
		Gone: func(ctx context.Context, t *testing.T, state resource.State) {
			_, err := client.DeleteService(ctx, &servicediscovery.DeleteServiceInput{Id: &state.ID})
			require.NoError(t, err)
		},
		Obstruct: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			register := func(id string, attributes map[string]string) {
				attributes["AWS_INSTANCE_IPV4"] = "10.0.0.1"
				_, err := client.RegisterInstance(ctx,
					&servicediscovery.RegisterInstanceInput{
						ServiceId: &state.ID, InstanceId: &id,
						Attributes: attributes,
					})
				require.NoError(t, err)
			}
			register("a-task", map[string]string{"ECS_SERVICE_NAME": "api", "ECS_CLUSTER_NAME": "suite"})
			register("by-hand", map[string]string{})
			return "", func() {
				_, err := client.DeregisterInstance(ctx,
					&servicediscovery.DeregisterInstanceInput{ServiceId: &state.ID, InstanceId: pointer("by-hand")})
				require.NoError(t, err)
			}
		},
		LoseAnswer: h.LoseAnswer, Actions: h.Actions,
	})
}

// A service whose routing is to change has to be deleted first. That ends nowhere while tasks are registered in it.
func TestCloudMapServiceInUseIsNotReplaced(t *testing.T) {
	h := start(t)
	client := servicediscovery.NewFromConfig(h.Plain)
	s := behaviour(t, awscloudmap.Behaviours(h.Config), model.ServiceType)
	req := request(model.ServiceType)
	req.Inputs, _ = s.Check(value.Encode(model.Service{
		Name: "used", NamespaceID: value.Lit(makeNamespace(t.Context(), t, h, "used.suite.internal", "vpc-used")),
	}))
	req.Tags = resourcetest.Tags("used")
	state, err := s.Create(t.Context(), req)
	require.NoError(t, err)
	_, err = client.RegisterInstance(t.Context(), &servicediscovery.RegisterInstanceInput{
		ServiceId: &state.ID, InstanceId: pointer("a-task"), Attributes: map[string]string{
			"AWS_INSTANCE_IPV4": "10.0.0.1", "ECS_SERVICE_NAME": "api", "ECS_CLUSTER_NAME": "suite",
		},
	})
	require.NoError(t, err)
	req.ID, req.Old, req.Inputs = state.ID, state, value.NullValue
	obstacles := func(stack resource.Neighbours) (texts []string) {
		found, err := s.(resource.Obstructed).Obstacles(t.Context(), req, stack)
		require.NoError(t, err)
		for _, o := range found {
			texts = append(texts, o.What)
		}
		return texts
	}
	require.Equal(t, []string{
		"Cloud Map cannot change routingPolicy, and does not delete the service used while tasks of the ECS service " +
			"api are registered in it",
	}, obstacles(resource.Neighbours{Replaced: []string{"routingPolicy"}}))
	require.Empty(t, obstacles(resource.Neighbours{}), "a delete comes after the change of the ECS service")
	require.Empty(t, obstacles(resource.Neighbours{Replaced: []string{"namespaceId"}}), "the new one is made first")
	require.Empty(t, obstacles(resource.Neighbours{
		Replaced: []string{"routingPolicy"}, Going: []string{"arn:aws:ecs:eu-west-1:123456789012:service/suite/api"},
	}), "the ECS service goes, too")
}

func TestCloudMapServiceKeepsHealthAndRouting(t *testing.T) {
	h := start(t)
	client := servicediscovery.NewFromConfig(h.Plain)
	s := behaviour(t, awscloudmap.Behaviours(h.Config), model.ServiceType)
	req := request(model.ServiceType)
	req.Inputs, _ = s.Check(value.Encode(model.Service{
		Name:        "health",
		NamespaceID: value.Lit(makeNamespace(t.Context(), t, h, "health.suite.internal", "vpc-health")),
	}))
	req.Tags = resourcetest.Tags("health")
	state, err := s.Create(t.Context(), req)
	require.NoError(t, err)
	out, err := client.GetService(t.Context(), &servicediscovery.GetServiceInput{Id: &state.ID})
	require.NoError(t, err)
	require.NotNil(t, out.Service.HealthCheckCustomConfig, "ECS reports health through it")
	require.Equal(t, types.RoutingPolicyMultivalue, out.Service.DnsConfig.RoutingPolicy)
	require.Equal(t, []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(10)}}, out.Service.DnsConfig.DnsRecords)

	req.ID, req.Old = state.ID, state
	var lines []string
	req.Progress = func(line string) { lines = append(lines, line) }
	h.Fail("servicediscovery:DeleteService", "ResourceInUse", 2)
	require.NoError(t, s.Delete(t.Context(), req))
	require.Len(t, lines, 1, "it says that it waits for instances")
}

func TestCloudMapChecks(t *testing.T) {
	all := awscloudmap.Behaviours(aws.Config{})
	for name, c := range map[string]struct {
		typ   string
		props any
	}{
		"domain": {
			model.PrivateDNSNamespaceType,
			model.PrivateDNSNamespace{Name: "no domain", VPCID: value.Lit("vpc")},
		},
		"service name": {model.ServiceType, model.Service{Name: "a..b", NamespaceID: value.Lit("ns")}},
		"ttl":          {model.ServiceType, model.Service{Name: "a", NamespaceID: value.Lit("ns"), TTL: -1}},
	} {
		_, problems := behaviour(t, all, c.typ).Check(value.Encode(c.props))
		require.Len(t, problems, 1, name)
	}
}
