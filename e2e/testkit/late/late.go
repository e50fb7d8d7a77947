// Package late delays new objects, as AWS does: for seconds to minutes after a security group, a target group or a role
// is made, other services still answer that it does not exist. In the emulator all services know it at once.
//
// What comes in: a proxy, and how often each operation does not know a new object. What goes out: the answers that AWS
// gives then.
//
// What it must not do: know the product, or change the objects.
package late

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// Late is the delay of one proxy.
type Late struct {
	mu    sync.Mutex
	calls int
	// asked counts, by new object and operation, the calls that did not know the object.
	asked map[object]map[string]int
	told  map[string]int // the same calls, by operation
}

type object struct {
	class *class
	id    string
}

// Install adds a Late to a proxy, turned off.
func Install(p *proxy.Proxy) *Late {
	l := &Late{}
	l.Set(0)
	p.OnReset(func() { l.Set(0) })
	p.Interpose(l.answer)
	p.Watch(l.learn)
	return l
}

// Set says how many calls of each operation do not know a new object, from now on; 0: none. Existing objects are not
// new any more.
func (l *Late) Set(calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.asked, l.told = calls, map[object]map[string]int{}, map[string]int{}
}

// Told returns how many calls of each operation ("ecs:CreateService") did not know an object since Set.
func (l *Late) Told() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]int{}
	for operation, n := range l.told {
		out[operation] = n
	}
	return out
}

// learn records the object that a call has made.
func (l *Late) learn(c *proxy.Call, answer *proxy.Response) {
	if answer.Status >= 300 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == 0 {
		return
	}
	for i := range classes {
		kind := &classes[i]
		if kind.made != c.Service+":"+c.Operation {
			continue
		}
		text := answer.Body
		if kind.asked {
			text = request(c)
		}
		if m := kind.id.FindSubmatch(text); m != nil && l.asked[object{kind, string(m[1])}] == nil {
			l.asked[object{kind, string(m[1])}] = map[string]int{}
		}
	}
}

// answer is a service's error for an object that it does not know yet, nil when it knows all objects in the call.
func (l *Late) answer(c *proxy.Call) *proxy.Response {
	l.mu.Lock()
	defer l.mu.Unlock()
	operation := c.Service + ":" + c.Operation
	body := request(c)
	for i := range classes {
		kind := &classes[i]
		for _, to := range kind.unknown {
			if !slices.Contains(to.operations, operation) || to.when != "" && !bytes.Contains(body, []byte(to.when)) {
				continue
			}
			for new, counts := range l.asked {
				if new.class != kind || !names(body, new.id) || counts[operation] >= l.calls {
					continue
				}
				counts[operation]++
				l.told[operation]++
				if to.code == "" {
					return proxy.JSONResponse(map[string]any{to.message: []any{}})
				}
				return c.Failure(max(to.status, http.StatusBadRequest), to.code,
					strings.ReplaceAll(to.message, "ID", new.id))
			}
		}
	}
	return nil
}

// names reports whether a request contains an id, not only a longer id with the same beginning.
func names(body []byte, id string) bool {
	for rest := body; ; {
		i := bytes.Index(rest, []byte(id))
		if i < 0 {
			return false
		}
		rest = rest[i+len(id):]
		if len(rest) == 0 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
			rune(rest[0])) {
			return true
		}
	}
}

// request is a call as plain text: a form without its escapes, the path of S3.
func request(c *proxy.Call) []byte {
	if c.Form != nil {
		text, err := url.QueryUnescape(string(c.Body))
		if err == nil {
			return []byte(text)
		}
	}
	if c.Service == "s3" {
		return []byte(c.Resource)
	}
	return c.Body
}

// class is one kind of objects.
type class struct {
	made    string         // the operation that makes one
	asked   bool           // id is found in the request, else in the answer
	id      *regexp.Regexp // finds the name that later calls use
	unknown []ignorance
}

// ignorance is a service's error for an object that it does not know yet.
type ignorance struct {
	operations []string
	when       string // what the request must also contain; "": nothing
	status     int
	code       string // "": no error but an empty list called message
	message    string
}

var classes = []class{
	{made: "ec2:CreateSecurityGroup", id: regexp.MustCompile(`<groupId>(sg-[0-9a-f]+)<`), unknown: []ignorance{
		{
			operations: []string{"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress"},
			code:       "InvalidGroup.NotFound", message: "The security group 'ID' does not exist",
		},
		{
			operations: []string{"ec2:DescribeSecurityGroups"}, when: "GroupId.1=", code: "InvalidGroup.NotFound",
			message: "The security group 'ID' does not exist",
		},
		{
			operations: []string{"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:SetSecurityGroups"},
			code:       "InvalidSecurityGroup", message: "One or more security groups are invalid: ID",
		},
		{
			operations: []string{"ecs:CreateService", "ecs:UpdateService"}, code: "InvalidParameterException",
			message: "The Security Group 'ID' does not exist",
		},
	}},
	{
		made: "elasticloadbalancing:CreateTargetGroup", id: regexp.MustCompile(`<TargetGroupArn>([^<]+)<`),
		unknown: []ignorance{
			{
				operations: []string{
					"elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateRule",
					"elasticloadbalancing:ModifyRule",
					"elasticloadbalancing:ModifyTargetGroupAttributes",
				},
				code: "TargetGroupNotFound", message: "Target groups 'ID' not found",
			},
			{
				operations: []string{"ecs:CreateService", "ecs:UpdateService"}, code: "InvalidParameterException",
				message: "The target group with targetGroupArn ID does not have an associated load balancer.",
			},
		},
	},
	{
		made: "elasticloadbalancing:CreateLoadBalancer", id: regexp.MustCompile(`<LoadBalancerArn>([^<]+)<`),
		unknown: []ignorance{
			{
				operations: []string{
					"elasticloadbalancing:CreateListener", "elasticloadbalancing:ModifyLoadBalancerAttributes",
					"elasticloadbalancing:DescribeLoadBalancers",
				},
				code: "LoadBalancerNotFound", message: "Load balancer 'ID' not found",
			},
		},
	},
	{made: "elasticloadbalancing:CreateListener", id: regexp.MustCompile(`<ListenerArn>([^<]+)<`), unknown: []ignorance{
		{
			operations: []string{"elasticloadbalancing:CreateRule", "elasticloadbalancing:AddListenerCertificates"},
			code:       "ListenerNotFound", message: "One or more listeners not found",
		},
	}},
	{made: "ecs:CreateCluster", asked: true, id: regexp.MustCompile(`"clusterName":"([^"]+)"`), unknown: []ignorance{
		{operations: []string{"ecs:CreateService"}, code: "ClusterNotFoundException", message: "Cluster not found."},
		{operations: []string{"ecs:DescribeClusters"}, message: "clusters"},
	}},
	{made: "ecs:CreateService", asked: true, id: regexp.MustCompile(`"serviceName":"([^"]+)"`), unknown: []ignorance{
		{
			operations: []string{"application-autoscaling:RegisterScalableTarget"}, code: "ValidationException",
			message: "ECS service doesn't exist: ID",
		},
	}},
	{made: "iam:CreateRole", id: regexp.MustCompile(`<RoleName>([^<]+)<`), unknown: []ignorance{
		{
			operations: []string{"iam:PutRolePolicy", "iam:AttachRolePolicy"}, status: http.StatusNotFound,
			code:    "NoSuchEntity",
			message: "The role with name ID cannot be found.",
		},
		{operations: []string{"ecs:RegisterTaskDefinition"}, code: "ClientException", message: "Role is not valid"},
	}},
	{
		made: "application-autoscaling:RegisterScalableTarget", asked: true,
		id: regexp.MustCompile(`"ResourceId":"([^"]+)"`), unknown: []ignorance{
			{ // IAM gets the tags late
				operations: []string{"application-autoscaling:PutScalingPolicy"}, code: "AccessDeniedException",
				message: "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: " +
					"application-autoscaling:PutScalingPolicy on resource: ID " +
					"because no identity-based policy allows the application-autoscaling:PutScalingPolicy action",
			},
			{
				operations: []string{"application-autoscaling:PutScheduledAction"}, code: "ObjectNotFoundException",
				message: "No scalable target registered for service namespace: ecs, resource ID: ID, scalable " +
					"dimension: " +
					"ecs:service:DesiredCount",
			},
		},
	},
	{
		made: "application-autoscaling:PutScheduledAction", asked: true,
		id: regexp.MustCompile(`"ScheduledActionName":"([^"]+)"`), unknown: []ignorance{
			{operations: []string{"application-autoscaling:DescribeScheduledActions"}, message: "ScheduledActions"},
		},
	},
	{made: "sqs:CreateQueue", asked: true, id: regexp.MustCompile(`"QueueName":"([^"]+)"`), unknown: []ignorance{
		{
			operations: []string{"sqs:CreateQueue", "sqs:SetQueueAttributes"}, when: "deadLetterTargetArn",
			code:    "InvalidParameterValue",
			message: "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
		},
	}},
	{made: "logs:CreateLogGroup", asked: true, id: regexp.MustCompile(`"logGroupName":"([^"]+)"`), unknown: []ignorance{
		{
			operations: []string{"logs:PutRetentionPolicy"}, code: "ResourceNotFoundException",
			message: "The specified log group does not exist.",
		},
	}},
	{made: "servicediscovery:GetOperation", id: regexp.MustCompile(`"NAMESPACE": ?"(ns-[^"]+)"`), unknown: []ignorance{
		{
			operations: []string{"servicediscovery:CreateService"}, code: "NamespaceNotFound",
			message: "The namespace ID can't be found.",
		},
	}},
	{made: "s3:CreateBucket", asked: true, id: regexp.MustCompile(`^([^/]+)`), unknown: []ignorance{
		{
			operations: []string{"s3:PutPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutBucketPolicy"},
			status:     http.StatusNotFound, code: "NoSuchBucket", message: "The specified bucket does not exist",
		},
	}},
}
