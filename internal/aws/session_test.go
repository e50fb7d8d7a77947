package aws_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/testkit/fakeaws"
)

// isolate hides the machine's own AWS settings; files hold the content of config and credentials.
func isolate(t *testing.T, config string, env map[string]string) func(string) string {
	t.Helper()
	for _, name := range os.Environ() {
		if name, _, _ := strings.Cut(name, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			require.NoError(t, os.Unsetenv(name))
		}
	}
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, value := range env {
		t.Setenv(name, value)
	}
	return os.Getenv
}

const team = `[profile team]
region = eu-west-1
aws_access_key_id = FROMPROFILE
aws_secret_access_key = x
`

func TestTheEnvironmentBeatsAProfileOfAFile(t *testing.T) {
	for name, test := range map[string]struct {
		env     map[string]string
		profile string
		want    string
	}{
		"profile alone": {nil, "team", "FROMPROFILE"},
		"keys in the environment": {
			map[string]string{"AWS_ACCESS_KEY_ID": "FROMENV", "AWS_SECRET_ACCESS_KEY": "x"},
			"team", "FROMENV",
		},
		"profile in the other": {map[string]string{"AWS_PROFILE": "team"}, "missing", "FROMPROFILE"},
		"default need not exist": {
			map[string]string{"AWS_ACCESS_KEY_ID": "FROMENV", "AWS_SECRET_ACCESS_KEY": "x"},
			"default", "FROMENV",
		},
		"default without any files": {nil, "default", ""},
	} {
		t.Run(name, func(t *testing.T) {
			env := isolate(t, team, test.env)
			s, err := aws.NewSession(t.Context(),
				aws.Settings{Profile: test.profile, Region: "us-east-1", Now: time.Now}, env)
			require.NoError(t, err)
			got, err := s.Config("").Credentials.Retrieve(t.Context())
			if test.want == "" {
				var missing *aws.CredentialsError
				require.ErrorAs(t, err, &missing)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got.AccessKeyID)
		})
	}
}

func TestRegions(t *testing.T) {
	env := isolate(t, team, nil)
	_, err := aws.NewSession(t.Context(), aws.Settings{Now: time.Now}, env)
	requireInvalid(t, err, "No AWS region")
	s, err := aws.NewSession(t.Context(), aws.Settings{Profile: "team", Now: time.Now}, env)
	require.NoError(t, err)
	require.Equal(t, "eu-west-1", s.Region())
	require.Equal(t, "us-west-2", s.Config("us-west-2").Region)
	require.Equal(t, "eu-west-1", s.Config("").Region)
	require.False(t, s.PathStyle())
	_, err = aws.NewSession(t.Context(), aws.Settings{Profile: "missing", Region: "x", Now: time.Now}, env)
	requireInvalid(t, err, "Unknown AWS profile")
}

func requireInvalid(t *testing.T, err error, summary string) {
	t.Helper()
	var d *diag.Diagnostic
	require.ErrorAs(t, err, &d)
	require.Equal(t, diag.Invalid, d.Code)
	require.Equal(t, summary, d.Summary)
	require.NotEmpty(t, d.Next)
}

func TestMissingCredentialsAreSaidAtTheFirstCall(t *testing.T) {
	env := isolate(t, "", nil)
	s, err := aws.NewSession(t.Context(), aws.Settings{Region: "us-east-1", Now: time.Now}, env)
	require.NoError(t, err)
	began := time.Now()
	_, err = s.Identity(t.Context())
	requireInvalid(t, err, "No AWS credentials")
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestIdentityIsAskedOnce(t *testing.T) {
	asked := 0
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write(
			[]byte(`<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ann</Arn>` +
				`<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`))
	})
	env := isolate(t, "", map[string]string{
		"AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "a",
		"AWS_SECRET_ACCESS_KEY": "b",
	})
	s, err := aws.NewSession(t.Context(), aws.Settings{Region: "us-east-1", Now: time.Now}, env)
	require.NoError(t, err)
	require.True(t, s.PathStyle())
	for range 2 {
		id, err := s.Identity(t.Context())
		require.NoError(t, err)
		require.Equal(t, aws.Identity{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/ann"}, id)
	}
	require.Equal(t, 1, asked)
}

func TestExpiredCredentialsAreRenewedOnce(t *testing.T) {
	calls := 0
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("X-Amzn-Requestid", "r-1")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<ErrorResponse><Error><Code>ExpiredToken</Code>` +
			`<Message>The security token included in the request is expired</Message></Error></ErrorResponse>`))
	})
	env := isolate(t, "", map[string]string{
		"AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "a",
		"AWS_SECRET_ACCESS_KEY": "b",
	})
	s, err := aws.NewSession(t.Context(), aws.Settings{Region: "us-east-1", Now: time.Now}, env)
	require.NoError(t, err)
	_, err = s.Identity(t.Context())
	requireInvalid(t, err, "AWS credentials have expired")
	require.Equal(t, 2, calls)
	require.Equal(t, "r-1", aws.RequestID(err))
}

func TestThrottlingOfSomeLeavesRetriesToOthers(t *testing.T) {
	env := isolate(t, "", map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
	s, err := aws.NewSession(t.Context(), aws.Settings{Region: "us-east-1", Now: time.Now}, env)
	require.NoError(t, err)
	retryer := s.Config("").Retryer()
	throttled := &smithy.GenericAPIError{Code: "ThrottlingException"}
	require.True(t, retryer.IsErrorRetryable(throttled))
	for range 1000 {
		_, err := retryer.GetRetryToken(t.Context(), throttled)
		require.NoError(t, err)
	}
}

func TestAssumedRole(t *testing.T) {
	var assumed, signedBy string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.Form.Get("Action") == "AssumeRole" {
			assumed = r.Form.Get("RoleArn") + " " + r.Form.Get("RoleSessionName") + " " + r.Form.Get("ExternalId")
			_, _ = w.Write(
				[]byte(
					`<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey>` +
						`<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
				))
			return
		}
		signedBy = r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>`))
	})
	env := isolate(t, "", map[string]string{
		"AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "a",
		"AWS_SECRET_ACCESS_KEY": "b",
	})
	s, err := aws.NewSession(t.Context(), aws.Settings{
		Region: "us-east-1", Now: time.Now, AssumeRole: aws.AssumeRole{
			RoleARN: "arn:aws:iam::1:role/deploy", ExternalID: "x",
		},
	}, env)
	require.NoError(t, err)
	_, err = s.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, "arn:aws:iam::1:role/deploy deployer x", assumed)
	require.Contains(t, signedBy, "Credential=ASSUMED/")
}

// TestGuardIsAskedAtEveryAttempt: the lock is lost between two attempts of one call.
func TestGuardIsAskedAtEveryAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := fakeaws.New(time.Now)
		cloud.CreateBucket("b")
		lost := errors.New("lock was lost")
		attempts, allowed := 0, 1
		cfg := cloud.Config("p", func(fakeaws.Call, func() *http.Response) (*http.Response, error) {
			attempts++
			return nil, fakeaws.ErrReset
		})
		cfg.APIOptions = append(cfg.APIOptions, aws.Guard(func() error {
			if allowed--; allowed < 0 {
				return lost
			}
			return nil
		}))
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		_, err := client.PutObject(t.Context(),
			&s3.PutObjectInput{Bucket: sdk.String("b"), Key: sdk.String("k"), Body: strings.NewReader("x")})
		require.ErrorIs(t, err, lost)
		require.Equal(t, 1, attempts, "nothing was sent after the loss")
		require.Empty(t, cloud.Calls())
	})
}

// TestGuardIsAskedAfterSigning: getting credentials may take long, and the lock may be lost meanwhile.
func TestGuardIsAskedAfterSigning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := fakeaws.New(time.Now)
		cloud.CreateBucket("b")
		began := time.Now()
		cfg := cloud.Config("p", nil)
		keys := cfg.Credentials
		cfg.Credentials = sdk.CredentialsProviderFunc(func(ctx context.Context) (sdk.Credentials, error) {
			time.Sleep(2 * time.Minute)
			return keys.Retrieve(ctx)
		})
		cfg.APIOptions = append(cfg.APIOptions, aws.Guard(func() error {
			if time.Since(began) > 90*time.Second {
				return errors.New("lock was lost")
			}
			return nil
		}))
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		_, err := client.PutObject(t.Context(),
			&s3.PutObjectInput{Bucket: sdk.String("b"), Key: sdk.String("k"), Body: strings.NewReader("x")})
		require.ErrorContains(t, err, "lock was lost")
		_, err = client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: sdk.String("b")})
		require.NoError(t, err, "reads are not guarded")
		require.Len(t, cloud.Calls(), 1)
	})
}

func TestMutating(t *testing.T) {
	for operation, want := range map[string]bool{
		"CreateQueue": true, "PutObject": true, "RegisterTaskDefinition": true, "AuthorizeSecurityGroupIngress": true,
		"StopServiceDeployment": true,
		"TagResource":           true, "ReceiveMessage": true, "RunTask": true, "SomethingNew": true,
		"DescribeServices": false, "ListTagsForResource": false, "GetQueueAttributes": false, "HeadBucket": false,
		"FilterLogEvents": false,
	} {
		require.Equal(t, want, aws.Mutating(operation), operation)
	}
}

// The clock is compared with the answer to the first call, also if AWS refuses that.
func TestSkew(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusForbidden} {
		for _, ahead := range []time.Duration{-3 * time.Minute, 0, 2 * time.Hour} {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
				w.WriteHeader(status)
				if status == http.StatusOK {
					_, _ = io.WriteString(w, "<GetCallerIdentityResponse><GetCallerIdentityResult>"+
						"<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
				} else {
					_, _ = io.WriteString(w, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
				}
			})
			env := isolate(t, "", map[string]string{
				"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": url,
			})
			s, err := aws.NewSession(t.Context(), aws.Settings{Region: "eu-west-1", Now: time.Now}, env)
			require.NoError(t, err)
			_, known := s.Skew()
			require.False(t, known)
			_, err = s.Identity(t.Context())
			require.Equal(t, status == http.StatusOK, err == nil)
			got, known := s.Skew()
			require.True(t, known)
			require.InDelta(t, ahead.Seconds(), got.Seconds(), 2)
		}
	}
}
