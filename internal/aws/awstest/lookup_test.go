package awstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	awsacm "github.com/company/deployer/internal/aws/acm"
	awssecrets "github.com/company/deployer/internal/aws/secretsmanager"
	awsssm "github.com/company/deployer/internal/aws/ssm"
	"github.com/company/deployer/internal/resource"
	acmmodel "github.com/company/deployer/internal/resource/acm"
	secretmodel "github.com/company/deployer/internal/resource/secretsmanager"
	ssmmodel "github.com/company/deployer/internal/resource/ssm"
	"github.com/company/deployer/internal/value"
)

// lookUp calls the one lookup of a service, and requires that the lookup makes only calls that it declares.
func lookUp(t *testing.T, h *harness, lookups []resource.Lookup, props any) (value.Value, error) {
	t.Helper()
	require.Len(t, lookups, 1)
	out, err := lookups[0].Read(t.Context(), value.Encode(props))
	require.Subset(t, lookups[0].Actions(), h.Actions())
	return out, err
}

func wantNext(t *testing.T, err error, next string) {
	t.Helper()
	var op *resource.OpError
	require.ErrorAs(t, err, &op)
	require.Contains(t, op.Next, next)
}

// importCertificate makes an issued certificate; moto needs a minute to issue a requested one.
func importCertificate(t *testing.T, client *acm.Client, domain string, more ...string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour),
		DNSNames: append([]string{domain}, more...),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	out, err := client.ImportCertificate(t.Context(), &acm.ImportCertificateInput{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		PrivateKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	})
	require.NoError(t, err)
	return *out.CertificateArn
}

func TestCertificateLookup(t *testing.T) {
	h := startIn(t, "eu-west-1")
	client := acm.NewFromConfig(h.Plain)
	find := func(c acmmodel.CertificateLookup) (string, error) {
		out, err := lookUp(t, h, awsacm.Lookups(h.Config), c)
		return out.Get("arn").Str(), err
	}
	wild := importCertificate(t, client, "*.shop.example.com")
	exact := importCertificate(t, client, "www.shop.example.com")
	pending, err := client.RequestCertificate(t.Context(),
		&acm.RequestCertificateInput{DomainName: aws.String("pending.example.com")})
	require.NoError(t, err)

	got, err := find(acmmodel.CertificateLookup{Domain: "Admin.shop.example.com"})
	require.NoError(t, err)
	require.Equal(t, wild, got)
	got, err = find(acmmodel.CertificateLookup{Domain: "www.shop.example.com"})
	require.NoError(t, err)
	require.Equal(t, exact, got, "an exact name beats a wildcard")
	got, err = find(acmmodel.CertificateLookup{ARN: exact})
	require.NoError(t, err)
	require.Equal(t, exact, got)

	var names []string // more than a summary shows
	for i := range 120 {
		names = append(names, fmt.Sprintf("n%d.many.example.com", i))
	}
	several := importCertificate(t, client, "first.example.com", "second.example.com", "*.third.example.com")
	many := importCertificate(t, client, "many.example.com", names...)
	for host, want := range map[string]string{
		"second.example.com": several, "www.third.example.com": several, "n1.many.example.com": many,
		"n119.many.example.com": many,
	} {
		got, err = find(acmmodel.CertificateLookup{Domain: host})
		require.NoError(t, err, host)
		require.Equal(t, want, got, "%s is among the alternative names only", host)
	}

	for _, host := range []string{"a.b.shop.example.com", "pending.example.com"} {
		got, err = find(acmmodel.CertificateLookup{Domain: host})
		require.NoError(t, err)
		require.Empty(t, got, host)
	}
	_, err = find(acmmodel.CertificateLookup{ARN: *pending.CertificateArn})
	wantNext(t, err, "create the DNS record")
	_, err = find(acmmodel.CertificateLookup{ARN: "arn:aws:acm:us-east-1:123456789012:certificate/x"})
	wantNext(t, err, "in eu-west-1 too")
	_, err = find(acmmodel.CertificateLookup{
		ARN: "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555",
	})
	wantNext(t, err, "list-certificates")
	_, err = find(acmmodel.CertificateLookup{})
	require.ErrorContains(t, err, "exactly one of arn and domain")
}

func TestSecretLookup(t *testing.T) {
	h := start(t)
	client := secretsmanager.NewFromConfig(h.Plain)
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("lookup/database"), SecretString: aws.String("CANARY"), KmsKeyId: aws.String("alias/shop"),
	})
	require.NoError(t, err)
	find := func(id string) (value.Value, error) {
		return lookUp(t, h, awssecrets.Lookups(h.Config), secretmodel.Secret{ID: id})
	}
	for _, id := range []string{"lookup/database", *made.ARN} {
		out, err := find(id)
		require.NoError(t, err)
		require.Equal(t, *made.ARN, out.Get("arn").Str())
		require.Equal(t, "lookup/database", out.Get("name").Str())
		require.Equal(t, "alias/shop", out.Get("kmsKeyId").Str())
		require.NotContains(t, out.String(), "CANARY")
	}
	_, err = find("lookup/nope")
	wantNext(t, err, "create-secret")
	_, err = client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("suite/empty")})
	require.NoError(t, err)
	_, err = find("suite/empty")
	wantNext(t, err, "put-secret-value")
	_, err = client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: made.ARN})
	require.NoError(t, err)
	_, err = find("lookup/database")
	wantNext(t, err, "restore-secret")
}

func TestParameterLookup(t *testing.T) {
	h := start(t)
	client := ssm.NewFromConfig(h.Plain)
	_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/lookup/key"), Value: aws.String("CANARY"), Type: ssmtypes.ParameterTypeSecureString,
	})
	require.NoError(t, err)
	find := func(name string) (value.Value, error) {
		return lookUp(t, h, awsssm.Lookups(h.Config), ssmmodel.Parameter{Name: name})
	}
	arn := "arn:aws:ssm:us-east-1:123456789012:parameter/lookup/key"
	for _, name := range []string{"/lookup/key", arn} {
		out, err := find(name)
		require.NoError(t, err)
		require.Equal(t, "/lookup/key", out.Get("name").Str())
		require.Equal(t, "SecureString", out.Get("parameterType").Str())
		require.NotContains(t, out.String(), "CANARY")
	}
	out, err := find(arn)
	require.NoError(t, err)
	require.Equal(t, arn, out.Get("arn").Str())
	_, err = find("/lookup/nope")
	wantNext(t, err, "put-parameter")

	// For a name without a path, the ARN is the same with and without a leading slash.
	for _, name := range []string{"/bare", "plain"} {
		_, err := client.PutParameter(t.Context(),
			&ssm.PutParameterInput{Name: &name, Value: aws.String("CANARY"), Type: ssmtypes.ParameterTypeString})
		require.NoError(t, err)
		out, err := find("arn:aws:ssm:us-east-1:123456789012:parameter/" + strings.TrimPrefix(name, "/"))
		require.NoError(t, err)
		require.Equal(t, name, out.Get("name").Str())
	}
	_, err = find("arn:aws:ssm:us-east-1:123456789012:parameter/nope")
	wantNext(t, err, "put-parameter")
}
