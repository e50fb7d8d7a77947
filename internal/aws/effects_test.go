package aws_test

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/testkit/fakeaws"
)

// TestEffects: what a call may have done follows from the results of all its attempts. Only if all were refused is it
// sure that the call changed nothing.
func TestEffects(t *testing.T) {
	status := func(code int, name string) func() (*http.Response, error) {
		return func() (*http.Response, error) {
			return fakeaws.Response(time.Now(), code, nil, []byte("<Error><Code>"+name+"</Code></Error>")), nil
		}
	}
	lost := func() (*http.Response, error) { return nil, fakeaws.ErrReset }
	undialled := func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Err: errors.New("refused")} }
	denied, throttled, oops := status(403, "AccessDenied"), status(400, "ThrottlingException"),
		status(500, "InternalError")
	for name, c := range map[string]struct {
		attempts []func() (*http.Response, error)
		guarded  int // attempts that the guard allows; 0: all
		none     bool
	}{
		"refused":                 {attempts: []func() (*http.Response, error){denied}, none: true},
		"throttled, then refused": {attempts: []func() (*http.Response, error){throttled, denied}, none: true},
		"throttled to the end": {
			attempts: []func() (*http.Response, error){throttled, throttled, throttled},
			none:     true,
		},
		"lost, then refused":          {attempts: []func() (*http.Response, error){lost, denied}},
		"lost, then throttled":        {attempts: []func() (*http.Response, error){lost, throttled, throttled}},
		"throttled, a fault, refused": {attempts: []func() (*http.Response, error){throttled, oops, denied}},
		"a fault":                     {attempts: []func() (*http.Response, error){oops, oops, oops}},
		"never sent": {
			attempts: []func() (*http.Response, error){undialled, undialled, undialled},
			none:     true,
		},
		"refused, then the lock is lost": {
			attempts: []func() (*http.Response, error){throttled}, guarded: 1,
			none: true,
		},
		"lost, then the lock is lost": {attempts: []func() (*http.Response, error){lost}, guarded: 1},
		"done":                        {attempts: []func() (*http.Response, error){nil}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := fakeaws.New(time.Now)
				cloud.CreateBucket("b")
				sent := 0
				cfg := cloud.Config("p", func(_ fakeaws.Call, serve func() *http.Response) (*http.Response, error) {
					answer := c.attempts[min(sent, len(c.attempts)-1)]
					sent++
					if answer == nil {
						return serve(), nil
					}
					return answer()
				})
				cfg.APIOptions = append(cfg.APIOptions, aws.ReportEffects, aws.Guard(func() error {
					if c.guarded > 0 && sent >= c.guarded {
						return errors.New("lock was lost")
					}
					return nil
				}))
				ctx, effects := resource.WithEffects(t.Context())
				require.False(t, effects.None(), "nobody has reported")
				client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle, o.RetryMaxAttempts = true, 3 })
				_, _ = client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: sdk.String("b")})
				require.NotZero(t, sent)
				require.True(t, effects.None(), "a look changes nothing")
				sent = 0
				_, _ = client.PutObject(ctx, &s3.PutObjectInput{
					Bucket: sdk.String("b"), Key: sdk.String("k"),
					Body: strings.NewReader("x"),
				})
				require.NotZero(t, sent)
				require.Equal(t, c.none, effects.None())
			})
		})
	}
}

// TestSessionsReportEffects: a session's clients report, guarded or not. Else every failed step were uncertain.
func TestSessionsReportEffects(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	env := isolate(t, "", map[string]string{
		"AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "a",
		"AWS_SECRET_ACCESS_KEY": "b",
	})
	session, err := aws.NewSession(t.Context(), aws.Settings{Region: "us-east-1", Now: time.Now}, env)
	require.NoError(t, err)
	for name, cfg := range map[string]sdk.Config{
		"plain":   session.Config(""),
		"guarded": session.Guarded(func() error { return nil }),
	} {
		ctx, effects := resource.WithEffects(t.Context())
		_, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx,
			&s3.CreateBucketInput{Bucket: sdk.String("b")})
		require.Error(t, err)
		require.True(t, effects.None(), name)
	}
}
