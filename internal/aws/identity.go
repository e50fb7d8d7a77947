package aws

import (
	"context"
	"errors"
	"net/http"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Identity is the owner of the credentials.
type Identity struct{ Account, ARN string }

// Identity asks STS who we are (sts:GetCallerIdentity, which needs no permission) and remembers the answer.
func (s *Session) Identity(ctx context.Context) (Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.identity != nil {
		return *s.identity, nil
	}
	out, err := sts.NewFromConfig(s.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err == nil {
		s.skew, s.timed = middleware.GetAttemptSkew(out.ResultMetadata)
	} else if date := dateOf(err); s.now != nil && !date.IsZero() {
		s.skew, s.timed = date.Sub(s.now()), true
	}
	if err != nil {
		return Identity{}, Problem("sts:GetCallerIdentity", err)
	}
	s.identity = &Identity{Account: sdk.ToString(out.Account), ARN: sdk.ToString(out.Arn)}
	return *s.identity, nil
}

// Skew is how far AWS's clock is ahead of this machine's, by the answer to Identity, to about a second; false: there
// was no answer.
func (s *Session) Skew() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.skew, s.timed
}

// dateOf is the time of the answer in err, zero if there is none.
func dateOf(err error) time.Time {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil || answer.Response.Response == nil {
		return time.Time{}
	}
	date, _ := http.ParseTime(answer.Response.Header.Get("Date"))
	return date
}
