package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/testkit/componenttest"
	"github.com/company/deployer/internal/value"
)

// Kinds may only refer to outputs that exist: a reference to a missing output is null, and no kind can notice that.
func TestReferencesNameWhatResourcesHave(t *testing.T) {
	c := catalog.New(aws.Config{})
	files, err := filepath.Glob("../../component/*/testdata/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("the kinds' test stacks: %d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkReferences(t, c, file, componenttest.Instances(t, string(text)))
	}

	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "stacks", "user-platform"),
		os.DirFS("../../../examples/user-platform")); err != nil {
		t.Fatal(err)
	}
	bundle, problems := manifest.Load(root, "user-platform")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, environment := range []string{"dev", "production"} {
		stack, problems := bundle.Resolve(manifest.Options{
			Environment: environment, Variables: map[string]string{"VERSION": "1.0.0"}, Strict: true,
			Registry: kinds.Registry(),
			Git:      func() map[string]string { return nil },
			Compile:  func() manifest.Compiler { return expr.NewCompiler() },
		})
		if len(problems) > 0 {
			t.Fatalf("%s: %v", environment, problems)
		}
		checkReferences(t, c, "the example in "+environment, stack.Instances())
	}
}

func checkReferences(t *testing.T, c *resource.Catalog, what string, instances []component.Instance) {
	t.Helper()
	graph, problems := component.Expand(kinds.Registry(), instances)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", what, problems)
	}
	if wrong := dangling(c, graph); len(wrong) > 0 {
		t.Errorf("%s: %v", what, wrong)
	}
}

// dangling returns the errors in a graph's references to its resources.
func dangling(c *resource.Catalog, graph *resource.Graph) []string {
	var wrong []string
	check := func(from string, v value.Value) {
		for _, ref := range v.References() {
			if !ref.IsResource() {
				continue
			}
			switch target := graph.Resource(ref.Target); {
			case target == nil:
				wrong = append(wrong, fmt.Sprintf("%s refers to %s, and there is no such resource", from, ref))
			case !slices.Contains(c.Outputs(target.Type), ref.Output):
				wrong = append(wrong, fmt.Sprintf("%s refers to %s, but a %s has only %v", from, ref, target.Type,
					c.Outputs(target.Type)))
			}
		}
	}
	for _, r := range graph.Resources {
		check(r.ID(), r.Props)
	}
	for _, component := range graph.Components {
		for name, v := range component.Outputs {
			check(component.Address+"."+name, v)
		}
	}
	return wrong
}

func TestDanglingReferencesAreFound(t *testing.T) {
	c := catalog.New(aws.Config{})
	queue := &resource.Resource{Component: "web/jobs", Name: "queue", Type: "sqs/queue", Props: value.NewMap(nil)}
	vpc := &resource.Resource{
		Component: "infra/network", Name: "vpc", Type: "ec2/existing-vpc", Props: value.NewMap(nil),
		Data: true,
	}
	graph := &resource.Graph{
		Resources: []*resource.Resource{
			queue, vpc,
			{Component: "web/it", Name: "it", Type: "sqs/queue", Props: value.NewMap(map[string]value.Value{
				"output": queue.Output("arn"), "property": queue.Output("name"), "none": queue.Output("nope"),
				"gone": value.Output("web/jobs:other", "arn"),
			})},
		},
		Components: []resource.Component{
			{Address: "infra/network", Outputs: map[string]value.Value{
				"id": vpc.Output("vpcId"), "typo": vpc.Output("vpcID"),
			}},
		},
	}
	if wrong := dangling(c, graph); len(wrong) != 3 {
		t.Errorf("found %v", wrong)
	}
}
