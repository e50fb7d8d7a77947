package acm

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/acm"
	"github.com/company/deployer/internal/value"
)

// Lookups returns the lookups of ACM.
func Lookups(cfg aws.Config) []resource.Lookup {
	c := certificate{region: cfg.Region, api: acm.NewFromConfig(cfg)}
	return []resource.Lookup{{
		Type: model.LookupCertificate, Read: c.read, Outputs: value.Fields[model.FoundCertificate](),
		Permissions: func(s resource.Scope) []resource.Statement {
			certificate := s.Props.Get("arn").Str()
			if certificate != "" {
				return []resource.Statement{{On: []string{certificate}, Actions: []string{"acm:DescribeCertificate"}}}
			}
			return []resource.Statement{
				{Actions: []string{"acm:ListCertificates"}},
				{On: []string{s.ARN("acm", "certificate/*")}, Actions: []string{
					"acm:DescribeCertificate", "acm:ListTagsForCertificate",
				}},
			}
		},
	}}
}

type certificate struct {
	region string
	api    *acm.Client
}

func (c certificate) read(ctx context.Context, props value.Value) (value.Value, error) {
	var want model.CertificateLookup
	if problems := value.Decode(props, &want); len(problems) > 0 {
		return value.NullValue, problems[0]
	}
	if (want.ARN == "") == (want.Domain == "") {
		return value.NullValue, fmt.Errorf("%s: exactly one of arn and domain must be given", model.LookupCertificate)
	}
	var out model.FoundCertificate
	var err error
	if want.ARN != "" {
		out, err = c.verify(ctx, want.ARN, want.Hosts)
	} else {
		out, err = c.byDomain(ctx, strings.ToLower(strings.TrimSuffix(want.Domain, ".")), want)
	}
	if err != nil {
		return value.NullValue, err
	}
	return value.Encode(out), nil
}

// verify checks that a load balancer of this region can use the certificate.
func (c certificate) verify(ctx context.Context, name string, hosts []string) (model.FoundCertificate, error) {
	var out model.FoundCertificate
	wrong := func(next, format string, args ...any) error {
		return &resource.OpError{
			Operation: "acm:DescribeCertificate", Message: fmt.Sprintf(format, args...),
			Next: next,
		}
	}
	parsed, err := arn.Parse(name)
	if err != nil || parsed.Service != "acm" && parsed.Service != "iam" {
		return out, wrong("take it from the ACM console, or from `aws acm list-certificates`",
			"%q is not the ARN of a certificate", name)
	}
	if parsed.Service == "iam" {
		// uploaded to IAM: the load balancer itself reports if it cannot use the certificate
		return model.FoundCertificate{ARN: name}, nil
	}
	if parsed.Region != c.region {
		return out, wrong("request or import the certificate in "+c.region+" too",
			"certificate %s is in %s, but a load balancer in %s accepts only certificates of its own region", name,
			parsed.Region, c.region)
	}
	found, err := c.api.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &name})
	if call.HasCode(err, "ResourceNotFoundException") {
		return out, wrong("see `aws acm list-certificates --region "+c.region+"`",
			"there is no certificate %s in this account%s", name, givenFor(hosts))
	}
	if err != nil {
		return out, call.Error(err)
	}
	if status := found.Certificate.Status; status != types.CertificateStatusIssued {
		return out, wrong(nextFor(found.Certificate), "certificate %s for %s is not issued: its status is %s%s", name,
			aws.ToString(found.Certificate.DomainName), status, givenFor(hosts))
	}
	out = model.FoundCertificate{ARN: name, Domain: aws.ToString(found.Certificate.DomainName)}
	names := append([]string{out.Domain}, found.Certificate.SubjectAlternativeNames...)
	var uncovered []string
	for _, host := range hosts {
		if exact, wild := covers(names, host); !exact && !wild {
			uncovered = append(uncovered, host)
		}
	}
	out.Uncovered, out.Partial = strings.Join(uncovered, ", "), len(uncovered) > 0
	return out, nil
}

// givenFor names the hosts whose components have the certificate in their manifests.
func givenFor(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	return " (given for " + strings.Join(hosts, ", ") + ")"
}

// nextFor is what to do about a certificate that is not issued.
func nextFor(certificate *types.CertificateDetail) string {
	if certificate.Status != types.CertificateStatusPendingValidation {
		return "request a new one, or import one that is valid"
	}
	var records, mails []string
	for _, v := range certificate.DomainValidationOptions {
		if v.ValidationStatus == types.DomainStatusSuccess {
			continue
		}
		if r := v.ResourceRecord; r != nil { // a name and its wildcard have the same record
			records = append(records, fmt.Sprintf("%s %s %s", aws.ToString(r.Name), r.Type, aws.ToString(r.Value)))
		} else if v.ValidationMethod == types.ValidationMethodEmail {
			mails = append(mails, aws.ToString(v.DomainName))
		}
	}
	var steps []string
	if records = unique(records); len(records) > 0 {
		steps = append(steps, "create the DNS record "+strings.Join(records, ", and "))
	}
	if mails = unique(mails); len(mails) > 0 {
		steps = append(steps, "answer the mail that ACM sent to the owners of "+strings.Join(mails, ", "))
	}
	if len(steps) == 0 { // ACM shows the records some seconds after the request
		steps = []string{"create the DNS record that `aws acm describe-certificate --certificate-arn " +
			aws.ToString(certificate.CertificateArn) + "` shows"}
	}
	return strings.Join(steps, ", and ") + "; ACM then issues it within minutes"
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// candidate is a certificate that covers a domain.
type candidate struct {
	types.CertificateSummary
	exact bool
}

// byDomain prefers an exact name to a wildcard, and then the newest certificate. A certificate that this stack has
// requested is no answer, and hides all others.
func (c certificate) byDomain(
	ctx context.Context, domain string, want model.CertificateLookup,
) (model.FoundCertificate, error) {
	missing := model.FoundCertificate{Missing: true}
	all, err := c.covering(ctx, domain)
	if err != nil {
		return missing, err
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		if a.exact != b.exact {
			return map[bool]int{true: -1, false: 1}[a.exact]
		}
		return since(b.CertificateSummary).Compare(since(a.CertificateSummary))
	})
	out := missing
	for _, found := range all {
		tags, err := tagsOf(ctx, c.api, aws.ToString(found.CertificateArn))
		if errors.Is(err, resource.ErrNotFound) {
			continue // deleted after the list was made
		}
		if err != nil {
			return missing, err
		}
		stack := tags[resource.TagStack]
		switch {
		case stack != "" && stack == want.Stack && tags[resource.TagEnvironment] == want.Environment &&
			strings.EqualFold(aws.ToString(found.DomainName), domain):
			return missing, nil
		case stack == "" && out.Missing && found.Status != types.CertificateStatusPendingValidation:
			out = model.FoundCertificate{
				ARN: aws.ToString(found.CertificateArn), Domain: aws.ToString(found.DomainName),
			}
		}
	}
	return out, nil
}

// covering returns the certificates that are issued or wait for their validation, and cover a domain.
func (c certificate) covering(ctx context.Context, domain string) ([]candidate, error) {
	var all []candidate
	for s, err := range live(ctx, c.api) {
		if err != nil {
			return nil, call.Error(err)
		}
		names, err := namesOf(ctx, c.api, s, func(names []string) bool {
			exact, _ := covers(names, domain)
			return exact
		})
		if err != nil {
			return nil, call.Error(err)
		}
		if exact, wild := covers(names, domain); exact || wild {
			all = append(all, candidate{s, exact})
		}
	}
	return all, nil
}

// live lists the certificates of a region that are issued or wait for their validation.
func live(ctx context.Context, api *acm.Client) iter.Seq2[types.CertificateSummary, error] {
	in := &acm.ListCertificatesInput{
		CertificateStatuses: []types.CertificateStatus{
			types.CertificateStatusIssued, types.CertificateStatusPendingValidation,
		},
		// Without this, ACM returns only RSA 1024 and 2048.
		Includes: &types.Filters{KeyTypes: types.KeyAlgorithm("").Values()},
	}
	return call.Each(ctx, api.ListCertificates, in, &in.NextToken,
		func(page *acm.ListCertificatesOutput) ([]types.CertificateSummary, *string) {
			return page.CertificateSummaryList, page.NextToken
		})
}

// namesOf returns the names of a certificate, at least as many as are enough. None: it was deleted after the list was
// made. A summary holds at most a hundred names, and some emulators return none.
func namesOf(
	ctx context.Context, api *acm.Client, s types.CertificateSummary, enough func(names []string) bool,
) ([]string, error) {
	names := append([]string{aws.ToString(s.DomainName)}, s.SubjectAlternativeNameSummaries...)
	partial := aws.ToBool(s.HasAdditionalSubjectAlternativeNames) || len(s.SubjectAlternativeNameSummaries) == 0
	if !partial || enough(names) {
		return names, nil
	}
	full, err := api.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: s.CertificateArn})
	if call.HasCode(err, "ResourceNotFoundException") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append(names, full.Certificate.SubjectAlternativeNames...), nil
}

// covers reports whether one of the names is the domain (exact), or a wildcard for its first label (wild).
func covers(names []string, domain string) (exact, wild bool) {
	_, parent, dotted := strings.Cut(domain, ".")
	for _, name := range names {
		name = strings.ToLower(name)
		exact = exact || name == domain
		wild = wild || dotted && name == "*."+parent
	}
	return exact, wild
}

// since is when a certificate was created or imported; ACM sets only one of the first two.
func since(s types.CertificateSummary) time.Time {
	for _, at := range []*time.Time{s.IssuedAt, s.ImportedAt, s.CreatedAt} {
		if at != nil {
			return *at
		}
	}
	return time.Time{}
}
