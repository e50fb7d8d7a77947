package awstest

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func TestLoadBalancer(t *testing.T) {
	b := startBalancing(t)
	changed := b.props("lb-suite")
	changed.Subnets, changed.SecurityGroups = value.Lit(b.subnets), value.Lit(b.groups)
	changed.IdleTimeout, changed.HTTP2, changed.DropInvalidHeaders = 120, pointer(false), pointer(false)
	changed.DesyncMitigation, changed.IPAddressType = "strictest", "dualstack"
	_, err := s3.NewFromConfig(b.Plain, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(),
		&s3.CreateBucketInput{Bucket: aws.String("lb-suite-logs")})
	require.NoError(t, err)
	changed.AccessLogs = &model.AccessLogs{Bucket: value.Lit("lb-suite-logs"), Prefix: "a/b"}
	changed.Tags = map[string]string{"owner": "web"}
	internal := b.props("lb-suite")
	internal.Scheme = model.Internal
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: b.behaviour(t, model.LoadBalancerType), Props: b.props("lb-suite"), Update: changed,
		Replace: internal,
		Foreign: func(ctx context.Context, t *testing.T, checked resource.State) func() {
			arn := b.balancer(t, checked.Inputs.Get("name").Str())
			return func() {
				_, err := b.client.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &arn})
				require.NoError(t, err)
			}
		},
		Extend: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			arn := b.listener(t, state.ID, 8080)
			return arn, func() {
				_, err := b.client.DeleteListener(ctx, &elb.DeleteListenerInput{ListenerArn: &arn})
				require.NoError(t, err)
			}
		},
		Obstruct: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			protect := func(on string) {
				_, err := b.client.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
					LoadBalancerArn: &state.ID,
					Attributes: []types.LoadBalancerAttribute{
						{Key: pointer("deletion_protection.enabled"), Value: &on},
					},
				})
				require.NoError(t, err)
			}
			protect("true")
			return "", func() { protect("false") }
		},
		LoseAnswer: b.LoseAnswer, Actions: b.Actions,
	})
}

// AWS moves no load balancer into another VPC.
func TestLoadBalancerInAnotherVPCIsAnother(t *testing.T) {
	b := startBalancing(t)
	lb := b.behaviour(t, model.LoadBalancerType)
	here, problems := lb.Check(value.Encode(b.props("move")))
	require.Empty(t, problems)
	props := b.props("move")
	props.VPCID = value.Lit("vpc-0123456789abcdef0")
	there, problems := lb.Check(value.Encode(props))
	require.Empty(t, problems)
	require.Equal(t, []string{"name", "vpcId"}, resource.Compare(lb.Definition(), here, there).Replace,
		"both can stand side by side")
	require.Equal(t, plan.Downtime, lb.Definition().Meaning(resource.Change{Changed: []string{"vpcId"}}),
		"its DNS name changes")
}

func TestLoadBalancerIsSafeByDefault(t *testing.T) {
	b := startBalancing(t)
	lb := b.behaviour(t, model.LoadBalancerType)
	req := request(model.LoadBalancerType)
	inputs, problems := lb.Check(value.Encode(b.props("internal/shop")))
	require.Empty(t, problems)
	require.True(t, strings.HasPrefix(inputs.Get("name").Str(), "int-shop-"),
		"AWS keeps names that begin with internal- for itself")
	require.Equal(t, true, inputs.Get("dropInvalidHeaders").Bool())
	req.Inputs, req.Tags = inputs, resourcetest.Tags("safe")
	state, err := lb.Create(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, "app/"+state.Outputs.Get("name").Str(),
		state.Outputs.Get("arnSuffix").Str()[:len("app/")+len(state.Outputs.Get("name").Str())])
	out, err := b.client.DescribeLoadBalancerAttributes(t.Context(),
		&elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: &state.ID})
	require.NoError(t, err)
	got := map[string]string{}
	for _, a := range out.Attributes {
		got[*a.Key] = *a.Value
	}
	require.Equal(t, "true", got["routing.http.drop_invalid_header_fields.enabled"])
	require.Equal(t, "defensive", got["routing.http.desync_mitigation_mode"])
}

func TestLoadBalancerHalfMadeIsRecorded(t *testing.T) {
	b := startBalancing(t)
	lb := b.behaviour(t, model.LoadBalancerType)
	req := request(model.LoadBalancerType)
	req.Inputs, _ = lb.Check(value.Encode(b.props("half")))
	req.Tags = resourcetest.Tags("half")
	b.Fail("elasticloadbalancing:ModifyLoadBalancerAttributes", "InvalidConfigurationRequest", 1)
	_, err := lb.Create(t.Context(), req)
	var partial *resource.PartialError
	require.ErrorAs(t, err, &partial)
	require.NotEmpty(t, partial.State.ID)
	diff := resource.Compare(lb.Definition(), partial.State.Inputs, req.Inputs)
	require.Contains(t, diff.Changed(), "idleTimeout", "the next run must see that the attributes are missing")
	require.Empty(t, diff.Replace)

	req.ID, req.Old = partial.State.ID, partial.State
	_, err = lb.Update(t.Context(), req)
	require.NoError(t, err)
	read, found, err := lb.Read(t.Context(), req)
	require.NoError(t, err)
	require.True(t, found)
	require.Empty(t, resource.Compare(lb.Definition(), read.Inputs, req.Inputs).Changes)
}

func TestLoadBalancerDelete(t *testing.T) {
	b := startBalancing(t)
	lb := b.behaviour(t, model.LoadBalancerType)
	arn := b.balancer(t, "held")
	req := request(model.LoadBalancerType)
	req.ID = arn

	// A load balancer that somebody else has protected stays.
	shield := func(on string) {
		_, err := b.client.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: &arn, Attributes: []types.LoadBalancerAttribute{
				{Key: pointer("deletion_protection.enabled"), Value: &on},
			},
		})
		require.NoError(t, err)
	}
	shield("true")
	props := b.props("held")
	props.DeletionProtection = pointer(false)
	req.Old.Inputs, _ = lb.Check(value.Encode(props))
	err := lb.Delete(t.Context(), req)
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "OperationNotPermitted", op.Code)
	require.Contains(t, op.Next, "deletion_protection.enabled,Value=false")
	require.False(t, lb.Definition().OnDelete(req.Old.Inputs).Lifts)

	// Our own protection is switched off, and so is one that nobody could record.
	for _, ours := range []*bool{pointer(true), nil} {
		shield("true")
		props.DeletionProtection = ours
		old := req
		old.Old.Inputs = value.Encode(props)
		require.Equal(t, ours != nil, lb.Definition().OnDelete(old.Old.Inputs).Lifts)
		b.Fail("elasticloadbalancing:DeleteLoadBalancer", "ResourceInUse", 1)
		require.ErrorContains(t, lb.Delete(t.Context(), old), "ResourceInUse")
		read, found, err := lb.Read(t.Context(), old)
		require.NoError(t, err)
		require.True(t, found)
		require.False(t, read.Inputs.Get("deletionProtection").Bool())
	}

	// The network interfaces of a deleted load balancer block its security groups for a while.
	network := ec2.NewFromConfig(b.Plain)
	_, suffix, _ := strings.Cut(arn, ":loadbalancer/")
	held, err := network.CreateNetworkInterface(t.Context(),
		&ec2.CreateNetworkInterfaceInput{SubnetId: &b.subnets[0], Description: aws.String("ELB " + suffix)})
	require.NoError(t, err)
	var lines []string
	req.Progress = func(line string) {
		lines = append(lines, line)
		_, err := network.DeleteNetworkInterface(t.Context(),
			&ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: held.NetworkInterface.NetworkInterfaceId})
		require.NoError(t, err)
	}
	require.NoError(t, lb.Delete(t.Context(), req))
	require.Len(t, lines, 1)
	left, err := network.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{
		Filters: []ec2types.Filter{{Name: aws.String("description"), Values: []string{"ELB " + suffix}}},
	})
	require.NoError(t, err)
	require.Empty(t, left.NetworkInterfaces)
}
