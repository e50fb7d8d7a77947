package aws

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource"
)

// RequestID returns AWS's id of the request that failed with err, "" if the request has none.
func RequestID(err error) string {
	var with interface{ ServiceRequestID() string }
	if errors.As(err, &with) {
		return with.ServiceRequestID()
	}
	return ""
}

// Status returns the HTTP status of the answer in err, 0 if there is none.
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

// Problem turns the error of an SDK call into a diagnostic; nil, diagnostics and ended contexts stay as they are.
// operation is "s3:GetObject". It adds advice about credentials, region and permissions. The caller must first handle
// errors that are special to a service.
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
		return diag.New(diag.Invalid, "No AWS credentials", credentialsMissing(credentials.Err),
			"Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, log in with `aws sso login`, or set "+
				"aws.profile in the configuration.")
	case hasCode(err, "ExpiredToken", "ExpiredTokenException", "RequestExpired"):
		return diag.New(diag.Invalid, "AWS credentials have expired", sentence(Words(err)),
			"Log in again, for instance with `aws sso login`, or get a new session token.")
	case hasCode(err, "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException",
		"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure", "IncompleteSignature"):
		return diag.New(diag.Invalid, "AWS refused the credentials", sentence(Words(err)),
			"Check the access key, the secret key and the profile; `aws sts get-caller-identity` shows the identity "+
				"that they belong to.")
	case hasCode(err, "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException") ||
		Status(err) == 301:
		return diag.New(diag.Invalid, "Wrong AWS region", sentence(Words(err)),
			"Set backend.region (or --backend-region) to "+cmp.Or(bucketRegion(err),
				"the region that the bucket is in")+".")
	case hasCode(err, "AccessDenied", "AccessDeniedException", "AccessDeniedError", "UnauthorizedOperation",
		"Forbidden"):
		return diag.New(diag.Failed, "AWS denied access", sentence(Words(err)),
			resource.DeniedAdvice(operation, Words(err)))
	case errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &api):
		return diag.New(diag.Failed, "AWS cannot be reached", sentence(Words(err)),
			"Check the network, proxies and AWS_ENDPOINT_URL, then run the command again.")
	case Throttled(err):
		return diag.New(diag.Failed, "AWS throttles calls", sentence(Words(err)),
			"The account makes too many API calls. Wait a while, then run the command again.")
	case errors.As(err, &api) && Trouble(err):
		return diag.New(diag.Failed, "AWS has a fault", sentence(Words(err)),
			"The request was right. Run the command again later.")
	case errors.As(err, &api):
		return diag.New(diag.Failed, "AWS call failed", sentence(Words(err)), "")
	case errors.As(err, &name):
		return diag.New(diag.Failed, "AWS cannot be reached", sentence(Words(err)),
			"Check the network, the region's name and AWS_ENDPOINT_URL.")
	case errors.As(err, &unsent), errors.As(err, &network):
		return diag.New(diag.Failed, "AWS cannot be reached", sentence(Words(err)),
			"Check the network, proxies and AWS_ENDPOINT_URL, then run the command again.")
	}
	return diag.New(diag.Failed, "AWS call failed", sentence(Words(err)), "")
}

// bucketRegion is the region of a bucket according to S3's answer, "" if the answer has none.
func bucketRegion(err error) string {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.Response != nil {
		return answer.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}

// credentialsMissing says why the SDK's chain found no credentials. Its last link asks the instance metadata: if that
// fails, no other link had any.
func credentialsMissing(err error) string {
	var operation *smithy.OperationError
	if errors.As(err, &operation) && operation.ServiceID == "ec2imds" {
		return "There are no credentials in the environment or in the profiles of ~/.aws, and no role of an " +
			"EC2 instance or container provides them."
	}
	return sentence(strings.TrimPrefix(Words(err), "failed to refresh cached credentials, "))
}

// sentence makes a sentence from an error's text.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// Finding is the result of one check of the backend.
type Finding struct {
	What   string // "Versioning of bucket company-state"
	OK     bool
	Detail string // what was found
	Fix    string // what to do about it, if not OK
}

// Tried is the finding of a call that was tried: allowed, or why not, with the next step of the diagnostic.
func Tried(what, place string, err error) Finding {
	if err == nil {
		return Finding{What: what, OK: true, Detail: "allowed, " + place}
	}
	f := Finding{What: what, Detail: err.Error(), Fix: "Run the command again, with -v for more."}
	var d *diag.Diagnostic
	if errors.As(err, &d) {
		f.Detail, f.Fix = d.Detail, d.Next
	}
	return f
}
