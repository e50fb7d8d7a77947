package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/blang/semver"
	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// PluginExecutable is the name by which the stock pulumi CLI finds the plugin of our types.
const PluginExecutable = "pulumi-resource-" + packageName

// Place is where the objects of a state are. An empty field is not known.
type Place struct{ Account, Region string }

// The configuration of the provider in the copy.
const (
	accountKey = "account"
	regionKey  = "region"
)

// Plugin is the provider plugin of our types for the stock pulumi CLI, by Pulumi's ResourceProvider service over gRPC.
// It reads objects, for `pulumi refresh` and `pulumi import`. It refuses to create, change or delete one: only deployer
// holds the lock and the state.
type Plugin struct {
	Version string             // of deployer
	Types   *resource.Catalog  // for the schema
	Tell    func(error) string // the text of an error for people
	// Open returns the catalog that calls AWS in a place. It is called once, before the first read.
	Open func(context.Context, Place) (*resource.Catalog, error)
}

// Serve answers the CLI at the listener until the context ends or the CLI, whose own address is given, is gone.
func (p *Plugin) Serve(ctx context.Context, l net.Listener, cli string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if cli != "" {
		if err := rpcutil.Healthcheck(ctx, cli, lookingBack, cancel); err != nil {
			return fmt.Errorf("the address of the pulumi CLI: %w", err)
		}
	}
	server := grpc.NewServer()
	pulumirpc.RegisterResourceProviderServer(server, plugin.NewProviderServer(&served{of: p}))
	context.AfterFunc(ctx, server.Stop)
	return server.Serve(l)
}

// lookingBack is how often a plugin looks whether the CLI that started it still runs. Usually the CLI ends it.
const lookingBack = time.Minute

// served is a Plugin as Pulumi's interface. A read needs no state, so it makes a run of nothing but one resource.
type served struct {
	provider
	of      *Plugin
	catalog *resource.Catalog // nil before Configure
}

var _ plugin.Provider = (*served)(nil)

var errReadOnly = errors.New("pulumi cannot change what deployer has deployed: change the YAML and run " +
	"`deployer apply`")

// Handshake implements plugin.Provider.
func (s *served) Handshake(
	context.Context, plugin.ProviderHandshakeRequest,
) (*plugin.ProviderHandshakeResponse, error) {
	return &plugin.ProviderHandshakeResponse{}, nil
}

// GetPluginInfo implements plugin.Provider. A version is required: a build from a commit is 0.0.0.
func (s *served) GetPluginInfo(context.Context) (plugin.PluginInfo, error) {
	version, err := semver.ParseTolerant(s.of.Version)
	if err != nil {
		version = semver.Version{}
	}
	return plugin.PluginInfo{Version: &version}, nil
}

// Configure implements plugin.Provider: the copy says in which account and region the objects are, the configuration of
// a Pulumi project may, too.
func (s *served) Configure(ctx context.Context, req plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	var place Place
	for key, field := range map[sdk.PropertyKey]*string{accountKey: &place.Account, regionKey: &place.Region} {
		if v := req.Inputs[key]; v.IsString() {
			*field = v.StringValue()
		}
	}
	catalog, err := s.of.Open(ctx, place)
	if err != nil {
		return plugin.ConfigureResponse{}, errors.New(s.of.Tell(err))
	}
	s.catalog = catalog
	return plugin.ConfigureResponse{}, nil
}

// alone is a run that knows nothing but one resource.
func (s *served) alone(ctx context.Context, urn sdk.URN, id sdk.ID) (*provider, error) {
	typ, ours := typeOf(urn.Type())
	if _, err := s.of.Types.Behaviour(typ); !ours || err != nil {
		return nil, fmt.Errorf("deployer has no resource type %q", urn.Type())
	}
	catalog := s.catalog
	if catalog == nil {
		catalog = s.of.Types // Diff needs no calls
	}
	r, err := newRun(refreshing, nil, nil, Options{
		Stack: string(urn.Project()), Environment: string(urn.Stack().Name()), Catalog: catalog,
		SecondLook: UsualSecondLook,
	})
	if err != nil {
		return nil, err
	}
	r.reading = ctx
	if id != "" {
		r.state.live[urn] = &stored{id: urn.Name(), typ: typ, state: &pkgresource.State{URN: urn, ID: id}}
	}
	return &provider{run: r}, nil
}

// Read implements plugin.Provider.
func (s *served) Read(ctx context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	if s.catalog == nil {
		return plugin.ReadResponse{}, errors.New("the provider is not configured")
	}
	p, err := s.alone(ctx, req.URN, req.ID)
	if err != nil {
		return plugin.ReadResponse{}, err
	}
	found, err := p.Read(ctx, req)
	if err != nil {
		err = errors.New(s.of.Tell(err))
	}
	return found, err
}

// Check implements plugin.Provider: what was read is right.
func (s *served) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	return plugin.CheckResponse{Properties: req.News}, nil
}

// Diff implements plugin.Provider, for what a refresh shows.
func (s *served) Diff(ctx context.Context, req plugin.DiffRequest) (plugin.DiffResult, error) {
	p, err := s.alone(ctx, req.URN, req.ID)
	if err != nil {
		return plugin.DiffResult{}, err
	}
	diff, err := p.Diff(ctx, req)
	diff.DetailedDiff = map[string]plugin.PropertyDiff{}
	for _, name := range diff.ChangedKeys {
		kind := plugin.DiffUpdate
		if slices.Contains(diff.ReplaceKeys, name) {
			kind = plugin.DiffUpdateReplace
		}
		diff.DetailedDiff[string(name)] = plugin.PropertyDiff{Kind: kind, InputDiff: true}
	}
	return diff, err
}

// Create implements plugin.Provider.
func (s *served) Create(context.Context, plugin.CreateRequest) (plugin.CreateResponse, error) {
	return plugin.CreateResponse{}, errReadOnly
}

// Update implements plugin.Provider.
func (s *served) Update(context.Context, plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	return plugin.UpdateResponse{}, errReadOnly
}

// Delete implements plugin.Provider.
func (s *served) Delete(context.Context, plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	return plugin.DeleteResponse{}, errReadOnly
}

// GetSchema implements plugin.Provider: the types with their properties, by which `pulumi import` writes code.
func (s *served) GetSchema(ctx context.Context, _ plugin.GetSchemaRequest) (plugin.GetSchemaResponse, error) {
	info, err := s.GetPluginInfo(ctx)
	if err != nil {
		return plugin.GetSchemaResponse{}, err
	}
	type object = map[string]any
	resources := object{}
	for _, def := range s.of.Types.Definitions() {
		inputs, outputs := object{}, object{}
		for _, name := range def.Outputs {
			outputs[name] = object{"$ref": anything}
		}
		properties, _ := s.of.Types.Properties(def.Type)
		for _, f := range properties.Fields {
			inputs[f.Name] = schemaOf(f.Shape())
			outputs[f.Name] = inputs[f.Name]
		}
		resources[string(typeToken(def.Type))] = object{"inputProperties": inputs, "properties": outputs}
	}
	config := object{"variables": object{accountKey: object{"type": "string"}, regionKey: object{"type": "string"}}}
	schema := object{
		"name": packageName, "version": info.Version.String(), "config": config, "resources": resources,
		"description": "What deployer has deployed, for reading.",
	}
	text, err := json.Marshal(schema)
	return plugin.GetSchemaResponse{Schema: text}, err
}

const anything = "pulumi.json#/Any"

// schemaOf is a shape in the language of Pulumi's package schemas. Maps with fixed keys are anything: they would need a
// named type each.
func schemaOf(s value.Shape) map[string]any {
	items := func() map[string]any {
		if s.Items == nil {
			return map[string]any{"$ref": anything}
		}
		return schemaOf(*s.Items)
	}
	switch {
	case s.Kind == value.Number && s.Whole:
		return map[string]any{"type": "integer"}
	case s.Kind == value.Number:
		return map[string]any{"type": "number"}
	case s.Kind == value.Bool:
		return map[string]any{"type": "boolean"}
	case s.Kind == value.String:
		return map[string]any{"type": "string"}
	case s.Kind == value.List:
		return map[string]any{"type": "array", "items": items()}
	case s.Kind == value.Map && s.Items != nil:
		return map[string]any{"type": "object", "additionalProperties": items()}
	}
	return map[string]any{"$ref": anything}
}
