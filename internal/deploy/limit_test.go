package deploy

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	ours "github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/value"
)

// A warning about a default quota goes when the account has room, and stays when nobody knows. What the account does
// not allow is an error.
func TestQuotasOfTheAccount(t *testing.T) {
	quotas := map[string]float64{"raised": 150, "default": 100, "unknown": 0}
	over := func(code string, fixed bool) *diag.Diagnostic {
		d := diag.New(diag.Invalid, "More than AWS allows by default", "", "").For("infra/ingress")
		d.Severity = diag.Warning
		d.Cause = &value.Over{What: "120 rules", Service: "elb", Code: code, Name: code, Count: 120, Fixed: fixed}
		return d
	}
	start := func(offline bool) *run {
		u := &run{back: &backend.Backend{World: backend.World{
			Quota: func(_ context.Context, _ aws.Config, service, code string) (float64, error) {
				require.Equal(t, "elb", service)
				if most, known := quotas[code]; known {
					return most, nil
				}
				return 0, errors.New("denied")
			},
		}}}
		u.req.Offline, u.where.Session = offline, &ours.Session{}
		other := diag.New(diag.Invalid, "Other", "", "")
		left := u.limits(diag.List{
			over("raised", false), other, over("default", false), over("unknown", false), over("denied", false),
		})
		require.Equal(t, diag.List{other}, left)
		return u
	}
	u := start(false)
	err := u.weigh(t.Context())()
	require.Len(t, diag.From(err), 1)
	require.ErrorContains(t, err, `The stack makes 120 rules, but AWS's quota "default" is 100.`)
	require.Len(t, u.limited, 2, "unknown and denied")
	require.NoError(t, u.weigh(t.Context())(), "asked once")
	require.Len(t, u.limited, 2)

	u = start(true)
	require.NoError(t, u.weigh(t.Context())())
	require.Len(t, u.limited, 4)

	u = &run{back: u.back, where: u.where}
	u.limits(diag.List{over("default", true)})
	require.Contains(t, diag.From(u.weigh(t.Context())())[0].Next, "AWS does not raise this quota")
}
