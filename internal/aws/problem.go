package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource"
)

// RequestID returns the id that AWS gave the request which failed with err, "" when it did not get so far.
func RequestID(err error) string {
	var with interface{ ServiceRequestID() string }
	if errors.As(err, &with) {
		return with.ServiceRequestID()
	}
	return ""
}

// Status returns the HTTP status of the answer that err tells of, 0 without one.
func Status(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

func hasCode(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

// Problem turns what an SDK call returned into a diagnostic; nil stays nil, diagnostics and ended contexts stay what they are.
// operation is "s3:GetObject". Credentials, region and permissions get their advice here; what is special to a service is for the
// caller to recognise first.
func Problem(operation string, err error) error {
	if err == nil {
		return nil
	}
	var done *diag.Diagnostic
	if errors.As(err, &done) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	d := classify(operation, err)
	d.Operation, d.RequestID, d.Cause = operation, RequestID(err), err
	return d
}

func classify(operation string, err error) *diag.Diagnostic {
	var credentials *CredentialsError
	var api smithy.APIError
	var name *net.DNSError
	var network net.Error
	var unsent *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &credentials):
		why := strings.TrimSuffix(strings.ReplaceAll(credentials.Err.Error(), "failed to refresh cached credentials, ", ""), ".")
		return diag.New(diag.Invalid, "No AWS credentials", fmt.Sprintf("%s needs credentials, and none were found: %s.", operation, why),
			"Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, log in with `aws sso login`, or set aws.profile in the configuration.")
	case hasCode(err, "ExpiredToken", "ExpiredTokenException", "RequestExpired"):
		return diag.New(diag.Invalid, "AWS credentials have expired", operation+": "+message(err),
			"Log in again, for instance with `aws sso login`, or get a new session token.")
	case hasCode(err, "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure", "IncompleteSignature"):
		return diag.New(diag.Invalid, "AWS refused the credentials", operation+": "+message(err),
			"Check the access key, the secret key and the profile; `aws sts get-caller-identity` shows whom AWS sees.")
	case hasCode(err, "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException") || Status(err) == 301:
		return diag.New(diag.Invalid, "Wrong AWS region", operation+": "+message(err),
			"Set backend.region (or --backend-region) to the region that the bucket is in.")
	case hasCode(err, "AccessDenied", "AccessDeniedException", "AccessDeniedError", "UnauthorizedOperation", "Forbidden"):
		return diag.New(diag.Failed, "AWS denied access", operation+": "+message(err), resource.DeniedAdvice(operation, message(err)))
	case errors.Is(err, context.DeadlineExceeded):
		return diag.New(diag.Failed, "AWS cannot be reached", operation+": there was no answer in time.", "Check the network, proxies and AWS_ENDPOINT_URL, then run the command again.")
	case errors.As(err, &api):
		return diag.New(diag.Failed, "AWS call failed", operation+": "+message(err), "")
	case errors.As(err, &name):
		return diag.New(diag.Failed, "AWS cannot be reached", fmt.Sprintf("%s: the name %s cannot be resolved.", operation, name.Name),
			"Check the network, the region's name and AWS_ENDPOINT_URL.")
	case errors.As(err, &unsent), errors.As(err, &network):
		return diag.New(diag.Failed, "AWS cannot be reached", operation+": "+err.Error(), "Check the network, proxies and AWS_ENDPOINT_URL, then run the command again.")
	}
	return diag.New(diag.Failed, "AWS call failed", operation+": "+err.Error(), "")
}

// message is AWS's own words, with the code.
func message(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorMessage() == "" {
		return err.Error()
	}
	return api.ErrorCode() + ": " + api.ErrorMessage()
}

// Finding is one thing that a check of the backend looked at.
type Finding struct {
	What   string // "Versioning of bucket company-state"
	OK     bool
	Detail string // what was found
	Fix    string // what to do about it, when not OK
}
