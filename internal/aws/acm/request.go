// Package acm is the behaviour of certificates in AWS Certificate Manager that deployer requests, and the lookup of
// those that others have made.
//
// In: calls of the resource contract. Out: ACM API calls, and by package aws/route53 the DNS records that validate the
// certificates. It must not import certificates.
package acm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/route53"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/acm"
	"github.com/company/deployer/internal/value"
)

type (
	requestedCall = resource.Call[model.Certificate, model.CertificateOutputs]
	requested     struct {
		api     *acm.Client
		records *route53.Validation
		// elsewhere is ACM in us-east-1, whose certificates CloudFront uses: they have the same DNS records.
		elsewhere *acm.Client
	}
)

// Behaviours returns the resource types of ACM.
func Behaviours(cfg aws.Config) []resource.Behaviour {
	c := requested{api: acm.NewFromConfig(cfg), records: route53.NewValidation(cfg)}
	if cfg.Region != "us-east-1" && resource.PartitionOf(cfg.Region).Name == "aws" {
		c.elsewhere = acm.NewFromConfig(cfg, func(o *acm.Options) { o.Region = "us-east-1" })
	}
	return []resource.Behaviour{&resource.Typed[model.Certificate, model.CertificateOutputs]{
		Def: resource.Definition{
			Type: model.CertificateType, Version: 1, ReplaceOn: []string{"domain"}, Labels: []string{"role", "tags"},
			Permissions: requestPermissions,
		},
		CheckProps: func(p *model.Certificate) []value.Problem {
			p.Domain = strings.ToLower(strings.TrimSuffix(p.Domain, "."))
			return nil
		},
		CreateObject: c.create, ReadObject: c.read, UpdateObject: c.update, AwaitReady: c.await, DeleteObject: c.delete,
		InTheWay: c.inTheWay, Find: c.find, Taggable: true,
	}}
}

func requestPermissions(s resource.Scope) []resource.Statement {
	certificates := []string{s.ARN("acm", "certificate/*")}
	out := []resource.Statement{
		{When: s.Made(), Actions: []string{"acm:RequestCertificate"}},
		{On: certificates, When: s.Made(), Actions: []string{"acm:AddTagsToCertificate"}},
		{On: certificates, When: s.Tagged(), Actions: []string{
			"acm:DeleteCertificate", "acm:RemoveTagsFromCertificate",
		}},
		{On: certificates, Actions: []string{"acm:DescribeCertificate", "acm:ListTagsForCertificate"}},
		{Actions: []string{"acm:ListCertificates"}},
	}
	if s.Props.IsNull() || !s.Props.Get("zoneId").IsNull() {
		out = append(out, route53.ValidationPermissions(s)...)
	}
	return out
}

var failed = call.Errors(call.NotFound("ResourceNotFoundException"))

// tag points to key and value of a tag.
func tag(t *types.Tag) (key, text **string) { return &t.Key, &t.Value }

func tagsOf(ctx context.Context, api *acm.Client, arn string) (map[string]string, error) {
	out, err := api.ListTagsForCertificate(ctx, &acm.ListTagsForCertificateInput{CertificateArn: &arn})
	if err != nil {
		return nil, failed(err)
	}
	return tagging.Map(out.Tags, tag), nil
}

func (r requested) create(ctx context.Context, c requestedCall) (string, model.CertificateOutputs, error) {
	in := &acm.RequestCertificateInput{
		DomainName: &c.Props.Domain, ValidationMethod: types.ValidationMethodDns,
		Tags: tagging.List(tagging.Wanted(c.Tags, c.Props.Tags), tag),
	}
	in.IdempotencyToken = call.Token(c.Token, 32)
	made, err := r.api.RequestCertificate(ctx, in)
	if err != nil {
		return "", model.CertificateOutputs{}, failed(err)
	}
	arn := aws.ToString(made.CertificateArn)
	return arn, model.CertificateOutputs{ARN: arn}, nil
}

// find looks for a certificate that a run has requested for this resource.
func (r requested) find(ctx context.Context, c requestedCall) (string, map[string]string, error) {
	for s, err := range live(ctx, r.api) {
		if err != nil {
			return "", nil, failed(err)
		}
		if !strings.EqualFold(aws.ToString(s.DomainName), c.Props.Domain) {
			continue
		}
		arn := aws.ToString(s.CertificateArn)
		tags, err := tagsOf(ctx, r.api, arn)
		if errors.Is(err, resource.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if c.Marks(arn, tags) {
			return arn, tags, nil
		}
	}
	return "", nil, fmt.Errorf("nothing is marked as %s: %w", c.Resource, resource.ErrNotFound)
}

func (r requested) describe(ctx context.Context, arn string) (*types.CertificateDetail, error) {
	out, err := r.api.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	if err != nil {
		return nil, failed(err)
	}
	return out.Certificate, nil
}

func outputs(found *types.CertificateDetail) model.CertificateOutputs {
	out := model.CertificateOutputs{ARN: aws.ToString(found.CertificateArn)}
	for _, v := range found.DomainValidationOptions {
		if v.ResourceRecord != nil {
			out.RecordName = strings.TrimSuffix(aws.ToString(v.ResourceRecord.Name), ".")
			out.RecordValue = strings.TrimSuffix(aws.ToString(v.ResourceRecord.Value), ".")
		}
	}
	return out
}

// read reports the zone as missing when the record is: the certificate would not be renewed.
func (r requested) read(ctx context.Context, c requestedCall) (model.Certificate, model.CertificateOutputs, error) {
	found, err := r.describe(ctx, c.ID)
	if err != nil {
		return model.Certificate{}, model.CertificateOutputs{}, err
	}
	tags, err := tagsOf(ctx, r.api, c.ID)
	if err != nil {
		return model.Certificate{}, model.CertificateOutputs{}, err
	}
	at, out := c.Old, outputs(found)
	if at.Domain == "" {
		at = c.Props
	}
	is := model.Certificate{
		Domain: aws.ToString(found.DomainName), ZoneID: at.ZoneID, Role: at.Role, Tags: tagging.Seen(c.Request, tags),
	}
	if at.ZoneID.IsSet() && out.RecordName != "" {
		there, err := r.records.Has(ctx, at.Role.Get(), at.ZoneID.Get(), out.RecordName, out.RecordValue)
		if err != nil {
			return is, out, err
		}
		if !there {
			is.ZoneID = value.Of[string]{}
		}
	}
	return is, out, nil
}

func (r requested) update(ctx context.Context, c requestedCall) (model.CertificateOutputs, error) {
	return c.Out, tagging.Retag(c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags), func(tags map[string]string) error {
		_, err := r.api.AddTagsToCertificate(ctx,
			&acm.AddTagsToCertificateInput{CertificateArn: &c.ID, Tags: tagging.List(tags, tag)})
		return failed(err)
	}, func(keys []string) error {
		var tags []types.Tag
		for _, key := range keys {
			tags = append(tags, types.Tag{Key: &key})
		}
		_, err := r.api.RemoveTagsFromCertificate(ctx,
			&acm.RemoveTagsFromCertificateInput{CertificateArn: &c.ID, Tags: tags})
		return failed(err)
	})
}

// validation usually takes some minutes, and at most half an hour if the record is there.
var validation = call.Pace{First: 2 * time.Second, Longest: 15 * time.Second, Limit: 30 * time.Minute}

// await makes the record by which ACM validates the certificate, and waits until the certificate is issued.
func (r requested) await(ctx context.Context, c requestedCall) (model.CertificateOutputs, error) {
	out := model.CertificateOutputs{ARN: c.ID}
	recorded := false
	err := call.Wait(ctx, validation, "ACM issues the certificate for "+c.Props.Domain,
		func(ctx context.Context) (bool, error) {
			found, err := r.describe(ctx, c.ID)
			if err != nil {
				return false, err
			}
			out = outputs(found)
			if out.RecordName != "" && !recorded { // ACM shows it some seconds after the request
				if err := r.record(ctx, c, out, found.Status); err != nil {
					return false, err
				}
				recorded = true
			}
			switch found.Status {
			case types.CertificateStatusIssued:
				return recorded, nil
			case types.CertificateStatusPendingValidation:
				return false, nil
			}
			return false, &resource.OpError{
				Operation: "acm:DescribeCertificate",
				Message: strings.TrimSpace(
					fmt.Sprintf("ACM does not issue the certificate %s for %s: its status is %s %s",
						c.ID, c.Props.Domain, found.Status, found.FailureReason),
				),
				Next: "delete it (aws acm delete-certificate --certificate-arn " + c.ID + "); the next apply " +
					"requests another one",
			}
		})
	return out, advised(err, c, out)
}

// advised adds to an error of the wait which record ACM waits for.
func advised(err error, c requestedCall, out model.CertificateOutputs) error {
	var stopped *resource.WaitError
	var answered *resource.OpError
	record := out.RecordName + " CNAME " + out.RecordValue
	switch {
	case err == nil || out.RecordName == "" || errors.As(err, &answered):
		return err
	case errors.As(err, &stopped):
		if !c.Props.ZoneID.IsSet() {
			return &resource.WaitError{What: stopped.What + ", by the record " + record, Err: stopped.Err}
		}
		return err
	}
	return &resource.OpError{
		Operation: "acm:DescribeCertificate", Message: err.Error(),
		Next: "see that the DNS record " + record + " is there and is found from the internet, then apply again",
	}
}

// record makes the DNS record, or says which one to make.
func (r requested) record(
	ctx context.Context, c requestedCall, out model.CertificateOutputs, status types.CertificateStatus,
) error {
	if c.Props.ZoneID.IsSet() {
		if status != types.CertificateStatusIssued {
			c.Progress("waiting until ACM validates " + c.Props.Domain + " by DNS; that takes some minutes")
		}
		return r.records.Ensure(ctx, c.Props.Role.Get(), c.Props.ZoneID.Get(), out.RecordName, out.RecordValue)
	}
	if status != types.CertificateStatusIssued {
		c.Progress("make this DNS record, and leave it: " + out.RecordName + " CNAME " + out.RecordValue)
	}
	return nil
}

// inTheWay finds objects of others that use the certificate: ACM then refuses to delete it.
func (r requested) inTheWay(
	ctx context.Context, c requestedCall, stack resource.Neighbours,
) ([]plan.Obstacle, error) {
	found, err := r.describe(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	foreign := slices.DeleteFunc(slices.Clone(found.InUseBy), stack.Has)
	if len(foreign) == 0 {
		return nil, nil
	}
	return []plan.Obstacle{{
		What: "objects that deployer did not make use the certificate for " + aws.ToString(found.DomainName) + ": " +
			strings.Join(foreign, ", "),
		Next: "give them another certificate",
	}}, nil
}

// unused waits for load balancers that have just been deleted.
var unused = call.Pace{First: time.Second, Longest: 10 * time.Second, Limit: 10 * time.Minute}

// delete first deletes the DNS record, unless another certificate is renewed by it: all certificates of a name in an
// account have the same.
func (r requested) delete(ctx context.Context, c requestedCall) error {
	found, err := r.describe(ctx, c.ID)
	if err != nil {
		return err
	}
	if out := outputs(found); c.Old.ZoneID.IsSet() && out.RecordName != "" {
		shared, err := r.shared(ctx, c)
		if err != nil {
			return err
		}
		if !shared {
			err := r.records.Remove(ctx, c.Old.Role.Get(), c.Old.ZoneID.Get(), out.RecordName, out.RecordValue)
			if err != nil && !errors.Is(err, resource.ErrNotFound) {
				return err
			}
		}
	}
	return call.Wait(ctx, unused, "nothing uses the certificate for "+c.Old.Domain,
		func(ctx context.Context) (bool, error) {
			_, err := r.api.DeleteCertificate(ctx, &acm.DeleteCertificateInput{CertificateArn: &c.ID})
			if call.HasCode(err, "ResourceInUseException") {
				return false, nil
			}
			return err == nil, failed(err)
		})
}

// shared reports whether another certificate needs the same DNS record: one with that name, or its wildcard, among its
// names.
func (r requested) shared(ctx context.Context, c requestedCall) (bool, error) {
	base := strings.ToLower(strings.TrimPrefix(c.Old.Domain, "*."))
	needs := func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			return strings.TrimPrefix(strings.ToLower(name), "*.") == base
		})
	}
	for _, api := range []*acm.Client{r.api, r.elsewhere} {
		if api == nil {
			continue
		}
		for s, err := range live(ctx, api) {
			if err != nil {
				return false, failed(err)
			}
			if aws.ToString(s.CertificateArn) == c.ID || s.Type == types.CertificateTypeImported {
				continue
			}
			names, err := namesOf(ctx, api, s, needs)
			if err != nil {
				return false, failed(err)
			}
			if needs(names) {
				return true, nil
			}
		}
	}
	return false, nil
}
