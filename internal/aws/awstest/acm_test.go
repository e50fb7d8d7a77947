package awstest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/stretchr/testify/require"

	awsacm "github.com/company/deployer/internal/aws/acm"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/acm"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func TestCertificate(t *testing.T) {
	h := start(t)
	zone := makeZone(t, h, "example.com", "")
	props := model.Certificate{
		Domain: "Shop.example.com", ZoneID: value.Lit(zone), Tags: map[string]string{"a": "1"},
	}
	changed, another := props, props
	changed.Tags = map[string]string{"b": "2"}
	another.Domain = "*.shop.example.com"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awsacm.Behaviours(h.Config), model.CertificateType), Props: props, Update: changed,
		Replace: another, Distinct: true, Generated: true, LoseAnswer: h.LoseAnswer, Actions: h.Actions,
	})
	require.Empty(t, records(t, h, zone, "_d930b28be6c5927595552b219965053e.shop.example.com"),
		"the record went with the last certificate")
}

func certificateRequest(t *testing.T, b resource.Behaviour, name string, props model.Certificate) resource.Request {
	t.Helper()
	req := request(model.CertificateType)
	req.Inputs, _ = b.Check(value.Encode(props))
	req.Tags, req.Token, req.Resource = resourcetest.Tags("web/"+name), name, "web/"+name+":certificate"
	return req
}

// TestCertificatesShareARecord: all certificates of a name have the same record, which stays for the last of them.
func TestCertificatesShareARecord(t *testing.T) {
	h := start(t)
	zone := makeZone(t, h, "example.com", "")
	b := behaviour(t, awsacm.Behaviours(h.Config), model.CertificateType)
	const record = "_d930b28be6c5927595552b219965053e.a.example.com"
	one := certificateRequest(t, b, "one", model.Certificate{Domain: "a.example.com", ZoneID: value.Lit(zone)})
	two := certificateRequest(t, b, "two", model.Certificate{Domain: "*.a.example.com", ZoneID: value.Lit(zone)})
	for _, req := range []*resource.Request{&one, &two} {
		state, err := b.Create(t.Context(), *req)
		require.NoError(t, err)
		req.ID, req.Old = state.ID, state
	}
	require.NotEqual(t, one.ID, two.ID)
	require.Equal(t, []string{"CNAME"}, records(t, h, zone, record))
	require.NoError(t, b.Delete(t.Context(), one))
	require.Equal(t, []string{"CNAME"}, records(t, h, zone, record), "the other one is renewed by it")

	changeRecord(t, h, zone, dnstypes.ChangeActionDelete, dnstypes.ResourceRecordSet{
		Name: aws.String(record), Type: dnstypes.RRTypeCname, TTL: aws.Int64(300),
		ResourceRecords: []dnstypes.ResourceRecord{{
			Value: aws.String("_c9edd76ee4a0e2a74388032f3861cc50.ykybfrwcxw.acm-validations.aws."),
		}},
	})
	read, found, err := b.Read(t.Context(), two)
	require.NoError(t, err)
	require.True(t, found)
	require.NotEqual(t, two.Old.Inputs, read.Inputs, "without the record there is no renewal")
	two.Old = read
	two.Old, err = b.Update(t.Context(), two)
	require.NoError(t, err)
	require.Equal(t, []string{"CNAME"}, records(t, h, zone, record))
	others := acm.NewFromConfig(h.Plain)
	theirs, err := others.RequestCertificate(t.Context(), &acm.RequestCertificateInput{
		DomainName: aws.String("example.com"), SubjectAlternativeNames: []string{"A.example.com"},
		ValidationMethod: types.ValidationMethodDns,
	})
	require.NoError(t, err)
	require.NoError(t, b.Delete(t.Context(), two))
	require.Equal(t, []string{"CNAME"}, records(t, h, zone, record), "one of others has the name among its names")

	_, err = others.DeleteCertificate(t.Context(),
		&acm.DeleteCertificateInput{CertificateArn: theirs.CertificateArn})
	require.NoError(t, err)
	last := certificateRequest(t, b, "last", model.Certificate{Domain: "a.example.com", ZoneID: value.Lit(zone)})
	state, err := b.Create(t.Context(), last)
	require.NoError(t, err)
	last.ID, last.Old = state.ID, state
	require.NoError(t, b.Delete(t.Context(), last))
	require.Empty(t, records(t, h, zone, record))
}

// TestCertificateWithoutAZone: somebody makes the record while deployer waits, and a run that dies leaves no second
// one.
func TestCertificateWithoutAZone(t *testing.T) {
	h := start(t)
	zone := makeZone(t, h, "example.com", "") // deployer does not know it
	b := behaviour(t, awsacm.Behaviours(h.Config), model.CertificateType)
	req := certificateRequest(t, b, "byhand", model.Certificate{Domain: "b.example.com"})
	ctx, stop := context.WithCancel(t.Context())
	var lines []string
	req.Progress = func(line string) { lines = append(lines, line); stop() }
	started := resource.State{}
	req.Started = func(s resource.State) error { started = s; return nil }
	call.Scale = 1
	_, err := b.Create(ctx, req)
	call.Scale = 0.001
	require.Error(t, err)
	require.NotEmpty(t, started.ID, "recorded before the wait")
	require.Equal(t, []string{"make this DNS record, and leave it: _d930b28be6c5927595552b219965053e.b.example.com " +
		"CNAME _c9edd76ee4a0e2a74388032f3861cc50.ykybfrwcxw.acm-validations.aws"}, lines)

	req.Adopt, req.Token = true, "another"
	req.Progress = func(string) {
		changeRecord(t, h, zone, dnstypes.ChangeActionUpsert, dnstypes.ResourceRecordSet{
			Name: aws.String("_d930b28be6c5927595552b219965053e.b.example.com"), Type: dnstypes.RRTypeCname,
			TTL: aws.Int64(60), ResourceRecords: []dnstypes.ResourceRecord{{
				Value: aws.String("_c9edd76ee4a0e2a74388032f3861cc50.ykybfrwcxw.acm-validations.aws."),
			}},
		})
	}
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, started.ID, state.ID)
	out, err := acm.NewFromConfig(h.Plain).DescribeCertificate(t.Context(),
		&acm.DescribeCertificateInput{CertificateArn: &state.ID})
	require.NoError(t, err)
	require.Equal(t, types.CertificateStatusIssued, out.Certificate.Status)
}

// TestARequestedCertificateIsKept: the lookup does not find certificates that stacks have requested, and the requesting
// stack keeps its own when another one appears.
func TestARequestedCertificateIsKept(t *testing.T) {
	h := start(t)
	zone := makeZone(t, h, "example.com", "")
	b := behaviour(t, awsacm.Behaviours(h.Plain), model.CertificateType)
	req := certificateRequest(t, b, "kept", model.Certificate{Domain: "c.example.com", ZoneID: value.Lit(zone)})
	_, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	missing := func(stack string) bool {
		out, err := lookUp(t, h, awsacm.Lookups(h.Config),
			model.CertificateLookup{Domain: "c.example.com", Stack: stack, Environment: "test"})
		require.NoError(t, err)
		return out.Get("missing").Bool()
	}
	require.True(t, missing("other"), "it goes with the stack that has requested it")
	importCertificate(t, acm.NewFromConfig(h.Plain), "*.example.com")
	require.True(t, missing("suite"), "the stack keeps its own")
	require.False(t, missing("other"))
}
