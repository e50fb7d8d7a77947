package servicediscovery

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/servicediscovery"
	"github.com/company/deployer/internal/value"
)

type (
	namespaceCall = resource.Call[model.PrivateDNSNamespace, model.PrivateDNSNamespaceOutputs]
	namespace     struct{ api *api }
)

func newNamespace(api *api) resource.Behaviour {
	n := namespace{api}
	return &resource.Typed[model.PrivateDNSNamespace, model.PrivateDNSNamespaceOutputs]{
		Def: resource.Definition{
			Type: model.PrivateDNSNamespaceType, Version: 1,
			// A VPC resolves only one zone of a name, and names are not hashed: people type them. Another VPC has its
			// own zone, so the old namespace stays until its services have moved: AWS does not delete a namespace with
			// services.
			ReplaceOn: []string{"name", "vpcId"},
			FindFirst: true, // a repeated CreatorRequestId answers the existing namespace as if it were new
			// Downtime for the names in it.
			Consequence: resource.Causes(plan.Downtime, "name", "vpcId"),
			Lasts:       resource.Always("until its tasks are registered again"),
			Permissions: namespacePermissions,
		},
		CheckProps: checkNamespace, CreateObject: n.create, ReadObject: n.read, UpdateObject: n.update,
		DeleteObject: n.delete,
		InTheWay:     n.inTheWay, Find: n.find, Taggable: true,
	}
}

var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkNamespace(p *model.PrivateDNSNamespace) []value.Problem {
	p.Name = strings.ToLower(p.Name)
	if len(p.Name) > 253 || !domain.MatchString(p.Name) {
		return []value.Problem{{
			Kind: value.BadValue, Path: []string{"name"},
			Message: "must be a domain name such as production.shop.internal",
		}}
	}
	return nil
}

func (n namespace) create(ctx context.Context, c namespaceCall) (string, model.PrivateDNSNamespaceOutputs, error) {
	var none model.PrivateDNSNamespaceOutputs
	made, err := n.api.client.CreatePrivateDnsNamespace(ctx, &servicediscovery.CreatePrivateDnsNamespaceInput{
		Name: &c.Props.Name, Vpc: aws.String(c.Props.VPCID.Get()), CreatorRequestId: call.Token(c.Token, 64),
		Tags: tagList(c.Request, c.Props.Tags),
	})
	var started *string
	if made != nil {
		started = made.OperationId
	}
	started, err = operation(started, err)
	if err != nil {
		return "", none, n.conflict(ctx, c, failed(err))
	}
	c.Progress("waiting for namespace " + c.Props.Name + " and its hosted zone; AWS takes about a minute")
	targets, err := n.api.wait(ctx, "CreatePrivateDnsNamespace", started)
	if err != nil {
		return "", none, n.conflict(ctx, c, err)
	}
	n.warn(ctx, c)
	id := targets[string(types.OperationTargetTypeNamespace)]
	if c.InState != nil && c.InState(id) { // for a known token AWS returns the object of its first use
		return "", none, &resource.OwnedError{Type: model.PrivateDNSNamespaceType, Name: id, Tags: c.Tags}
	}
	_, out, err := n.get(ctx, id)
	if err != nil {
		return id, none, &resource.Unfinished[model.PrivateDNSNamespace, model.PrivateDNSNamespaceOutputs]{
			ID: id, Props: c.Props, Err: err,
		}
	}
	return id, out, nil
}

// warn says that nobody in the VPC can resolve the names. AWS makes the namespace anyway. VPCs other than default
// ones start that way.
func (n namespace) warn(ctx context.Context, c namespaceCall) {
	vpc := c.Props.VPCID.Get()
	for _, attribute := range []ec2types.VpcAttributeName{
		ec2types.VpcAttributeNameEnableDnsSupport,
		ec2types.VpcAttributeNameEnableDnsHostnames,
	} {
		out, err := n.api.network.DescribeVpcAttribute(ctx,
			&ec2.DescribeVpcAttributeInput{VpcId: &vpc, Attribute: attribute})
		if err != nil {
			return // only a hint
		}
		for _, set := range []*ec2types.AttributeBooleanValue{out.EnableDnsSupport, out.EnableDnsHostnames} {
			if set != nil && !aws.ToBool(set.Value) {
				c.Progress("internal names will not resolve, because " + string(attribute) + " is off in the VPC " +
					vpc +
					": run aws ec2 modify-vpc-attribute --vpc-id " + vpc +
					" --enable-dns-support, then the same with --enable-dns-hostnames")
				return
			}
		}
	}
}

// conflict finds out why the VPC already resolves the domain: through a namespace of that name, which may exist because
// of a lost answer, or through a zone from elsewhere.
func (n namespace) conflict(ctx context.Context, c namespaceCall, err error) error {
	var op *resource.OpError
	if !errors.As(err, &op) || op.Code != "ConflictingDomainExists" &&
		!strings.Contains(op.Message, "ConflictingDomainExists") {
		return err
	}
	switch _, _, findErr := n.find(ctx, c); {
	case findErr == nil:
		return fmt.Errorf("%w: %w", resource.ErrExists, err)
	case !errors.Is(findErr, resource.ErrNotFound):
		return errors.Join(err, findErr)
	}
	op.Next = "the VPC already resolves this domain with another hosted zone: remove that zone from the VPC, or " +
		"use another VPC"
	return err
}

func (n namespace) get(ctx context.Context, id string) (*types.Namespace, model.PrivateDNSNamespaceOutputs, error) {
	var out model.PrivateDNSNamespaceOutputs
	found, err := n.api.client.GetNamespace(ctx, &servicediscovery.GetNamespaceInput{Id: &id})
	if err != nil {
		return nil, out, failed(err)
	}
	out.ID, out.ARN, out.Name = id, aws.ToString(found.Namespace.Arn), aws.ToString(found.Namespace.Name)
	if p := found.Namespace.Properties; p != nil && p.DnsProperties != nil {
		out.HostedZoneID = aws.ToString(p.DnsProperties.HostedZoneId)
	}
	return found.Namespace, out, nil
}

// find prefers our own namespace to one of the same name in another VPC.
func (n namespace) find(ctx context.Context, c namespaceCall) (string, map[string]string, error) {
	in := &servicediscovery.ListNamespacesInput{Filters: []types.NamespaceFilter{
		{Name: types.NamespaceFilterNameType, Values: []string{string(types.NamespaceTypeDnsPrivate)}},
		{Name: types.NamespaceFilterNameName, Values: []string{c.Props.Name}},
	}}
	id, tags := "", map[string]string(nil)
	for found, err := range call.Each(ctx, n.api.client.ListNamespaces, in, &in.NextToken,
		func(page *servicediscovery.ListNamespacesOutput) ([]types.NamespaceSummary, *string) {
			return page.Namespaces, page.NextToken
		}) {
		if err != nil {
			return "", nil, failed(err)
		}
		if aws.ToString(found.Name) != c.Props.Name || found.Type != types.NamespaceTypeDnsPrivate {
			continue
		}
		if c.InState != nil && c.InState(aws.ToString(found.Id)) {
			continue // it is in the VPC that the stack is leaving
		}
		theirs, err := n.api.tagsOf(ctx, found.Arn)
		if err != nil {
			return "", nil, err
		}
		if id == "" || c.Owns(theirs) {
			id, tags = aws.ToString(found.Id), theirs
		}
	}
	if id == "" {
		return "", nil, missing("private DNS namespace", c.Props.Name)
	}
	return id, tags, nil
}

// read cannot see the VPC: Cloud Map does not return it.
func (n namespace) read(
	ctx context.Context, c namespaceCall,
) (model.PrivateDNSNamespace, model.PrivateDNSNamespaceOutputs, error) {
	var out model.PrivateDNSNamespaceOutputs
	found, tags, err := withTags(ctx, n.api, c.Out.ARN,
		func(ctx context.Context) (found *types.Namespace, arn *string, err error) {
			if found, out, err = n.get(ctx, c.ID); err != nil {
				return nil, nil, err
			}
			return found, found.Arn, nil
		})
	if err != nil {
		return model.PrivateDNSNamespace{}, out, err
	}
	p := model.PrivateDNSNamespace{Name: aws.ToString(found.Name), VPCID: c.Old.VPCID}
	c.Unread("AWS does not return it", "vpcId")
	if !p.VPCID.IsSet() {
		p.VPCID = c.Props.VPCID
	}
	p.Tags = tagging.Seen(c.Request, tags)
	return p, out, nil
}

// update changes only tags, and completes outputs that an interrupted create left out.
func (n namespace) update(ctx context.Context, c namespaceCall) (model.PrivateDNSNamespaceOutputs, error) {
	_, out, err := n.get(ctx, c.ID)
	if err != nil {
		return c.Out, err
	}
	return out, n.api.retag(ctx, c.Request, out.ARN, c.Old.Tags, c.Props.Tags)
}

const foreignServices = "the namespace has services that were created outside of deployer: delete them"

// inTheWay finds services in the namespace that are not the stack's.
func (n namespace) inTheWay(ctx context.Context, c namespaceCall, stack resource.Neighbours) ([]plan.Obstacle, error) {
	var foreign []string
	in := &servicediscovery.ListServicesInput{
		Filters: []types.ServiceFilter{{Name: types.ServiceFilterNameNamespaceId, Values: []string{c.ID}}},
	}
	for s, err := range call.Each(ctx, n.api.client.ListServices, in, &in.NextToken,
		func(page *servicediscovery.ListServicesOutput) ([]types.ServiceSummary, *string) {
			return page.Services, page.NextToken
		}) {
		if err != nil {
			return nil, failed(err)
		}
		if !stack.Has(aws.ToString(s.Id)) {
			foreign = append(foreign, aws.ToString(s.Name)+" ("+aws.ToString(s.Id)+")")
		}
	}
	if len(foreign) == 0 {
		return nil, nil
	}
	return []plan.Obstacle{{
		What: "the namespace " + c.Old.Name + " has services that were created outside of deployer: " +
			strings.Join(foreign, ", "), Next: "delete these services of the namespace",
	}}, nil
}

func (n namespace) delete(ctx context.Context, c namespaceCall) error {
	name := c.Old.Name
	if name == "" {
		name = c.ID
	}
	var started *string
	err := whenUnused(ctx, "namespace "+name+" has no services",
		foreignServices, c.Progress,
		func(ctx context.Context) error {
			out, err := n.api.client.DeleteNamespace(ctx, &servicediscovery.DeleteNamespaceInput{Id: &c.ID})
			if out != nil {
				started = out.OperationId
			}
			started, err = operation(started, err)
			return failed(err)
		})
	if err != nil {
		return err
	}
	_, err = n.api.wait(ctx, "DeleteNamespace", started)
	if call.HasCode(err, "OperationNotFound") {
		return nil // so old that AWS has forgotten it
	}
	return err
}

func namespacePermissions(s resource.Scope) []resource.Statement {
	namespaces, zones := []string{s.ARN("servicediscovery", "namespace/*")},
		[]string{"arn:" + s.Partition() + ":route53:::hostedzone/*"}
	const why = "Cloud Map creates and deletes the hosted zone of the namespace in the name of the caller"
	return append([]resource.Statement{
		{When: s.Made(), Actions: []string{"servicediscovery:CreatePrivateDnsNamespace"}},
		{On: namespaces, Actions: []string{"servicediscovery:GetNamespace"}},
		{On: namespaces, When: s.Tagged(), Actions: []string{"servicediscovery:DeleteNamespace"}},
		{Actions: []string{
			"servicediscovery:ListNamespaces", "servicediscovery:ListServices",
			"servicediscovery:GetOperation",
		}},
		{On: []string{s.ARN("ec2", "vpc/*")}, Actions: []string{"ec2:DescribeVpcAttribute"}},
		{On: zones, Why: why, Actions: []string{
			"route53:GetHostedZone", "route53:DeleteHostedZone",
			"route53:AssociateVPCWithHostedZone",
		}},
		{Why: why, Actions: []string{
			"route53:CreateHostedZone", "route53:ListHostedZonesByName", "ec2:DescribeVpcs",
			"ec2:DescribeRegions",
		}},
	}, tagPermissions(s)...)
}
