// Package elbv2 is the behaviour of the Elastic Load Balancing resource types: application load balancers, listeners,
// their certificates and rules, target groups.
//
// In: calls of the resource contract. Out: ELBv2 API calls, one EC2 call that checks whether network interfaces are
// gone, and one S3 call that checks whether a bucket is there. It must not keep state, or decide what the contract
// decides.
package elbv2

import (
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// Behaviours returns the resource types of Elastic Load Balancing.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	api := newAPI(cfg)
	return []resource.Behaviour{
		newLoadBalancer(api), newListener(api), newListenerCertificates(api), newListenerRule(api), newTargetGroup(api),
	}
}

// api is the clients, and reads that share calls.
type api struct {
	client *elb.Client
	batchCalls
	network *ec2.Client
	storage *s3.Client
}

func newAPI(cfg aws.Config) *api {
	c := elb.NewFromConfig(cfg)
	storage := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
	return &api{c, newBatchCalls(c), ec2.NewFromConfig(cfg), storage}
}

// notYet are the errors for what a new object uses: other services and other parts of ELB learn of it with a delay.
var notYet = []resource.NotYet{
	{
		Operations: []string{"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:SetSecurityGroups"},
		Codes:      []string{"InvalidSecurityGroup"},
	},
	{
		Operations: []string{"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:SetSubnets"},
		Codes:      []string{"SubnetNotFound"},
	},
	{ // the gateway of a new VPC
		Operations: []string{"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:SetSubnets"},
		Codes:      []string{"InvalidSubnet"}, Says: []string{"has no internet gateway"},
	},
	{
		Operations: []string{"elasticloadbalancing:CreateTargetGroup"},
		Codes:      []string{"ValidationError"}, Says: []string{"vpc id*not found"},
	},
	{
		Operations: []string{
			"elasticloadbalancing:CreateListener", "elasticloadbalancing:ModifyListener",
			"elasticloadbalancing:CreateRule", "elasticloadbalancing:ModifyRule",
		},
		Codes: []string{"TargetGroupNotFound"},
	},
	{
		Operations: []string{
			"elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateRule",
			"elasticloadbalancing:AddListenerCertificates",
			"elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyTargetGroupAttributes",
		},
		Codes: []string{"LoadBalancerNotFound", "ListenerNotFound", "TargetGroupNotFound"}, New: true,
	},
	{ // S3 takes a moment to follow a new bucket policy
		Operations: []string{"elasticloadbalancing:ModifyLoadBalancerAttributes"},
		Codes: []string{
			"InvalidConfigurationRequest",
			"ValidationError",
		}, Says: []string{"access denied for bucket"},
		Within: 30 * time.Second,
	},
}

// failed translates an error; next says what to do about errors with certain codes.
func failed(err error, next ...advice) error {
	err = call.Error(err,
		call.NotFound("LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound"),
		call.Exists("DuplicateLoadBalancerName", "DuplicateListener", "DuplicateTargetGroupName", "PriorityInUse"))
	var out *resource.OpError
	if errors.As(err, &out) {
		for _, a := range next {
			if out.Code == a.code {
				out.Next = a.next
			}
		}
	}
	return err
}

type advice struct{ code, next string }

// suffix returns CloudWatch's name for the object with an ARN: the part after the last "loadbalancer/" for a load
// balancer, targetgroup/<name>/<id> for a target group.
func suffix(arn string) string {
	_, resource, _ := strings.Cut(arn, ":loadbalancer/")
	if resource == "" {
		if i := strings.LastIndex(arn, ":"); i >= 0 {
			resource = arn[i+1:]
		}
	}
	return resource
}

// AWS reserves names that begin with "internal-".
const reserved, instead = "internal", "int"

// checkName replaces a beginning that AWS reserves.
func checkName(name *string) {
	for _, separator := range []string{"-", resource.PartSeparator} {
		if rest, found := strings.CutPrefix(*name, reserved+separator); found {
			*name = instead + separator + rest
		}
	}
}

// nameLimit is how many characters ELB allows for the name of a load balancer or a target group.
const nameLimit = 32

// own are the ARNs of a stack's objects of one kind: they begin with the kind and the name of the load balancer or the
// target group.
func own(s resource.Scope, kind string) []string {
	// Names begin with stack and environment, and checkName replaces a beginning that AWS does not allow.
	if rest, found := strings.CutPrefix(s.Stack+"-", reserved+"-"); found {
		s.Stack = strings.TrimSuffix(instead+"-"+rest, "-")
	}
	return []string{s.ARN("elasticloadbalancing", kind+s.Names(nameLimit))}
}

// What pages of lists hold, for call.Each.
func balancers(page *elb.DescribeLoadBalancersOutput) ([]types.LoadBalancer, *string) {
	return page.LoadBalancers, page.NextMarker
}

func listeners(page *elb.DescribeListenersOutput) ([]types.Listener, *string) {
	return page.Listeners, page.NextMarker
}

func rules(page *elb.DescribeRulesOutput) ([]types.Rule, *string) { return page.Rules, page.NextMarker }
