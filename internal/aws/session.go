// Package aws sets up how deployer talks to AWS: region, credentials, retries, identity, and the guard that stops a run
// that may have lost its lock.
//
// In: settings and the environment. Out: SDK configurations for the clients of the packages below, of the state and of
// the lock, and AWS's errors as diagnostics. It must not know any resource type; those are in the sub-packages.
package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"

	"github.com/company/deployer/internal/diag"
)

// Settings are deployer's own. Empty ones come from the SDK's environment variables and files.
type Settings struct {
	Profile    string // of ~/.aws; credentials or a profile in the environment come first
	Region     string
	AssumeRole AssumeRole
	// Patience is how long a call is repeated while AWS throttles it, returns a fault of its own, or can no longer be
	// reached; 0: 5 minutes.
	Patience time.Duration
	// MaxAttempts limits the repetitions of every kind; 0: AWS_MAX_ATTEMPTS, else no limit.
	MaxAttempts int
	Now         func() time.Time
	Log         *slog.Logger   // each call at debug level; nil: none
	HTTP        sdk.HTTPClient // nil: the SDK's own
}

// AssumeRole is a role to assume with the credentials of the chain; none if RoleARN is empty.
type AssumeRole struct{ RoleARN, SessionName, ExternalID string }

// Session is one set of credentials in one region.
type Session struct {
	cfg       sdk.Config
	pathStyle bool

	now func() time.Time

	mu       sync.Mutex
	identity *Identity
	skew     time.Duration
	timed    bool // skew is known
}

// NoRegion is the summary of the error that nothing names a region.
const NoRegion = "No AWS region"

// NewSession reads the SDK's configuration; it makes no network call. env is os.Getenv. A missing region or profile is
// a diag.Invalid; missing credentials fail the first call.
func NewSession(ctx context.Context, s Settings, env func(string) string) (*Session, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(patientClient()),
		config.WithEC2RoleCredentialOptions(func(o *ec2rolecreds.Options) { o.Client = instanceMetadata() }),
	}
	if s.Region != "" {
		options = append(options, config.WithRegion(s.Region))
	}
	if s.HTTP != nil {
		options = append(options, config.WithHTTPClient(s.HTTP))
	}
	if useProfile(s.Profile, env) {
		options = append(options, config.WithSharedConfigProfile(s.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, configProblem(err)
	}
	if cfg.BaseEndpoint != nil {
		if u, err := url.Parse(*cfg.BaseEndpoint); err != nil || u.Host == "" ||
			u.Scheme != "http" && u.Scheme != "https" {
			return nil, diag.New(diag.Invalid, "Invalid AWS endpoint",
				fmt.Sprintf("AWS_ENDPOINT_URL or endpoint_url is %q, which is not a URL.", *cfg.BaseEndpoint),
				"For instance http://127.0.0.1:4566; leave it out for AWS itself.")
		}
	}
	if cfg.Region == "" {
		return nil, diag.New(diag.Invalid, NoRegion,
			"Neither the configuration nor the environment names an AWS region.",
			"Set spec.provider.region in stack.yaml, aws.region in the configuration, or AWS_REGION.")
	}
	attempts := s.MaxAttempts
	if attempts <= 0 {
		attempts, _ = strconv.Atoi(env("AWS_MAX_ATTEMPTS"))
	}
	persistence := &persistence{attempts: attempts, patience: cmp.Or(s.Patience, defaultPatience), now: s.Now}
	cfg.APIOptions = append(cfg.APIOptions, persistence.observe)
	chain := newCredentials(cfg.Credentials)
	if s.AssumeRole.RoleARN != "" {
		base := cfg.Copy()
		base.Credentials, base.Retryer = chain, persistence.retryer(chain)
		chain = newCredentials(assume(base, s.AssumeRole))
	}
	cfg.Credentials, cfg.Retryer = chain, persistence.retryer(chain)
	cfg.APIOptions = append(cfg.APIOptions, ReportEffects)
	cfg.Logger = sdkLog(s.Log)
	if s.Log != nil && s.Now != nil && s.Log.Enabled(ctx, slog.LevelDebug) {
		cfg.APIOptions = append(cfg.APIOptions, logCalls(s.Log, s.Now))
	}
	return &Session{cfg: cfg, now: s.Now, pathStyle: cfg.BaseEndpoint != nil || env("AWS_ENDPOINT_URL_S3") != ""}, nil
}

// silence is how long an endpoint may take to answer a request. The slowest answers of the control planes take a few
// seconds.
const silence = 30 * time.Second

// patientClient is the SDK's HTTP client with that limit: by default it waits for ever.
func patientClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = silence
	})
}

// Config is for clients of the state and the lock, and for reading. An empty region means the session's.
func (s *Session) Config(region string) sdk.Config {
	cfg := s.cfg.Copy()
	if region != "" {
		cfg.Region = region
	}
	return cfg
}

// Guarded is for clients of everything that a deployment changes: each attempt of a mutating call calls guard after
// signing. If guard returns an error, the call fails with it and is not sent.
func (s *Session) Guarded(guard func() error) sdk.Config {
	cfg := s.cfg.Copy()
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], Guard(guard))
	return cfg
}

// Region is the session's region.
func (s *Session) Region() string { return s.cfg.Region }

// PathStyle reports whether S3 clients must use path-style addresses: the endpoint is not AWS's own.
func (s *Session) PathStyle() bool { return s.pathStyle }

// useProfile decides whether the profile of a configuration file counts. In the SDK a profile given in code overrides
// the environment. Here the environment overrides it, so that a file never hides a CI job's credentials.
func useProfile(profile string, env func(string) string) bool {
	if profile == "" || profile == "default" { // the SDK uses it anyhow, and it need not exist
		return false
	}
	for _, name := range []string{
		"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		if env(name) != "" {
			return false
		}
	}
	return true
}

func configProblem(err error) error {
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		d := diag.New(diag.Invalid, "Unknown AWS profile",
			fmt.Sprintf("There is no profile %q in the AWS configuration files.", missing.Profile),
			"Check aws.profile and AWS_PROFILE, or create the profile with `aws configure --profile "+missing.Profile+
				"`.")
		d.Cause = err
		return d
	}
	d := diag.New(diag.Invalid, "Invalid AWS configuration", sentence(Words(err)),
		"Check ~/.aws/config, ~/.aws/credentials and the AWS_ variables of the environment.")
	d.Cause = err
	return d
}
