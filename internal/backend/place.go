package backend

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// Place is the AWS account and region of a run, and the credentials for it.
type Place struct {
	Account, Region string
	ARN             string // of the caller
	Session         *aws.Session
	Survey          *resource.Survey // already started; nil: AWS is not asked for existing objects
}

// Reading is the configuration for calls that change nothing.
func (p Place) Reading() sdk.Config { return p.Session.Config(p.Region) }

// Writing is the configuration for calls that change something: each asks guard right before it is sent.
func (p Place) Writing(guard func() error) sdk.Config {
	cfg := p.Session.Guarded(guard)
	cfg.Region = p.Region
	return cfg
}

// PlaceIn finds the place of a region; "": the configured one.
func (b *Backend) PlaceIn(ctx context.Context, region string) (Place, error) {
	return b.PlaceBeside(ctx, region, func(*Place) {})
}

// PlaceBeside finds the place of a region. It calls beside before it asks AWS for the account of the credentials.
func (b *Backend) PlaceBeside(ctx context.Context, region string, beside func(*Place)) (Place, error) {
	s, err := b.sessionIn(ctx, region)
	if err != nil {
		return Place{}, err
	}
	if region == "" {
		region = s.Region()
	}
	p := Place{Region: region, Session: s}
	beside(&p)
	who, err := s.Identity(ctx)
	if err != nil {
		return Place{}, err
	}
	p.Account, p.ARN = who.Account, who.ARN
	return p, nil
}

// Caller is the place as known before the state is read: the account of the credentials. Without credentials it is
// empty, and the first call reports that.
func (b *Backend) Caller(ctx context.Context) Place {
	find := b.own
	if b.World.Settings.Backend.Type != "s3" {
		find = func() (*aws.Session, error) { return b.sessionIn(ctx, "") }
	}
	s, err := find()
	if err != nil {
		return Place{}
	}
	who, err := s.Identity(ctx)
	if err != nil {
		return Place{}
	}
	return Place{Account: who.Account, ARN: who.ARN}
}

// PlaceOf returns the account and region of a state.
func (b *Backend) PlaceOf(ctx context.Context, e *state.Envelope) (Place, error) {
	payload, err := e.Decode()
	if err != nil {
		return Place{}, err
	}
	p, err := b.PlaceIn(ctx, payload.Region)
	if err == nil {
		err = session.CheckPlace(e, p.Account, p.Region)
	}
	return p, err
}
