package awstest

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	model "github.com/company/deployer/internal/resource/iam"
)

var _ = liveObjects(answerIAM,
	liveType{file: "IAM-Role", typ: model.RoleType, props: func(l live) (any, string, string) {
		d := l.Declared
		return model.Role{
			Name: l.Live.text("RoleName"), AssumeRolePolicy: d.document("AssumeRolePolicyDocument"),
			Path:        d.text("Path"),
			Description: d.text("Description"), MaxSession: d.int("MaxSessionDuration"),
			PermissionsBoundary: lit(d.text("PermissionsBoundary")), Tags: d.tags(),
		}, l.Live.text("RoleName"), ""
	}},
	liveType{file: "IAM-RolePolicy", typ: model.RolePolicyType, props: liveRolePolicy},
	liveType{file: "IAM-Policy", typ: model.RolePolicyType, props: liveRolePolicy},
)

func liveRolePolicy(l live) (any, string, string) {
	role := l.Declared.text("RoleName")
	if roles := l.Declared.texts("Roles"); len(roles) > 0 {
		role = roles[0]
	}
	name := l.Live.text("PolicyName")
	policy := model.RolePolicy{Role: lit(role), Name: name, Policy: l.Declared.document("PolicyDocument")}
	return policy, role + ":" + name, ""
}

// encoded is a policy as IAM returns it.
func encoded(l object, key string) *string {
	return aws.String(url.QueryEscape(l.document(key).Str()))
}

func answerIAM(l object, parameters any) (any, error) {
	switch in := parameters.(type) {
	case *iam.GetRoleInput:
		role := iamtypes.Role{
			RoleName: aws.String(l.text("RoleName")), Arn: aws.String(l.text("Arn")),
			RoleId: aws.String(l.text("RoleId")),
			Path:   aws.String(l.text("Path")), Description: aws.String(l.text("Description")),
			Tags:                     into[[]iamtypes.Tag](l["Tags"]),
			AssumeRolePolicyDocument: encoded(l, "AssumeRolePolicyDocument"),
			MaxSessionDuration:       aws.Int32(int32(l.int("MaxSessionDuration"))), //nolint:gosec // a test's data
		}
		if boundary := l.text("PermissionsBoundary"); boundary != "" {
			role.PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: &boundary}
		}
		return &iam.GetRoleOutput{Role: &role}, nil
	case *iam.GetRolePolicyInput:
		return &iam.GetRolePolicyOutput{
			RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: encoded(l, "PolicyDocument"),
		}, nil
	case *iam.ListAttachedRolePoliciesInput:
		var out []iamtypes.AttachedPolicy
		for _, arn := range l.texts("ManagedPolicyArns") {
			name := arn[strings.LastIndex(arn, "/")+1:]
			out = append(out, iamtypes.AttachedPolicy{PolicyArn: &arn, PolicyName: &name})
		}
		return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: out}, nil
	}
	return nil, nil
}
