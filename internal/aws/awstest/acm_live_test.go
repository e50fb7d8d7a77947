package awstest

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	model "github.com/company/deployer/internal/resource/acm"
)

var _ = liveObjects(answerACM, liveType{
	file: "CertificateManager-Certificate", typ: model.CertificateType,
	props: func(l live) (any, string, string) {
		d := l.Declared
		return model.Certificate{Domain: d.text("DomainName"), Tags: d.tags()}, l.Live.text("CertificateArn"), ""
	},
})

func answerACM(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *acm.DescribeCertificateInput:
		detail := types.CertificateDetail{
			CertificateArn: aws.String(l.text("CertificateArn")), DomainName: aws.String(l.text("DomainName")),
			Status: types.CertificateStatus(l.text("Status")),
		}
		for _, o := range l.list("DomainValidationOptions") {
			r := o.at("ResourceRecord")
			detail.DomainValidationOptions = append(detail.DomainValidationOptions, types.DomainValidation{
				DomainName: aws.String(o.text("DomainName")), ValidationMethod: types.ValidationMethodDns,
				ValidationStatus: types.DomainStatus(o.text("ValidationStatus")),
				ResourceRecord: &types.ResourceRecord{
					Name: aws.String(r.text("Name")), Type: types.RecordType(r.text("Type")),
					Value: aws.String(r.text("Value")),
				},
			})
		}
		return &acm.DescribeCertificateOutput{Certificate: &detail}, nil
	case *acm.ListTagsForCertificateInput:
		out := &acm.ListTagsForCertificateOutput{}
		for key, text := range l.tags() {
			out.Tags = append(out.Tags, types.Tag{Key: aws.String(key), Value: aws.String(text)})
		}
		return out, nil
	}
	return nil, nil
}
