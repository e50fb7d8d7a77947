// Package elbv2 is the behaviour of the Elastic Load Balancing resource types: application load balancers, listeners,
// their certificates and rules, target groups.
//
// In: calls of the resource contract. Out: ELBv2 API calls, and one of EC2's to see network interfaces go. It keeps no
// state and decides nothing that the contract decides.
package elbv2

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

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
}

func newAPI(cfg aws.Config) *api {
	c := elb.NewFromConfig(cfg)
	return &api{c, newBatchCalls(c), ec2.NewFromConfig(cfg)}
}

// notYet are the answers about what a new object is made of: other services and other parts of ELB learn of it late.
var notYet = []resource.NotYet{
	{
		Operations: []string{"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:SetSecurityGroups"},
		Codes:      []string{"InvalidSecurityGroup"},
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
}

// failed translates an error; next is what to do about errors with those codes.
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

// suffix returns how CloudWatch names the object of an ARN: what follows the last "loadbalancer/" of a load balancer,
// and targetgroup/<name>/<id> of a target group.
func suffix(arn string) string {
	_, resource, _ := strings.Cut(arn, ":loadbalancer/")
	if resource == "" {
		if i := strings.LastIndex(arn, ":"); i >= 0 {
			resource = arn[i+1:]
		}
	}
	return resource
}

// AWS keeps names that begin with "internal-" for itself.
const reserved, instead = "internal", "int"

// checkName takes away a beginning that AWS keeps for itself.
func checkName(name *string) {
	for _, separator := range []string{"-", resource.PartSeparator} {
		if rest, found := strings.CutPrefix(*name, reserved+separator); found {
			*name = instead + separator + rest
		}
	}
}

// nameLimit is the most characters that ELB takes for the name of a load balancer or a target group.
const nameLimit = 32

// own are the ARNs of a stack's objects of one kind: they begin with the kind and the name of the load balancer or the
// target group.
func own(s resource.Scope, kind string) []string {
	// Names begin with stack and environment, and checkName changes a beginning that AWS does not take.
	if rest, found := strings.CutPrefix(s.Stack+"-", reserved+"-"); found {
		s.Stack = strings.TrimSuffix(instead+"-"+rest, "-")
	}
	return []string{s.ARN("elasticloadbalancing", kind+s.Names(nameLimit))}
}
