package deploy

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// place is the AWS account and region that a run is about, and the credentials for it.
type place struct {
	account, region string
	arn             string // of the caller
	session         *aws.Session
	survey          *resource.Survey // begun; nil: AWS is not asked what is there
}

// reading is for calls that change nothing.
func (p place) reading() sdk.Config { return p.session.Config(p.region) }

// writing is for calls that change something: each asks guard right before it is sent.
func (p place) writing(guard func() error) sdk.Config {
	cfg := p.session.Guarded(guard)
	cfg.Region = p.region
	return cfg
}

// place asks AWS whose the credentials are and makes sure that the manifests mean that account, before anything is locked. The
// region is: Environment > Stack > aws.region > AWS_REGION. Beside that it begins the survey, which goes on after it has returned.
func (r *Road) place(ctx context.Context, bundle *manifest.Bundle, req Request) (place, error) {
	wanted := bundle.Settings(req.Key.Environment).Provider
	p, err := r.placeWith(ctx, wanted.Region, func(p *place) { p.survey = r.beginSurvey(context.WithoutCancel(ctx), *p, req.Key) })
	if err == nil && wanted.Account != "" && wanted.Account != p.account {
		err = diag.New(diag.Invalid, "Wrong AWS account",
			fmt.Sprintf("The credentials in use belong to account %s, but spec.provider.account says %s.", p.account, wanted.Account),
			"Use credentials of account "+wanted.Account+": check AWS_PROFILE and aws.profile. Nothing was locked or changed.")
	}
	return p, err
}

func (r *Road) placeIn(ctx context.Context, region string) (place, error) {
	return r.placeWith(ctx, region, func(*place) {})
}

// placeWith finds the place of a region. beside is called before AWS is asked whose the credentials are.
func (r *Road) placeWith(ctx context.Context, region string, beside func(*place)) (place, error) {
	s, err := r.sessionIn(ctx, region)
	if err != nil {
		return place{}, err
	}
	if region == "" {
		region = s.Region()
	}
	p := place{region: region, session: s}
	beside(&p)
	who, err := s.Identity(ctx)
	if err != nil {
		return place{}, err
	}
	p.account, p.arn = who.Account, who.ARN
	return p, nil
}

// caller is the place as far as it is known before the state is read: whose the credentials are. Without credentials it is empty, and the
// first call says so.
func (r *Road) caller(ctx context.Context) place {
	find := r.backed
	if r.world.Settings.Backend.Type != "s3" {
		find = func() (*aws.Session, error) { return r.sessionIn(ctx, "") }
	}
	s, err := find()
	if err != nil {
		return place{}
	}
	who, err := s.Identity(ctx)
	if err != nil {
		return place{}
	}
	return place{account: who.Account, arn: who.ARN}
}

// placeAndState asks AWS and reads the state side by side, for commands without a lock.
func (r *Road) placeAndState(ctx context.Context, bundle *manifest.Bundle, req Request) (p place, stored *Stored, err error) {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { p, err = r.place(ctx, bundle, req); return err })
	both.Go(func() (err error) { stored, err = r.read(ctx, req.Key); return err })
	if err := both.Wait(); err != nil {
		return p, nil, err
	}
	if stored != nil {
		err = session.CheckPlace(stored.Snapshot.Envelope, p.account, p.region)
	}
	return p, stored, err
}

// placeOfState goes where the state says that everything is.
func (r *Road) placeOfState(ctx context.Context, e *state.Envelope) (place, error) {
	payload, err := e.Decode()
	if err != nil {
		return place{}, err
	}
	p, err := r.placeIn(ctx, payload.Region)
	if err == nil {
		err = session.CheckPlace(e, p.account, p.region)
	}
	return p, err
}
