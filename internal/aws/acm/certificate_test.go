package acm

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call/calltest"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/acm"
	"github.com/company/deployer/internal/value"
)

func TestByDomainAcrossPagesAndNames(t *testing.T) {
	summary := func(arn string, day int, names ...string) types.CertificateSummary {
		return types.CertificateSummary{
			CertificateArn: &arn, DomainName: &names[0], SubjectAlternativeNameSummaries: names,
			IssuedAt: aws.Time(time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)),
		}
	}
	many := summary("many", 9, "first.example.com")
	many.HasAdditionalSubjectAlternativeNames = aws.Bool(true)
	pages := []acm.ListCertificatesOutput{
		{CertificateSummaryList: []types.CertificateSummary{
			summary("old", 1, "a.example.com"),
			summary("wild", 8, "*.example.com"),
		}, NextToken: aws.String("1")},
		{NextToken: aws.String("2")},
		{CertificateSummaryList: []types.CertificateSummary{
			summary("new", 5, "other.example.com", "A.example.com"),
			many, summary("older", 2, "a.example.com"),
		}},
	}
	c := certificate{
		region: "eu-west-1",
		api: acm.NewFromConfig(calltest.Config(func(_ context.Context, in any) (any, error) {
			switch in := in.(type) {
			case *acm.ListCertificatesInput:
				require.Contains(t, in.Includes.KeyTypes, types.KeyAlgorithmEcPrime256v1,
					"ACM leaves out ECDSA unless asked")
				if in.NextToken == nil {
					return &pages[0], nil
				}
				return &pages[int((*in.NextToken)[0]-'0')], nil
			case *acm.ListTagsForCertificateInput:
				return &acm.ListTagsForCertificateOutput{}, nil
			case *acm.DescribeCertificateInput:
				require.Equal(t, "many", *in.CertificateArn)
				return &acm.DescribeCertificateOutput{Certificate: &types.CertificateDetail{
					SubjectAlternativeNames: []string{"first.example.com", "hundredth.example.org"},
				}}, nil
			}
			return nil, nil
		})),
	}
	for domain, want := range map[string]string{
		"a.example.com":         "new",  // the newest of the exact ones, by an alternative name
		"b.example.com":         "wild", // no exact name
		"hundredth.example.org": "many", // beyond the hundred names of a summary
	} {
		out, err := c.read(t.Context(), value.Encode(model.CertificateLookup{Domain: domain}))
		require.NoError(t, err, domain)
		require.Equal(t, want, out.Get("arn").Str(), domain)
	}
	for _, domain := range []string{"example.com", "x.b.example.com", "com"} {
		out, err := c.read(t.Context(), value.Encode(model.CertificateLookup{Domain: domain}))
		require.NoError(t, err, domain)
		require.True(t, out.Get("missing").Bool(), domain)
	}
}

// TestByDomainFindsAnAlternativeName: the host is only an alternative name, wherever ACM shows those.
func TestByDomainFindsAnAlternativeName(t *testing.T) {
	const host = "api.example.com"
	first := []string{"example.org"}
	for name, test := range map[string]struct {
		summaries, described []string
		additional           *bool
		gone                 bool
		describes            int
		missing              bool
	}{
		"in the summary": {summaries: []string{"example.org", host}},
		"the summary is cut": {
			summaries: first, additional: aws.Bool(true),
			described: []string{"example.org", host}, describes: 1,
		},
		"cut, but already told": {summaries: []string{"example.org", host}, additional: aws.Bool(true)},
		"the summary is empty":  {described: []string{"example.org", host}, describes: 1},
		"empty, a wildcard":     {described: []string{"*.example.com"}, describes: 1},
		"complete without it": {
			summaries: first, additional: aws.Bool(false), described: []string{host},
			missing: true,
		},
		"nowhere":           {described: first, describes: 1, missing: true},
		"deleted meanwhile": {gone: true, describes: 1, missing: true},
	} {
		t.Run(name, func(t *testing.T) {
			describes := 0
			c := certificate{
				region: "eu-west-1",
				api: acm.NewFromConfig(calltest.Config(func(_ context.Context, in any) (any, error) {
					switch in := in.(type) {
					case *acm.ListCertificatesInput:
						return &acm.ListCertificatesOutput{CertificateSummaryList: []types.CertificateSummary{{
							CertificateArn: aws.String("found"), DomainName: aws.String("example.org"),
							SubjectAlternativeNameSummaries:      test.summaries,
							HasAdditionalSubjectAlternativeNames: test.additional,
						}}}, nil
					case *acm.ListTagsForCertificateInput:
						return &acm.ListTagsForCertificateOutput{}, nil
					case *acm.DescribeCertificateInput:
						describes++
						require.Equal(t, "found", *in.CertificateArn)
						if test.gone {
							return nil, &types.ResourceNotFoundException{}
						}
						return &acm.DescribeCertificateOutput{
							Certificate: &types.CertificateDetail{SubjectAlternativeNames: test.described},
						}, nil
					}
					return nil, nil
				})),
			}
			out, err := c.read(t.Context(), value.Encode(model.CertificateLookup{Domain: host}))
			require.Equal(t, test.describes, describes, "calls of DescribeCertificate")
			require.NoError(t, err)
			require.Equal(t, test.missing, out.Get("missing").Bool())
			if test.missing {
				return
			}
			require.Equal(t, "found", out.Get("arn").Str())
		})
	}
}

// A certificate that waits for its validation is named, with the record that is missing.
func TestAWaitingCertificateIsNamed(t *testing.T) {
	record := func(name string, status types.DomainStatus) types.DomainValidation {
		return types.DomainValidation{
			DomainName: aws.String(name), ValidationMethod: types.ValidationMethodDns, ValidationStatus: status,
			ResourceRecord: &types.ResourceRecord{
				Name: aws.String("_1." + strings.TrimPrefix(name, "*.") + "."), Type: types.RecordTypeCname,
				Value: aws.String("_2.acm-validations.aws."),
			},
		}
	}
	mail := types.DomainValidation{
		DomainName: aws.String("b.example.com"), ValidationMethod: types.ValidationMethodEmail,
		ValidationStatus: types.DomainStatusPendingValidation,
	}
	pending := types.DomainStatusPendingValidation
	for name, c := range map[string]struct {
		options []types.DomainValidation
		next    string
	}{
		"records": {
			[]types.DomainValidation{
				record("a.example.com", pending), record("*.a.example.com", pending),
				record("done.example.com", types.DomainStatusSuccess),
			}, "create the DNS record _1.a.example.com. CNAME _2.acm-validations.aws.; ACM then issues it " +
				"within minutes",
		},
		"mail": {
			[]types.DomainValidation{mail},
			"answer the mail that ACM sent to the owners of b.example.com; ACM then issues it within minutes",
		},
		"just requested": {
			nil, "create the DNS record that `aws acm describe-certificate --certificate-arn waits` shows; ACM " +
				"then issues it within minutes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			lookup := certificate{
				region: "eu-west-1",
				api: acm.NewFromConfig(calltest.Config(func(context.Context, any) (any, error) {
					return &acm.DescribeCertificateOutput{Certificate: &types.CertificateDetail{
						CertificateArn: aws.String("waits"), Status: types.CertificateStatusPendingValidation,
						DomainValidationOptions: c.options,
					}}, nil
				})),
			}
			for _, asked := range []model.CertificateLookup{{ARN: "arn:aws:acm:eu-west-1:1:certificate/x"}} {
				_, err := lookup.read(t.Context(), value.Encode(asked))
				var op *resource.OpError
				require.ErrorAs(t, err, &op)
				require.Contains(t, op.Message, "PENDING_VALIDATION")
				require.Equal(t, c.next, op.Next)
			}
		})
	}
}
