// Package wafv2 is the behaviour of the association of a web ACL of AWS WAF with a load balancer.
//
// In: calls of the resource contract. Out: WAF API calls. It must not make web ACLs.
package wafv2

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/wafv2"
	"github.com/company/deployer/internal/value"
)

type associationCall = resource.Call[model.Association, model.AssociationOutputs]

type association struct{ client *wafv2.Client }

// Behaviours returns the resource types of AWS WAF.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	a := association{wafv2.NewFromConfig(cfg)}
	return []resource.Behaviour{&resource.Typed[model.Association, model.AssociationOutputs]{
		Def: resource.Definition{
			Type: model.AssociationType, Version: 1,
			ReplaceOn: []string{"resourceArn"}, DeleteBeforeReplace: true, Beside: resource.AnyOf("resourceArn"),
			FoundBy: []string{"resourceArn"},
			// WAF learns of a new load balancer or web ACL with a delay.
			NotYet: []resource.NotYet{
				{
					Operations: []string{"wafv2:AssociateWebACL"}, Codes: []string{"WAFUnavailableEntityException"},
					Within: 5 * time.Minute,
				},
				{
					Operations: []string{"wafv2:AssociateWebACL"}, Codes: []string{"WAFNonexistentItemException"},
					New: true,
				},
			},
			Permissions: permissions,
		},
		CreateObject: a.create, ReadObject: a.read, UpdateObject: a.update, DeleteObject: a.delete, Find: a.find,
		Ahead: a.foresee,
	}}
}

// forCaller is why actions are needed that deployer never calls.
const forCaller = "AWS WAF does it in the name of the caller"

func permissions(s resource.Scope) []resource.Statement {
	acls := []string{s.ARN("wafv2", "regional/webacl/*")}
	wanted := acls
	if arn := s.Props.Get("webAclArn").Str(); arn != "" {
		wanted = []string{arn}
	}
	balancers := []string{s.ARN("elasticloadbalancing", "loadbalancer/app/*")}
	return []resource.Statement{
		{On: slices.Concat(wanted, balancers), Actions: []string{"wafv2:AssociateWebACL"}},
		{On: balancers, Actions: []string{"wafv2:DisassociateWebACL"}},
		{On: slices.Concat(acls, balancers), Actions: []string{"wafv2:GetWebACLForResource"}},
		{On: acls, Actions: []string{"wafv2:GetWebACL"}, Why: forCaller, Looks: true},
		{On: balancers, Actions: []string{"elasticloadbalancing:GetLoadBalancerWebACL"}, Why: forCaller, Looks: true},
		{On: balancers, Actions: []string{
			"elasticloadbalancing:CreateWebACLAssociation", "elasticloadbalancing:DeleteWebACLAssociation",
		}, Why: forCaller},
		{Actions: []string{"elasticloadbalancing:SetWebAcl"}, Why: forCaller},
	}
}

func failed(err error) error {
	return call.Error(err, call.NotFound("WAFNonexistentItemException"))
}

// create replaces a web ACL that somebody else has put in front of the new load balancer of the stack.
func (a association) create(ctx context.Context, c associationCall) (string, model.AssociationOutputs, error) {
	return c.Props.ResourceARN.Get(), model.AssociationOutputs{}, a.associate(ctx, c.Props)
}

func (a association) associate(ctx context.Context, p model.Association) error {
	_, err := a.client.AssociateWebACL(ctx, &wafv2.AssociateWebACLInput{
		ResourceArn: aws.String(p.ResourceARN.Get()), WebACLArn: aws.String(p.WebACLARN.Get()),
	})
	if call.HasCode(err, "WAFNonexistentItemException") {
		return &resource.OpError{
			Operation: "wafv2:AssociateWebACL", Code: "WAFNonexistentItemException",
			Message: "there is no web ACL " + p.WebACLARN.Get(), Next: correctACL,
		}
	}
	return failed(err)
}

const correctACL = "correct webAcl in the document Ingress; `aws wafv2 list-web-acls --scope REGIONAL` lists the web ACLs"

// foresee asks whether the web ACLs exist.
func (a association) foresee(
	ctx context.Context, planned []associationCall, _ resource.Neighbours, f *resource.Foresight,
) {
	for _, c := range planned {
		acl := c.Props.WebACLARN.Get()
		parts := strings.Split(acl, "/") // arn:...:regional/webacl/NAME/ID
		if len(parts) != 4 {
			continue // not known yet
		}
		f.Ask(func() error {
			_, err := a.client.GetWebACL(ctx, &wafv2.GetWebACLInput{
				Name: &parts[2], Id: &parts[3], Scope: types.ScopeRegional,
			})
			if call.HasCode(err, "WAFNonexistentItemException") {
				f.Refuse(c.Resource, correctACL, "there is no web ACL %s", acl)
				return nil
			}
			return failed(err)
		})
	}
}

// current is the ARN of the web ACL in front of a load balancer.
func (a association) current(ctx context.Context, balancer string) (string, error) {
	out, err := a.client.GetWebACLForResource(ctx, &wafv2.GetWebACLForResourceInput{ResourceArn: &balancer})
	if err != nil {
		return "", failed(err)
	}
	if out.WebACL == nil {
		return "", fmt.Errorf("no web ACL in front of %s: %w", balancer, resource.ErrNotFound)
	}
	return aws.ToString(out.WebACL.ARN), nil
}

func (a association) find(ctx context.Context, c associationCall) (string, map[string]string, error) {
	arn := c.Props.ResourceARN.Get()
	acl, err := a.current(ctx, arn)
	if err == nil && acl != c.Props.WebACLARN.Get() {
		err = fmt.Errorf("another web ACL in front of %s: %w", arn, resource.ErrNotFound)
	}
	return arn, nil, err
}

func (a association) read(ctx context.Context, c associationCall) (model.Association, model.AssociationOutputs, error) {
	acl, err := a.current(ctx, c.ID)
	return model.Association{ResourceARN: value.Lit(c.ID), WebACLARN: value.Lit(acl)}, model.AssociationOutputs{}, err
}

func (a association) update(ctx context.Context, c associationCall) (model.AssociationOutputs, error) {
	return model.AssociationOutputs{}, a.associate(ctx, c.Props)
}

// delete leaves a web ACL that somebody else has put there.
func (a association) delete(ctx context.Context, c associationCall) error {
	acl, err := a.current(ctx, c.ID)
	if err != nil || acl != c.Old.WebACLARN.Get() {
		return err
	}
	_, err = a.client.DisassociateWebACL(ctx, &wafv2.DisassociateWebACLInput{ResourceArn: &c.ID})
	return failed(err)
}
