package elbv2

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

type (
	listenerCall = resource.Call[model.Listener, model.ListenerOutputs]
	listener     struct{ api *api }
)

func newListener(api *api) resource.Behaviour {
	l := listener{api}
	return &resource.Typed[model.Listener, model.ListenerOutputs]{
		Def: resource.Definition{
			Type: model.ListenerType, Version: 1,
			// Another load balancer has its own ports, so both listeners can exist.
			ReplaceOn: []string{"loadBalancerArn"}, FoundBy: []string{"loadBalancerArn"},
			NotYet:    notYet,
			FindFirst: true, // CreateListener answers an existing one with equal settings as if it were new
			// Downtime for clients that use the old address.
			Consequence: resource.Causes(plan.Downtime, "loadBalancerArn", "port", "protocol"),
			Lasts:       resource.Always("some seconds"),
			Permissions: listenerPermissions,
		},
		CheckProps: checkListener, CreateObject: l.create, ReadObject: l.read, UpdateObject: l.update,
		DeleteObject: l.delete, Ahead: l.foresee,
		Added: l.added, Find: l.find, Taggable: true,
		Marked: func(ctx context.Context, c listenerCall) ([]resource.Found, error) {
			arns, err := api.ownListeners(ctx, c.Request)
			return api.withTags(ctx, arns, err)
		},
	}
}

func listenerPermissions(s resource.Scope) []resource.Statement {
	out := []resource.Statement{
		{On: own(s, "loadbalancer/app/"), Actions: []string{"elasticloadbalancing:CreateListener"}},
		{On: own(s, "listener/app/"), Actions: append([]string{
			"elasticloadbalancing:ModifyListener", "elasticloadbalancing:DeleteListener",
		}, tagActions...)},
		{Actions: []string{
			"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
			"elasticloadbalancing:DescribeTags",
		}},
		{Actions: []string{"elasticloadbalancing:DescribeLoadBalancers"}, Why: forRecovery},
	}
	if policy := s.Props.Get("sslPolicy").Str(); s.Props.IsNull() || foreseeable(policy) {
		out = append(out, resource.Foreseeing("elasticloadbalancing:DescribeSSLPolicies"))
	}
	return out
}

// foreseeable reports whether somebody has chosen the security policy.
func foreseeable(policy string) bool { return policy != "" && policy != model.DefaultSSLPolicy }

func checkListener(p *model.Listener) []value.Problem {
	problems := append(within(p.Port, 1, 65535, "port"), checkAction(&p.DefaultAction, "defaultAction")...)
	switch p.Protocol {
	case "HTTPS":
		set(&p.SSLPolicy, model.DefaultSSLPolicy)
		if !p.CertificateARN.IsSet() {
			problems = append(problems, bad("an HTTPS listener needs a certificate", "certificateArn"))
		}
	case "HTTP":
		if p.CertificateARN.IsSet() && p.CertificateARN.Known() {
			problems = append(problems, bad("only an HTTPS listener has a certificate", "certificateArn"))
		}
		if p.SSLPolicy != "" {
			problems = append(problems, bad("only an HTTPS listener has an SSL policy", "sslPolicy"))
		}
	}
	return problems
}

var listenerAdvice = []advice{
	{"CertificateNotFound", "the certificate must be issued, and in the region of the load balancer"},
	{"UnsupportedCertificate", "the load balancer accepts RSA and ECDSA certificates from ACM or IAM; see the " +
		"key types in its documentation"},
	{"TargetGroupAssociationLimit", "a target group can serve only one load balancer, and this one still " +
		"serves another"},
	{"DuplicateListener", "the load balancer already listens on that port"},
}

func certificates(p model.Listener) []types.Certificate {
	if !p.CertificateARN.IsSet() {
		return nil
	}
	return []types.Certificate{{CertificateArn: aws.String(p.CertificateARN.Get())}}
}

func sslPolicy(p model.Listener) *string {
	if p.SSLPolicy == "" {
		return nil
	}
	return &p.SSLPolicy
}

func (l listener) create(ctx context.Context, c listenerCall) (string, model.ListenerOutputs, error) {
	made, err := l.api.client.CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: aws.String(c.Props.LoadBalancerARN.Get()), Port: aws.Int32(int32(c.Props.Port)),
		Protocol: types.ProtocolEnum(c.Props.Protocol), Certificates: certificates(c.Props),
		SslPolicy:      sslPolicy(c.Props),
		DefaultActions: toAWS(c.Props.DefaultAction), Tags: tagList(c.Request, c.Props.Tags),
	})
	if err != nil {
		return "", model.ListenerOutputs{}, failed(err, listenerAdvice...)
	}
	if len(made.Listeners) == 0 {
		return "", model.ListenerOutputs{},
			errors.New("elasticloadbalancing:CreateListener answered without a listener")
	}
	arn := aws.ToString(made.Listeners[0].ListenerArn)
	return arn, model.ListenerOutputs{ARN: arn}, nil
}

// find looks for the listener on the port. An interrupted run that was to make the load balancer, too, did not know it.
// Then the right listener is the one whose tags name the resource.
func (l listener) find(ctx context.Context, c listenerCall) (string, map[string]string, error) {
	in := &elb.DescribeListenersInput{LoadBalancerArn: aws.String(c.Props.LoadBalancerARN.Get())}
	for found, err := range call.Each(ctx, l.api.client.DescribeListeners, in, &in.Marker, listeners) {
		if err != nil {
			return "", nil, failed(err)
		}
		if int(aws.ToInt32(found.Port)) == c.Props.Port {
			tags, err := l.api.tagsOf(ctx, *found.ListenerArn)
			return *found.ListenerArn, tags, err
		}
	}
	return "", nil, fmt.Errorf("no listener on port %d: %w", c.Props.Port, resource.ErrNotFound)
}

func (l listener) read(ctx context.Context, c listenerCall) (model.Listener, model.ListenerOutputs, error) {
	var found types.Listener
	var tags map[string]string
	err := sideBySide(ctx,
		func(ctx context.Context) (err error) {
			found, err = get(ctx, l.api.listeners, c.ID)
			return err
		},
		func(ctx context.Context) (err error) {
			tags, err = get(ctx, l.api.tags, c.ID)
			return err
		},
	)
	if err != nil {
		return model.Listener{}, model.ListenerOutputs{}, err
	}
	p := model.Listener{
		LoadBalancerARN: value.Lit(aws.ToString(found.LoadBalancerArn)), Port: int(aws.ToInt32(found.Port)),
		Protocol: string(found.Protocol),
	}
	if found.Protocol == types.ProtocolEnumHttps {
		p.SSLPolicy = aws.ToString(found.SslPolicy)
		if len(found.Certificates) > 0 {
			p.CertificateARN = value.Lit(aws.ToString(found.Certificates[0].CertificateArn))
		}
	}
	if p.DefaultAction, err = fromAWS(found.DefaultActions); err != nil {
		return p, model.ListenerOutputs{}, failed(err)
	}
	p.Tags = tagging.Seen(c.Request, tags)
	return p, model.ListenerOutputs{ARN: c.ID}, nil
}

func (l listener) update(ctx context.Context, c listenerCall) (model.ListenerOutputs, error) {
	was, is := c.Old, c.Props
	was.Tags, is.Tags = nil, nil
	if !value.Equal(value.Encode(was), value.Encode(is)) {
		_, err := l.api.client.ModifyListener(ctx, &elb.ModifyListenerInput{
			ListenerArn: &c.ID, Port: aws.Int32(int32(c.Props.Port)), Protocol: types.ProtocolEnum(c.Props.Protocol),
			Certificates: certificates(c.Props), SslPolicy: sslPolicy(c.Props),
			DefaultActions: toAWS(c.Props.DefaultAction),
		})
		if err != nil {
			return c.Out, failed(err, listenerAdvice...)
		}
	}
	return c.Out, l.api.retag(ctx, c.Request, c.Old.Tags, c.Props.Tags)
}

func (l listener) delete(ctx context.Context, c listenerCall) error {
	_, err := l.api.client.DeleteListener(ctx, &elb.DeleteListenerInput{ListenerArn: &c.ID})
	return failed(err)
}
