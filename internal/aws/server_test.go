package aws_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
)

func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func TestProblems(t *testing.T) {
	api := func(code string) error { return &smithy.GenericAPIError{Code: code, Message: "words of AWS"} }
	for name, test := range map[string]struct {
		err     error
		code    diag.Code
		summary string
	}{
		"denied":    {api("AccessDeniedException"), diag.Failed, "AWS denied access"},
		"bad keys":  {api("UnrecognizedClientException"), diag.Invalid, "AWS refused the credentials"},
		"expired":   {api("ExpiredToken"), diag.Invalid, "AWS credentials have expired"},
		"region":    {api("AuthorizationHeaderMalformed"), diag.Invalid, "Wrong AWS region"},
		"throttled": {api("TooManyRequestsException"), diag.Failed, "AWS throttles calls"},
		"any":       {api("InternalError"), diag.Failed, "AWS call failed"},
		"name": {
			&smithyhttp.RequestSendError{Err: &net.DNSError{Name: "s3.nowhere-1.amazonaws.com"}},
			diag.Failed, "AWS cannot be reached",
		},
		"connection": {&smithyhttp.RequestSendError{Err: errors.New("refused")}, diag.Failed, "AWS cannot be reached"},
		"timeout":    {context.DeadlineExceeded, diag.Failed, "AWS cannot be reached"},
	} {
		err := aws.Problem("s3:GetObject", test.err)
		var d *diag.Diagnostic
		require.ErrorAs(t, err, &d, name)
		require.Equal(t, test.summary, d.Summary, name)
		require.Equal(t, test.code, d.Code, name)
		require.Equal(t, "s3:GetObject", d.Operation)
		require.NotContains(t, d.Detail, "s3:GetObject", "%s: it has a field of its own", name)
		require.ErrorIs(t, err, test.err)
	}
	require.NoError(t, aws.Problem("x", nil))
	require.Equal(t, context.Canceled, aws.Problem("x", context.Canceled))
	known := diag.New(diag.Locked, "s", "d", "n")
	require.Equal(t, error(known), aws.Problem("x", known))
}
