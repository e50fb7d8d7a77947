package aws

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
)

// failure calls S3 in that environment and returns the diagnostic.
func failure(ctx context.Context, t *testing.T, env map[string]string) *diag.Diagnostic {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{
		"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_MAX_ATTEMPTS", "AWS_ENDPOINT_URL",
	} {
		t.Setenv(name, "")
	}
	for name, text := range env {
		t.Setenv(name, text)
	}
	session, err := NewSession(ctx, Settings{Region: "us-east-1", MaxAttempts: 8, Now: time.Now},
		func(name string) string { return env[name] })
	if err == nil {
		bucket := "a"
		_, err = s3.NewFromConfig(session.Config(""), func(o *s3.Options) { o.UsePathStyle = true }).HeadBucket(ctx,
			&s3.HeadBucketInput{Bucket: &bucket})
		err = Problem("s3:HeadBucket", err)
	}
	var d *diag.Diagnostic
	require.True(t, errors.As(err, &d), "%v", err)
	for _, noise := range []string{
		"operation error", "https response error", "s3:HeadBucket", "dial tcp", "strconv",
		"StatusCode",
	} {
		require.NotContains(t, d.Detail, noise)
	}
	return d
}

func TestWordsAreForPeople(t *testing.T) {
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
	with := func(more map[string]string) map[string]string {
		for k, v := range keys {
			more[k] = v
		}
		return more
	}
	require.Contains(t, failure(t.Context(), t, nil).Detail, "There are no credentials in the environment")
	d := failure(t.Context(), t, with(map[string]string{"AWS_ENDPOINT_URL": "nonsense"}))
	require.Equal(t, diag.Invalid, d.Code)
	d = failure(t.Context(), t, with(map[string]string{"AWS_MAX_ATTEMPTS": "many"}))
	require.Equal(t, "Invalid value AWS_MAX_ATTEMPTS=many, which is not a number.", d.Detail)

	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
		w.WriteHeader(http.StatusMovedPermanently)
	}))
	defer moved.Close()
	d = failure(t.Context(), t, with(map[string]string{"AWS_ENDPOINT_URL": moved.URL}))
	require.Equal(t, "Wrong AWS region", d.Summary)
	require.Contains(t, d.Next, "eu-west-3")
}

func TestTimeThatIsUpDoesNotHideTheCause(t *testing.T) {
	// over during the pauses between eight attempts
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	d := failure(ctx, t, map[string]string{
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:1",
	})
	require.Equal(t, "The connection to 127.0.0.1:1 was refused.", d.Detail)
	require.Equal(t, "AWS cannot be reached", d.Summary)
}
