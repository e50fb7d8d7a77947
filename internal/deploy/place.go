package deploy

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// place asks AWS for the account of the credentials, before anything is locked, and makes sure that the manifests mean
// that account. The region is: Environment > Stack > aws.region > AWS_REGION. place also starts the survey, which goes
// on after place has returned.
func place(ctx context.Context, b *backend.Backend, bundle *manifest.Bundle, req Request) (backend.Place, error) {
	wanted := bundle.Settings(req.Key.Environment).Provider
	p, err := b.PlaceBeside(ctx, wanted.Region, func(p *backend.Place) {
		p.Survey = beginSurvey(context.WithoutCancel(ctx), b, *p, req.Key)
	})
	if err == nil && wanted.Account != "" && wanted.Account != p.Account {
		err = diag.New(diag.Invalid, "Wrong AWS account",
			fmt.Sprintf("The credentials in use belong to account %s, but spec.provider.account says %s.", p.Account,
				wanted.Account),
			"Use credentials of account "+wanted.Account+
				": check AWS_PROFILE and aws.profile. Nothing was changed.")
	}
	return p, err
}

// placeAndState asks AWS and reads the state in parallel, for commands without a lock.
func placeAndState(
	ctx context.Context, b *backend.Backend, bundle *manifest.Bundle, req Request,
) (p backend.Place, stored *state.Stored, err error) {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { p, err = place(ctx, b, bundle, req); return err })
	both.Go(func() (err error) { stored, err = b.Get(ctx, req.Key); return err })
	if err := both.Wait(); err != nil {
		return p, nil, err
	}
	if stored != nil {
		err = session.CheckPlace(stored.Snapshot.Envelope, p.Account, p.Region)
	}
	return p, stored, err
}
