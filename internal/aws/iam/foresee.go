package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/company/deployer/internal/resource"
)

// foresee asks whether the account has room for the new roles.
func (r role) foresee(ctx context.Context, planned []roleCall, _ resource.Neighbours, f *resource.Foresight) {
	made := resource.NewOnes(planned)
	if made == 0 {
		return
	}
	f.Ask(func() error {
		out, err := r.api.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
		if err != nil {
			return failed(err)
		}
		if quota, known := out.SummaryMap["RolesQuota"]; known {
			f.Quota(planned[0].Resource, "IAM roles", int(out.SummaryMap["Roles"]), made, int(quota))
		}
		return nil
	})
}
