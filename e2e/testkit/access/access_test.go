package access_test

import (
	"slices"
	"testing"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
)

const document = `{"Version": "2012-10-17", "Statement": [
	{"Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Resource": "arn:aws:sqs:eu-west-1:1:shop-*"},
	{"Effect": "Allow", "Action": "ec2:DeleteSecurityGroup", "Resource": "arn:aws:ec2:*:1:security-group/*",
	 "Condition": {"StringEquals": {"aws:ResourceTag/deployer:stack": "shop"}}},
	{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*",
	 "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["stack:shop", "stack:shop:*"]}}},
	{"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}]}`

func TestPolicy(t *testing.T) {
	policy, err := access.ReadPolicy([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	tagged := map[string][]string{"aws:ResourceTag/deployer:stack": {"shop"}}
	for _, c := range []struct {
		want bool
		access.Request
	}{
		{true, access.Request{Action: "sqs:CreateQueue", Resource: "arn:aws:sqs:eu-west-1:1:shop-a/b:c"}},
		{false, access.Request{Action: "sqs:DeleteQueue", Resource: "arn:aws:sqs:eu-west-1:1:shop-a"}},
		{false, access.Request{Action: "sqs:CreateQueue", Resource: "arn:aws:sqs:eu-west-1:1:other"}},
		{false, access.Request{Action: "sqs:CreateQueue", Resource: "*"}},
		{true, access.Request{
			Action:   "ec2:DeleteSecurityGroup",
			Resource: "arn:aws:ec2:eu-west-1:1:security-group/sg-1", Context: tagged,
		}},
		{false, access.Request{
			Action:   "ec2:DeleteSecurityGroup",
			Resource: "arn:aws:ec2:eu-west-1:1:security-group/sg-1",
		}},
		{true, access.Request{
			Action: "dynamodb:GetItem", Resource: "t",
			Context: map[string][]string{"dynamodb:LeadingKeys": {"stack:shop:b"}},
		}},
		{false, access.Request{
			Action: "dynamodb:GetItem", Resource: "t",
			Context: map[string][]string{"dynamodb:LeadingKeys": {"stack:shopper"}},
		}},
		{true, access.Request{Action: "ec2:DescribeVpcs", Resource: "*"}},
	} {
		if got := policy.Allows(c.Request); got != c.want {
			t.Errorf("%s: %v", c.Request, got)
		}
	}
	if policy.Without("ec2:DescribeVpcs").Allows(access.Request{Action: "ec2:DescribeVpcs", Resource: "*"}) {
		t.Error("an action that was taken out is still allowed")
	}
	for _, wrong := range []string{
		`{`, `{"Statement": [{"Effect": "Deny", "Action": "a:B", "Resource": "*"}]}`,
		`{"Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": {"Bool": {"x": "y"}}}]}`,
	} {
		if _, err := access.ReadPolicy([]byte(wrong)); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

func TestRequests(t *testing.T) {
	for name, c := range map[string]struct {
		call proxy.Call
		want []string
	}{
		"tags on creation": {
			proxy.Call{
				Service: "sqs", Operation: "CreateQueue",
				Body: []byte(`{"QueueName": "q", "tags": {"a": "b"}}`),
			},
			[]string{"sqs:CreateQueue on arn:aws:sqs:r:1:q", "sqs:TagQueue on arn:aws:sqs:r:1:q"},
		},
		"roles that are passed": {
			proxy.Call{
				Service: "ecs", Operation: "RegisterTaskDefinition",
				Body: []byte(`{"family": "f", "taskRoleArn": "arn:aws:iam::1:role/x"}`),
			},
			[]string{
				"iam:PassRole on arn:aws:iam::1:role/x",
				"ecs:RegisterTaskDefinition on arn:aws:ecs:r:1:task-definition/f:1",
			},
		},
		"another name than the operation's": {
			proxy.Call{Service: "s3", Operation: "DeleteObjects", Resource: "b"},
			[]string{
				"s3:DeleteObject on arn:aws:s3:::b/any-object",
				"s3:DeleteObjectVersion on arn:aws:s3:::b/any-object",
			},
		},
		"a service that is new here": {
			proxy.Call{Service: "kafka", Operation: "CreateCluster", Body: []byte(`{}`)},
			[]string{"kafka:CreateCluster on *"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.call.Region = "r"
			var got []string
			for _, r := range (access.World{Account: "1", Rules: service.Rules}).Requests(&c.call) {
				got = append(got, r.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
