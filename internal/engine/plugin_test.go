package engine

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// serve starts a plugin for the fake cloud, and returns what the stock pulumi CLI talks to it with.
func serve(t *testing.T, c *cloud, open func(Place) error) plugin.Provider {
	t.Helper()
	types := c.options().Catalog
	p := &Plugin{
		Version: "v1.2.3", Types: types, Tell: func(err error) string { return "told: " + err.Error() },
		Open: func(_ context.Context, place Place) (*resource.Catalog, error) { return types, open(place) },
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- p.Serve(ctx, l, l.Addr().String()) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("the plugin ended with", err)
		}
		_ = conn.Close()
	})
	said := &messages{}
	pctx, err := plugin.NewContextWithHost(t.Context(), said, said, &host{messages: said}, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return plugin.NewProviderWithClient(pctx, pulumirpc.NewResourceProviderClient(conn), false)
}

func configure(t *testing.T, p plugin.Provider, inputs sdk.PropertyMap) error {
	urn := naming{"shop", "dev"}.provider()
	name, typ, id := urn.Name(), urn.Type(), sdk.ID(providerID)
	_, err := p.Configure(t.Context(), plugin.ConfigureRequest{
		URN: &urn, Name: &name, Type: &typ, ID: &id, Inputs: inputs,
	})
	return err
}

func TestPluginReads(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	d, err := decodeDeployment(state)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := decodeRecord(d.Resources[4])
	if err != nil {
		t.Fatal(err)
	}
	is := rec.state()
	var opened Place
	p := serve(t, c, func(place Place) error { opened = place; return nil })
	if err := configure(t, p, sdk.PropertyMap{
		"account": sdk.NewProperty("123456789012"), "region": sdk.NewProperty("eu-central-1"),
	}); err != nil {
		t.Fatal(err)
	}
	read := func(req plugin.ReadRequest) plugin.ReadResponse {
		t.Helper()
		req.URN, req.Name, req.Type = is.URN, is.URN.Name(), is.URN.Type()
		found, err := p.Read(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	recorded := plugin.ReadRequest{ID: is.ID, Inputs: is.Inputs, State: is.Outputs}
	found := read(recorded)
	if !found.Inputs.DeepEquals(is.Inputs) || !found.Outputs.DeepEquals(is.Outputs) || found.ID != is.ID {
		t.Errorf("a refresh finds %v, %v, the state has %v, %v", found.Inputs, found.Outputs, is.Inputs, is.Outputs)
	}
	want(t, "place", opened.Account+" "+opened.Region, "123456789012 eu-central-1")

	typ, _ := typeOf(is.URN.Type())
	key := typ + " " + string(is.ID)
	was := c.objects[key]
	c.objects[key] = object{was.inputs.With("image", value.NewString("v2")), was.outputs, was.tags}
	found = read(recorded)
	want(t, "changed", found.Inputs["image"].StringValue(), "v2")
	diff, err := p.Diff(t.Context(), plugin.DiffRequest{
		URN: is.URN, Name: is.URN.Name(), Type: is.URN.Type(), ID: is.ID, OldInputs: found.Inputs,
		OldOutputs: found.Outputs, NewInputs: is.Inputs,
	})
	if err != nil || len(diff.ChangedKeys) != 1 || diff.ChangedKeys[0] != "image" {
		t.Errorf("diff: %v, %v", diff, err)
	}
	want(t, "imported", read(plugin.ReadRequest{ID: is.ID}).Inputs["image"].StringValue(), "v2")

	c.deleting = map[string]bool{string(is.ID): true}
	if found = read(recorded); found.ID != "" {
		t.Error("an object that AWS is deleting was found", found)
	}
	delete(c.objects, key)
	if found = read(recorded); found.ID != "" {
		t.Error("a deleted object was found", found)
	}

	c.fail["read "+is.URN.Name()] = errors.New("denied")
	_, err = p.Read(t.Context(), plugin.ReadRequest{URN: is.URN, Name: is.URN.Name(), Type: is.URN.Type(), ID: is.ID})
	if err == nil || !strings.Contains(err.Error(), "told: denied") {
		t.Error("a failed read:", err)
	}
	if strings.Contains(strings.Join(c.log, "\n"), "delete") {
		t.Error("the plugin deleted something")
	}
}

func TestPluginChangesNothing(t *testing.T) {
	c := newCloud()
	p := serve(t, c, func(Place) error { return nil })
	if err := configure(t, p, sdk.PropertyMap{}); err != nil {
		t.Fatal(err)
	}
	urn := naming{"shop", "dev"}.resource("web/api:service", thing)
	of := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), errReadOnly.Error()) {
			t.Error(err)
		}
	}
	_, err := p.Create(t.Context(), plugin.CreateRequest{
		URN: urn, Name: urn.Name(), Type: urn.Type(), Properties: sdk.PropertyMap{},
	})
	of(err)
	_, err = p.Update(t.Context(), plugin.UpdateRequest{
		URN: urn, Name: urn.Name(), Type: urn.Type(), ID: "id-1", OldInputs: sdk.PropertyMap{},
		OldOutputs: sdk.PropertyMap{}, NewInputs: sdk.PropertyMap{},
	})
	of(err)
	_, err = p.Delete(t.Context(), plugin.DeleteRequest{
		URN: urn, Name: urn.Name(), Type: urn.Type(), ID: "id-1", Inputs: sdk.PropertyMap{}, Outputs: sdk.PropertyMap{},
	})
	of(err)
	if len(c.log) > 0 {
		t.Error("calls were made:", c.log)
	}
}

func TestPluginInAnotherAccount(t *testing.T) {
	p := serve(t, newCloud(), func(Place) error { return errors.New("wrong account") })
	err := configure(t, p, sdk.PropertyMap{})
	if err == nil {
		urn := naming{"shop", "dev"}.resource("web/api:service", thing)
		_, err = p.Read(t.Context(), plugin.ReadRequest{URN: urn, Name: urn.Name(), Type: urn.Type(), ID: "id-1"})
	}
	if err == nil || !strings.Contains(err.Error(), "told: wrong account") {
		t.Error(err)
	}
}

// TestPluginSchema reads the schema as Pulumi does.
func TestPluginSchema(t *testing.T) {
	p := serve(t, newCloud(), func(Place) error { return nil })
	got, err := p.GetSchema(t.Context(), plugin.GetSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(got.Schema, &spec); err != nil {
		t.Fatal(err)
	}
	pkg, problems, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err != nil || problems.HasErrors() {
		t.Fatal(err, problems)
	}
	want(t, "version", pkg.Version.String(), "1.2.3")
	if _, found := pkg.GetResource("deployer:fake:thing"); !found {
		t.Errorf("%d resources, without the thing", len(pkg.Resources))
	}
}

// TestPlaceInTheCopy finds account and region where the CLI configures the plugin with them.
func TestPlaceInTheCopy(t *testing.T) {
	c := newCloud()
	state := apply(t, chain(t, "a", "v1"), nil, c.options()).State
	text, err := Deployment(state, Place{Account: "123456789012", Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := decodeDeployment(text)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := decodeRecord(d.Resources[1])
	if err != nil {
		t.Fatal(err)
	}
	want(t, "provider", string(rec.URN), string(naming{"shop", "dev"}.provider()))
	want(t, "inputs", rec.inputs.String(), `{account: "123456789012", region: "eu-central-1"}`)
	if strings.Contains(string(state), "123456789012") {
		t.Error("the state itself has the account")
	}
}
