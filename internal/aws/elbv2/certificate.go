package elbv2

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

type certificateCalls struct {
	add      op[elb.AddListenerCertificatesInput, elb.AddListenerCertificatesOutput]
	describe op[elb.DescribeListenerCertificatesInput, elb.DescribeListenerCertificatesOutput]
	remove   op[elb.RemoveListenerCertificatesInput, elb.RemoveListenerCertificatesOutput]
}

// further returns the certificates of a listener without its default: that is the listener's own business, even when it is the same.
func (c certificateCalls) further(ctx context.Context, listenerARN string) ([]string, error) {
	in := &elb.DescribeListenerCertificatesInput{ListenerArn: &listenerARN}
	var out []string
	for {
		page, err := c.describe(ctx, in)
		if err != nil {
			return nil, failed("DescribeListenerCertificates", err)
		}
		for _, found := range page.Certificates {
			if !aws.ToBool(found.IsDefault) {
				out = append(out, aws.ToString(found.CertificateArn))
			}
		}
		if in.Marker = page.NextMarker; in.Marker == nil {
			return out, nil
		}
	}
}

// addAll adds certificates, one a call: AWS takes no more. One that is there already is no error.
func (c certificateCalls) addAll(ctx context.Context, listenerARN string, arns []string) error {
	for _, arn := range arns {
		_, err := c.add(ctx, &elb.AddListenerCertificatesInput{
			ListenerArn: &listenerARN, Certificates: []types.Certificate{{CertificateArn: &arn}},
		})
		if err != nil {
			return failed("AddListenerCertificates", err, listenerAdvice...)
		}
	}
	return nil
}

// removeAll removes certificates, one a call: AWS takes no more.
func (c certificateCalls) removeAll(ctx context.Context, listenerARN string, arns []string) error {
	for _, arn := range arns {
		_, err := c.remove(ctx, &elb.RemoveListenerCertificatesInput{
			ListenerArn: &listenerARN, Certificates: []types.Certificate{{CertificateArn: &arn}},
		})
		if err != nil {
			return failed("RemoveListenerCertificates", err)
		}
	}
	return nil
}

type (
	certificateCall     = resource.Call[model.ListenerCertificate, model.ListenerCertificateOutputs]
	listenerCertificate struct{ api func() *api }
)

func newListenerCertificate(api func() *api) resource.Behaviour {
	l := listenerCertificate{api}
	return &resource.Typed[model.ListenerCertificate, model.ListenerCertificateOutputs]{
		Def: resource.Definition{
			Type: model.ListenerCertificateType, Version: 1,
			// The two properties are the identity, so old and new are different objects.
			ReplaceOn: []string{"listenerArn", "certificateArn"},
			Actions: []string{
				"elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:DescribeListenerCertificates",
				"elasticloadbalancing:RemoveListenerCertificates",
			},
		},
		CreateObject: l.create, ReadObject: l.read, DeleteObject: l.delete,
	}
}

func (l listenerCertificate) create(ctx context.Context, c certificateCall) (string, model.ListenerCertificateOutputs, error) {
	listenerARN, certificateARN := c.Props.ListenerARN.Get(), c.Props.CertificateARN.Get()
	err := l.api().addAll(ctx, listenerARN, []string{certificateARN})
	return listenerARN + "_" + certificateARN, model.ListenerCertificateOutputs{}, err
}

// certificateID takes an ID apart. Neither ARN has an underscore.
func certificateID(id string) (listenerARN, certificateARN string, err error) {
	listenerARN, certificateARN, ok := strings.Cut(id, "_")
	if !ok {
		return "", "", fmt.Errorf("%q is not the id of a %s", id, model.ListenerCertificateType)
	}
	return listenerARN, certificateARN, nil
}

func (l listenerCertificate) read(ctx context.Context, c certificateCall) (model.ListenerCertificate, model.ListenerCertificateOutputs, error) {
	var out model.ListenerCertificateOutputs
	listenerARN, certificateARN, err := certificateID(c.ID)
	if err != nil {
		return model.ListenerCertificate{}, out, err
	}
	there, err := l.api().further(ctx, listenerARN)
	if err != nil {
		return model.ListenerCertificate{}, out, err
	}
	if !slices.Contains(there, certificateARN) {
		return model.ListenerCertificate{}, out, fmt.Errorf("the listener does not have certificate %s: %w", certificateARN, resource.ErrNotFound)
	}
	return model.ListenerCertificate{ListenerARN: value.Lit(listenerARN), CertificateARN: value.Lit(certificateARN)}, out, nil
}

func (l listenerCertificate) delete(ctx context.Context, c certificateCall) error {
	listenerARN, certificateARN, err := certificateID(c.ID)
	if err != nil {
		return err
	}
	return l.api().removeAll(ctx, listenerARN, []string{certificateARN})
}
