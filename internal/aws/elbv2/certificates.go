package elbv2

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

type (
	certificatesCall     = resource.Call[model.ListenerCertificates, model.ListenerCertificatesOutputs]
	listenerCertificates struct{ api *api }
)

func newListenerCertificates(api *api) resource.Behaviour {
	l := listenerCertificates{api}
	return &resource.Typed[model.ListenerCertificates, model.ListenerCertificatesOutputs]{
		Def: resource.Definition{
			Type: model.ListenerCertificatesType, Version: 1,
			// Another listener has its own certificates, so both sets can exist.
			ReplaceOn: []string{"listenerArn"},
			NotYet:    notYet,
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{
					{On: own(s, "listener/app/"), Actions: []string{
						"elasticloadbalancing:AddListenerCertificates",
						"elasticloadbalancing:RemoveListenerCertificates",
					}},
					{Actions: []string{"elasticloadbalancing:DescribeListenerCertificates"}},
				}
			},
		},
		CheckProps: func(p *model.ListenerCertificates) []value.Problem {
			p.CertificateARNs = value.AsSet(p.CertificateARNs)
			return nil
		},
		CreateObject: l.create, ReadObject: l.read, UpdateObject: l.update, DeleteObject: l.delete,
	}
}

func (l listenerCertificates) create(
	ctx context.Context, c certificatesCall,
) (string, model.ListenerCertificatesOutputs, error) {
	listenerARN := c.Props.ListenerARN.Get()
	err := l.api.addAll(ctx, listenerARN, c.Props.CertificateARNs.Get())
	return listenerARN, model.ListenerCertificatesOutputs{}, err
}

// read returns only our certificates of the listener: the recorded ones or, for an adoption, the wanted ones.
func (l listenerCertificates) read(
	ctx context.Context, c certificatesCall,
) (model.ListenerCertificates, model.ListenerCertificatesOutputs, error) {
	var out model.ListenerCertificatesOutputs
	there, err := l.api.further(ctx, c.ID)
	if err != nil {
		return model.ListenerCertificates{}, out, err
	}
	ours := c.Old.CertificateARNs
	if !ours.IsSet() {
		ours = c.Props.CertificateARNs
	}
	left := slices.DeleteFunc(ours.Get(), func(arn string) bool { return !slices.Contains(there, arn) })
	if len(left) == 0 && len(ours.Get()) > 0 {
		return model.ListenerCertificates{}, out, fmt.Errorf("the listener has none of these certificates: %w",
			resource.ErrNotFound)
	}
	return model.ListenerCertificates{
		ListenerARN: value.Lit(c.ID), CertificateARNs: value.AsSet(value.Lit(left)),
	}, out, nil
}

func (l listenerCertificates) update(
	ctx context.Context, c certificatesCall,
) (model.ListenerCertificatesOutputs, error) {
	was, is := c.Old.CertificateARNs.Get(), c.Props.CertificateARNs.Get()
	// Both calls may be repeated. Additions come first, so that no host is without a certificate in between.
	if err := l.api.addAll(ctx, c.ID, is); err != nil {
		return c.Out, err
	}
	return c.Out, l.api.removeAll(ctx, c.ID,
		slices.DeleteFunc(was, func(arn string) bool { return slices.Contains(is, arn) }))
}

func (l listenerCertificates) delete(ctx context.Context, c certificatesCall) error {
	return l.api.removeAll(ctx, c.ID, c.Old.CertificateARNs.Get())
}

// further returns the certificates of a listener without its default. The default belongs to the listener, even if it
// is also in the set.
func (a *api) further(ctx context.Context, listenerARN string) ([]string, error) {
	in := &elb.DescribeListenerCertificatesInput{ListenerArn: &listenerARN}
	var out []string
	for found, err := range call.Each(ctx, a.client.DescribeListenerCertificates, in, &in.Marker,
		func(page *elb.DescribeListenerCertificatesOutput) ([]types.Certificate, *string) {
			return page.Certificates, page.NextMarker
		}) {
		if err != nil {
			return nil, failed(err)
		}
		if !aws.ToBool(found.IsDefault) {
			out = append(out, aws.ToString(found.CertificateArn))
		}
	}
	return out, nil
}

// addAll adds certificates, one per call: AWS allows no more. A certificate that is in the list already is no error.
func (a *api) addAll(ctx context.Context, listenerARN string, arns []string) error {
	for _, arn := range arns {
		_, err := a.client.AddListenerCertificates(ctx, &elb.AddListenerCertificatesInput{
			ListenerArn: &listenerARN, Certificates: []types.Certificate{{CertificateArn: &arn}},
		})
		if err != nil {
			return failed(err, listenerAdvice...)
		}
	}
	return nil
}

// removeAll removes certificates, one per call: AWS allows no more. A certificate that ACM has deleted counts as
// removed. AWS does not remove the listener's default: it stays until the listener gets another default or is deleted.
func (a *api) removeAll(ctx context.Context, listenerARN string, arns []string) error {
	for _, arn := range arns {
		_, err := a.client.RemoveListenerCertificates(ctx, &elb.RemoveListenerCertificatesInput{
			ListenerArn: &listenerARN, Certificates: []types.Certificate{{CertificateArn: &arn}},
		})
		if err != nil && !call.HasCode(err, "CertificateNotFound", "OperationNotPermitted") {
			return failed(err)
		}
	}
	return nil
}
