package service

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

const iamVersion = "2010-05-08"

var _ = register(Service{
	Name:   "iam",
	NameBy: []string{"RoleName/PolicyName", "RoleName/PolicyArn", "RoleName", "PolicyArn", "UserName", "PolicyName"},
	Tags: Tags{
		TooMany: "LimitExceeded",
		Existing: map[string]func(*proxy.Call) []string{
			"TagRole": queriedTags("iam", iamVersion, "ListRoleTags", "RoleName"),
		},
	},
	Late: []late.Class{
		{Made: "iam:CreateRole", ID: regexp.MustCompile(`<RoleName>([^<]+)<`), Unknown: []late.Ignorance{
			{
				Operations: []string{"iam:PutRolePolicy", "iam:AttachRolePolicy"}, Status: http.StatusNotFound,
				Code:    "NoSuchEntity",
				Message: "The role with name ID cannot be found.",
			},
			{Operations: []string{"ecs:RegisterTaskDefinition"}, Code: "ClientException", Message: "Role is not valid"},
		}},
	},
	Inventory: inventory.Source{List: listRoles},
	Access: access.Rules{Requests: func(b *access.Builder) {
		if b.Call.Operation == "GetAccountSummary" {
			b.On("*")
			return
		}
		role := "arn:aws:iam::" + b.Account + ":role/" + b.Call.Form.Get("RoleName")
		b.On(role)
		b.Tagging("iam:TagRole", role)
	}},
	Unasked: map[string]string{
		"iam:CreateServiceLinkedRole":       ForCaller,
		"iam:UpdateAssumeRolePolicy":        "drift",
		"iam:PutRolePermissionsBoundary":    "overrides",
		"iam:DeleteRolePermissionsBoundary": "overrides that are taken away",
	},
	Types: map[string]ByHand{
		"iam/role":        {Property: "maxSession", To: 7200, Needed: true},
		"iam/role-policy": {Property: "policy", To: policyFor("s3:*", nil)},
	},
})

// policyFor is a policy document with one statement.
func policyFor(action string, principal any) map[string]any {
	statement := map[string]any{"Effect": "Allow", "Action": action, "Resource": "*"}
	if principal != nil {
		statement["Principal"] = principal
	}
	return map[string]any{"Version": "2012-10-17", "Statement": []any{statement}}
}

func listRoles(l *inventory.Lister) error {
	client := iam.NewFromConfig(l.Config)
	roles, err := client.ListRoles(l, &iam.ListRolesInput{})
	if err != nil {
		return err
	}
	for _, r := range roles.Roles {
		if strings.HasPrefix(*r.Path, "/aws-service-role/") {
			continue
		}
		inline, err := client.ListRolePolicies(l, &iam.ListRolePoliciesInput{RoleName: r.RoleName})
		if err != nil {
			return err
		}
		attached, err := client.ListAttachedRolePolicies(l,
			&iam.ListAttachedRolePoliciesInput{RoleName: r.RoleName})
		if err != nil {
			return err
		}
		var policies []string
		for _, p := range attached.AttachedPolicies {
			policies = append(policies, *p.PolicyArn)
		}
		for _, name := range inline.PolicyNames {
			p, err := client.GetRolePolicy(l, &iam.GetRolePolicyInput{RoleName: r.RoleName, PolicyName: &name})
			if err != nil {
				return err
			}
			policies = append(policies, name+" "+*p.PolicyDocument)
		}
		slices.Sort(policies)
		if err := l.Add("role", *r.RoleName, policies); err != nil {
			return err
		}
	}
	return nil
}
