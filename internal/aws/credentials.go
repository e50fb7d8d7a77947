package aws

import (
	"context"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// CredentialsError says that there are no usable credentials. Err is the error of the SDK's chain.
type CredentialsError struct{ Err error }

func (e *CredentialsError) Error() string { return "no AWS credentials: " + e.Err.Error() }
func (e *CredentialsError) Unwrap() error { return e.Err }

// credentials wraps a provider of the SDK, to tell its errors from others and to renew expired credentials.
type credentials struct {
	inner sdk.CredentialsProvider
	cache *sdk.CredentialsCache

	mu      sync.Mutex
	renewed time.Time
}

func newCredentials(inner sdk.CredentialsProvider) *credentials {
	return &credentials{inner: inner, cache: sdk.NewCredentialsCache(inner)}
}

// Retrieve implements the SDK's CredentialsProvider.
func (c *credentials) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	got, err := c.cache.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		return got, &CredentialsError{err}
	}
	return got, err
}

// renewalPause limits how often credentials that stay expired are renewed.
const renewalPause = time.Minute

// renew drops cached credentials that AWS called expired; false if that happened a moment ago and did not help.
func (c *credentials) renew(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.renewed) < renewalPause {
		return false
	}
	c.renewed = now
	if cached, ok := c.inner.(*sdk.CredentialsCache); ok {
		cached.Invalidate()
	}
	c.cache.Invalidate()
	return true
}

// assumer makes the one call that the SDK's provider needs. It is not the client itself, because a client in an
// interface makes the linker keep all its methods.
type assumer struct {
	call func(context.Context, *sts.AssumeRoleInput, ...func(*sts.Options)) (*sts.AssumeRoleOutput, error)
}

// AssumeRole implements stscreds.AssumeRoleAPIClient.
func (a assumer) AssumeRole(
	ctx context.Context, in *sts.AssumeRoleInput, options ...func(*sts.Options),
) (*sts.AssumeRoleOutput, error) {
	return a.call(ctx, in, options...)
}

func assume(cfg sdk.Config, role AssumeRole) sdk.CredentialsProvider {
	return stscreds.NewAssumeRoleProvider(assumer{sts.NewFromConfig(cfg).AssumeRole}, role.RoleARN,
		func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "deployer"
			if role.SessionName != "" {
				o.RoleSessionName = role.SessionName
			}
			if role.ExternalID != "" {
				o.ExternalID = sdk.String(role.ExternalID)
			}
		})
}

// metadataTimeout limits the check for an EC2 instance: a laptop gets no answer, an instance gets one in milliseconds.
const metadataTimeout = time.Second

func instanceMetadata() *imds.Client {
	return imds.New(imds.Options{
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(metadataTimeout),
		Retryer:    retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 2 }),
	})
}
