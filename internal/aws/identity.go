package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
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
	if err != nil {
		return Identity{}, Problem("sts:GetCallerIdentity", err)
	}
	s.identity = &Identity{Account: sdk.ToString(out.Account), ARN: sdk.ToString(out.Arn)}
	return *s.identity, nil
}
