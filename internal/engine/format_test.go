package engine

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/encoding"
	"pgregory.net/rapid"

	"github.com/company/deployer/internal/value"
)

// TestPulumiReadsIt decodes a state with Pulumi's own types, and the derived copy the way its self-managed backend
// does.
func TestPulumiReadsIt(t *testing.T) {
	c := newCloud()
	o := c.options()
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	var d apitype.DeploymentV3
	strict := json.NewDecoder(bytes.NewReader(state))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&d); err != nil {
		t.Fatal(err)
	}
	if len(d.Resources) != 5 || d.Manifest.Version != engineVersion {
		t.Errorf("%d resources, version %q", len(d.Resources), d.Manifest.Version)
	}
	want(t, "URN", string(d.Resources[4].URN), "urn:pulumi:dev::shop::deployer:fake:thing::web/api:service")
	want(t, "root", string(d.Resources[0].URN), "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev")
	want(t, "provider", d.Resources[4].Provider, "urn:pulumi:dev::shop::pulumi:providers:deployer::default::deployer")

	files, err := DIY(state, o.Stack, o.Environment, Place{})
	if err != nil || len(files) != 2 {
		t.Fatal(err, files)
	}
	want(t, "meta.yaml", string(files[".pulumi/meta.yaml"]), "version: 1\n")
	checkpoint, version, _, err := stack.UnmarshalVersionedCheckpointToLatestCheckpoint(encoding.JSON,
		files[".pulumi/stacks/shop/dev.json"])
	if err != nil || version != 3 {
		t.Fatal(err, version)
	}
	want(t, "stack", string(checkpoint.Stack), "organization/shop/dev")
	snap, err := stack.DeserializeDeploymentV3(t.Context(), *checkpoint.Latest, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := snap.VerifyIntegrity(); err != nil {
		t.Error(err)
	}
	want(t, "input", snap.Resources[4].Inputs["image"].StringValue(), "v1")
	if snap.Manifest.Magic != (deploy.Manifest{Version: engineVersion}).NewMagic() {
		t.Error("the magic is not the hash of the version")
	}
}

// TestReplacementsStayValid verifies every checkpoint in the middle of runs with Pulumi's own rules.
func TestReplacementsStayValid(t *testing.T) {
	c := newCloud()
	o := c.options()
	o.Parallelism = 4
	o.Dirty = func(checkpoint func() ([]byte, error)) {
		state, err := checkpoint()
		if err != nil {
			t.Error(err)
		}
		var d apitype.DeploymentV3
		if err := json.Unmarshal(state, &d); err != nil {
			t.Error(err)
		}
		d.PendingOperations = nil
		snap, err := stack.DeserializeDeploymentV3(t.Context(), d, nil)
		if err == nil {
			err = snap.VerifyIntegrity()
		}
		if err != nil {
			t.Errorf("%v in %s", err, state)
		}
	}
	state := apply(t, chain(t, "a", "v1"), nil, o).State
	state = apply(t, chain(t, "b", "v2"), state, o).State
	state = apply(t, graph(t, res("web/api:service", thing, "image", "v3"), res("infra/net:vpc", thing, "zone", "c"),
		res("a/early:new", thing, "zone", "c"),
		res("web/db:instance", single, "name", "db", "zone", "b", "early", value.Output("a/early:new", "arn"))), state,
		o).State
	if _, err := Destroy(t.Context(), state, o); err != nil {
		t.Fatal(err)
	}
}

// TestEngineVersion: the state says which engine wrote it, and go.mod which one that is.
func TestEngineVersion(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"pkg", "sdk"} {
		if line := "github.com/pulumi/pulumi/" + module + "/v3 " + engineVersion +
			"\n"; !strings.Contains(string(mod), line) {
			t.Errorf("go.mod does not require %s", strings.TrimSpace(line))
		}
	}
}

// TestReader compares the fast JSON reader with encoding/json.
func TestReader(t *testing.T) {
	tree := rapid.Custom(func(t *rapid.T) any {
		var gen func(depth int) any
		gen = func(depth int) any {
			switch n := rapid.IntRange(0, 6-min(depth, 2)*2).Draw(t, "kind"); n {
			case 0:
				return rapid.Bool().Draw(t, "bool")
			case 1:
				f := rapid.Float64().Draw(t, "number")
				if math.IsInf(f, 0) || math.IsNaN(f) {
					return nil
				}
				return f
			case 2, 3:
				return rapid.String().Draw(t, "string")
			case 4:
				return nil
			case 5:
				items := []any{}
				for range rapid.IntRange(0, 3).Draw(t, "items") {
					items = append(items, gen(depth+1))
				}
				return items
			default:
				m := map[string]any{}
				for range rapid.IntRange(0, 3).Draw(t, "entries") {
					m[rapid.String().Draw(t, "key")] = gen(depth + 1)
				}
				return m
			}
		}
		return gen(0)
	})
	rapid.Check(t, func(t *rapid.T) {
		data := tree.Draw(t, "tree")
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "indented") {
			var b bytes.Buffer
			json.Indent(&b, text, " ", "\t")
			text = b.Bytes()
		}
		var plain any
		if err := json.Unmarshal(text, &plain); err != nil {
			t.Fatal(err)
		}
		wanted, err := value.From(plain)
		if err != nil {
			t.Fatal(err)
		}
		r := &reader{data: text}
		got, err := r.value()
		if err != nil || !value.Equal(got, wanted) || r.peek() != 0 {
			t.Fatalf("%s: got %v, %v", text, got, err)
		}
		r = &reader{data: append(append([]byte(`[`), text...), ']')}
		if err := r.array(func() error {
			raw, err := r.raw()
			if err == nil && !bytes.Equal(bytes.TrimSpace(raw), bytes.TrimSpace(text)) {
				t.Fatalf("raw: %s", raw)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzLoad(f *testing.F) {
	c := newCloud()
	o := c.options()
	f.Add(apply(f, chain(f, "a", "v1"), nil, o).State)
	f.Add([]byte(`{"resources":[{"urn":"x","inputs":{"a":[1,{"b":"\u00e9"}]}}]`))
	f.Add([]byte(`{"pending_operations":[{"resource":{},"type":"creating"}]}`))
	f.Fuzz(func(t *testing.T, state []byte) {
		Resources(state)
		Pending(state)
		StackOutputs(state)
		load(state, naming{"shop", "dev"}, o.Catalog)
	})
}
