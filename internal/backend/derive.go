package backend

import (
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/pulumicloud"
)

// Derive writes the copy of a state that the stock pulumi CLI opens: beside the state, or to Pulumi Cloud.
func (b *Backend) Derive(ctx context.Context, key state.Key, p *state.Payload) error {
	if len(p.Engine) == 0 {
		return nil
	}
	place := engine.Place{Account: p.Account, Region: p.Region}
	if cloud := b.World.Settings.Pulumi; cloud.InCloud() {
		return b.deriveInCloud(ctx, cloud, key, p.Engine, place)
	}
	files, err := engine.DIY(p.Engine, key.Stack, key.Environment, place)
	if err != nil {
		return err
	}
	var all errgroup.Group
	for name, body := range files {
		all.Go(func() error { return b.Store(key).PutDerived(ctx, name, body) })
	}
	return all.Wait()
}

func (b *Backend) deriveInCloud(
	ctx context.Context, to config.Pulumi, key state.Key, engineState []byte, place engine.Place,
) error {
	deployment, err := engine.Deployment(engineState, place)
	if err != nil {
		return err
	}
	client := pulumicloud.Client{
		HTTP: http.DefaultClient, Address: to.Backend, Token: string(to.AccessToken), Organization: to.Organization,
		Agent: "deployer/" + b.World.Version,
	}
	return client.Put(ctx, pulumicloud.Stack{Project: key.Stack, Name: key.Environment}, deployment)
}
