// Package survey changes a deployed stack by hand, one type of resource after the other, and expects plan to see it and apply to repair it.
//
// In: the example stack, the AWS emulator behind the test proxy. Out: a table of types and changes. It runs the product in the process, as the
// command line does, and makes the changes with credentials and calls of its own.
package survey

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

var key = state.Key{Stack: "user-platform", Environment: "dev"}

func TestMain(m *testing.M) {
	call.Scale = 0.001
	os.Exit(m.Run())
}

// site is the deployed example.
type site struct {
	t    *testing.T
	env  *testkit.Env
	road *deploy.Road
}

func deployed(t *testing.T) *site {
	env := testkit.Start(t, testkit.InRegion("us-east-1")) // which the example names
	root := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(root, "stacks", key.Stack), os.DirFS("../../examples/"+key.Stack)))
	settings := config.Defaults()
	settings.Backend = config.Backend{Type: "local", Path: ".deployer"}
	settings.Locks.Type = "local"
	variables := map[string]string{"GITHUB_ACTOR": "ann"}
	for _, pair := range env.Environ() {
		if name, text, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			variables[name] = text
			t.Setenv(name, text)
		}
	}
	road, err := deploy.Open(t.Context(), deploy.World{
		Root: root, Home: t.TempDir(), Settings: settings, Env: variables, Now: time.Now, Version: "test", Command: "deployer apply", Hard: t.Context(),
	})
	require.NoError(t, err)
	s := &site{t, env, road}
	s.apply()
	return s
}

func request() deploy.Request {
	return deploy.Request{Key: key, Variables: map[string]string{"VERSION": "1.0.0"}, Progress: func(plan.Event) {}}
}

func (s *site) plan(refresh bool) *plan.Plan {
	s.t.Helper()
	req := request()
	req.Refresh = refresh
	planned, err := s.road.Plan(s.t.Context(), req)
	require.NoError(s.t, err)
	return planned.Plan
}

func (s *site) apply() *plan.Plan {
	s.t.Helper()
	applied, err := s.road.Apply(s.t.Context(), request())
	require.NoError(s.t, err)
	return applied.Plan
}

// stored are the resources of the state, each after all that it needs.
func (s *site) stored() []engine.StoredResource {
	s.t.Helper()
	stored, err := s.road.Read(s.t.Context(), key)
	require.NoError(s.t, err)
	return stored.Resources
}

// behind returns a resource and all that needs it, last first: the order in which AWS lets a person delete them.
func behind(all []engine.StoredResource, id string) []engine.StoredResource {
	taken := map[string]bool{id: true}
	var out []engine.StoredResource
	for _, r := range all {
		if taken[r.ID] || slices.ContainsFunc(r.Dependencies, func(need string) bool { return taken[need] }) {
			taken[r.ID] = true
			out = append(out, r)
		}
	}
	slices.Reverse(out)
	return out
}

func of(r engine.StoredResource, inputs value.Value) resource.Request {
	return resource.Request{
		Resource: r.ID, Type: r.Type, ID: r.AWSID, Old: resource.State{ID: r.AWSID, Inputs: r.Inputs, Outputs: r.Outputs}, Inputs: inputs,
		Tags: map[string]string{}, Progress: func(string) {},
	}
}

// delete removes an object by hand: alone, or with all that needs it where AWS asks for that.
func (s *site) delete(r engine.StoredResource, alone bool) {
	s.t.Helper()
	types := catalog.New(s.env.Config)
	gone := []engine.StoredResource{r}
	if !alone {
		gone = behind(s.stored(), r.ID)
	}
	for _, one := range gone {
		b, err := types.Behaviour(one.Type)
		require.NoError(s.t, err)
		if err := b.Delete(s.t.Context(), of(one, value.NullValue)); err != nil && !errors.Is(err, resource.ErrNotFound) {
			require.NoError(s.t, err, one.ID)
		}
	}
}

// needed are the types that AWS does not delete while others use them.
var needed = []string{"ecs/cluster", "iam/role", "ec2/security-group", "elbv2/target-group", "elbv2/listener", "elbv2/load-balancer", "servicediscovery/namespace", "servicediscovery/service"}

// first returns the first resource of each type.
func first(all []engine.StoredResource) map[string]engine.StoredResource {
	out := map[string]engine.StoredResource{}
	for _, r := range all {
		if _, there := out[r.Type]; !there {
			out[r.Type] = r
		}
	}
	return out
}

// change of the plan for a resource.
func changeOf(p *plan.Plan, id string) *plan.Change {
	for _, c := range p.Components {
		for i := range c.Changes {
			if c.Changes[i].Resource == id {
				return &c.Changes[i]
			}
		}
	}
	return nil
}

func TestDeletedByHand(t *testing.T) {
	s := deployed(t)
	types := slices.Sorted(maps.Keys(first(s.stored())))
	for _, typ := range types {
		t.Run(typ, func(t *testing.T) {
			s.t = t
			r := first(s.stored())[typ]
			s.delete(r, !slices.Contains(needed, typ))
			p := s.plan(false)
			require.Contains(t, p.Survey.Missing, r.ID)
			change := changeOf(p, r.ID)
			require.NotNil(t, change, "the plan leaves out %s", r.ID)
			require.Equal(t, plan.Create, change.Action)
			require.Equal(t, "it was deleted outside of deployer", change.Reason)
			p = s.apply()
			require.NotNil(t, changeOf(p, r.ID))
			p = s.plan(true)
			require.False(t, p.HasChanges(), "after the repair: %+v", p.Components)
			require.Equal(t, p.Survey.Objects, p.Survey.There)
		})
	}
	fmt.Printf("deleted by hand: %d types, each seen by plan and repaired by apply\n", len(types))
}

// others are values that somebody may give a property by hand, by type. Types of which only --refresh reads the properties are marked.
var others = map[string]struct {
	property string
	to       any
	refresh  bool
}{
	"applicationautoscaling/target": {"max", 7, false},
	"applicationautoscaling/policy": {"targetValue", 33, false},
	"ec2/security-group-rule":       {"description", "changed", false},
	"ecs/cluster":                   {"containerInsights", "disabled", false},
	"elbv2/listener-rule":           {"priority", 77, false},
	"iam/role":                      {"maxSession", 7200, false},
	"iam/role-policy": {"policy", map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
	}}, false},
	"servicediscovery/service": {"ttl", 99, false},
	"sqs/queue-policy": {"policy", map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Principal": "*"},
	}}, false},
	"elbv2/load-balancer": {"idleTimeout", 99, true},
	"elbv2/target-group":  {"deregistrationDelay", 99, true},
	"logs/log-group":      {"retentionDays", 1, true},
	"s3/bucket":           {"versioning", false, true},
	"sqs/queue":           {"visibilityTimeout", 99, true},
}

func TestChangedByHand(t *testing.T) {
	s := deployed(t)
	for _, typ := range slices.Sorted(maps.Keys(first(s.stored()))) {
		to, known := others[typ]
		if !known {
			continue
		}
		t.Run(typ, func(t *testing.T) {
			s.t = t
			r := first(s.stored())[typ]
			b, err := catalog.New(s.env.Config).Behaviour(typ)
			require.NoError(t, err)
			by, err := value.From(to.to)
			require.NoError(t, err)
			require.False(t, value.Equal(by, r.Inputs.Get(to.property)))
			req := of(r, r.Inputs.With(to.property, by))
			req.Tags = ours(s, r)
			_, err = b.Update(t.Context(), req)
			require.NoError(t, err)
			p := s.plan(to.refresh)
			change := changeOf(p, r.ID)
			require.NotNil(t, change, "the plan leaves out %s", r.ID)
			require.Contains(t, change.Reason, to.property)
			require.Contains(t, p.Survey.Differing, r.ID)
			repair := request()
			repair.Refresh = to.refresh
			_, err = s.road.Apply(t.Context(), repair)
			require.NoError(t, err)
			require.False(t, s.plan(true).HasChanges())
		})
	}
}

// ours are the tags of an object.
func ours(s *site, r engine.StoredResource) map[string]string {
	stored, err := s.road.Read(s.t.Context(), key)
	require.NoError(s.t, err)
	return map[string]string{
		resource.TagStack: key.Stack, resource.TagEnvironment: key.Environment, resource.TagComponent: r.Component,
		resource.TagLineage: stored.Snapshot.Envelope.Lineage, resource.TagResource: r.ID,
	}
}

func TestServicesChangedByHand(t *testing.T) {
	s := deployed(t)
	second := request()
	second.Variables["VERSION"] = "1.1.0"
	_, err := s.road.Apply(t.Context(), second)
	require.NoError(t, err)
	client := ecs.NewFromConfig(s.env.Config)
	for _, r := range s.stored() {
		if r.Type != "ecs/service" {
			continue
		}
		family := r.Outputs.Get("taskDefinition").Str()
		for name, in := range map[string]*ecs.UpdateServiceInput{
			"scaled to 0":            {DesiredCount: aws.Int32(0)},
			"scaled to 5":            {DesiredCount: aws.Int32(5)},
			"put back to revision 1": {TaskDefinition: aws.String(family[:strings.LastIndex(family, ":")] + ":1")},
		} {
			t.Run(r.ID+" "+name, func(t *testing.T) {
				s.t = t
				in.Cluster, in.Service = aws.String(r.Inputs.Get("cluster").Str()), aws.String(r.Inputs.Get("name").Str())
				_, err := client.UpdateService(t.Context(), in)
				require.NoError(t, err)
				owned := !r.Inputs.Get("minCount").IsNull() // by autoscaling
				require.Eventually(t, func() bool {
					planned, err := s.road.Plan(t.Context(), second)
					require.NoError(t, err)
					return (changeOf(planned.Plan, r.ID) != nil) == !(owned && name == "scaled to 5")
				}, time.Minute, 200*time.Millisecond, "the rollout by hand takes a while")
				_, err = s.road.Apply(t.Context(), second)
				require.NoError(t, err)
				out, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: in.Cluster, Services: []string{*in.Service}})
				require.NoError(t, err)
				require.Equal(t, family, *out.Services[0].TaskDefinition)
				switch wanted := r.Inputs.Get("desiredCount"); {
				case !owned:
					require.Equal(t, int32(wanted.Number()), out.Services[0].DesiredCount)
				default:
					require.GreaterOrEqual(t, out.Services[0].DesiredCount, int32(r.Inputs.Get("minCount").Number()))
				}
			})
		}
	}
}

func TestTagsTakenAwayByHand(t *testing.T) {
	s := deployed(t)
	r := first(s.stored())["ec2/security-group"]
	_, err := ec2.NewFromConfig(s.env.Config).DeleteTags(t.Context(), &ec2.DeleteTagsInput{
		Resources: []string{r.AWSID}, Tags: []ec2types.Tag{{Key: aws.String(resource.TagLineage)}},
	})
	require.NoError(t, err)
	change := changeOf(s.plan(false), r.ID)
	require.NotNil(t, change)
	require.Equal(t, "its tags were changed outside of deployer: "+resource.TagLineage, change.Reason)
	s.apply()
	require.False(t, s.plan(true).HasChanges())

	// A queue is only looked up in the index, which does not list it by its tags any more: then it is read.
	queue := first(s.stored())["sqs/queue"]
	_, err = sqs.NewFromConfig(s.env.Config).UntagQueue(t.Context(), &sqs.UntagQueueInput{QueueUrl: &queue.AWSID, TagKeys: []string{resource.TagStack}})
	require.NoError(t, err)
	change = changeOf(s.plan(false), queue.ID)
	require.NotNil(t, change)
	require.Equal(t, plan.Update, change.Action)
	s.apply()
	require.False(t, s.plan(true).HasChanges())
}

// What may not be asked is said, and the rest is asked all the same.
func TestWhatMayNotBeAsked(t *testing.T) {
	s := deployed(t)
	require.NoError(t, s.env.Proxy.Inject(proxy.Fault{
		Filter: proxy.Filter{Operation: "GetResources"}, Action: proxy.Fail, Status: 400, Code: "AccessDeniedException", Message: "not allowed", Times: -1,
	}))
	p := s.plan(false)
	require.False(t, p.HasChanges())
	require.Len(t, p.Survey.Unasked, 1)
	require.Equal(t, "tag:GetResources is not allowed", p.Survey.Unasked[0].Why)
	require.Equal(t, p.Survey.Objects, p.Survey.There+len(p.Survey.Unasked[0].Resources))
	require.Positive(t, p.Survey.There)
}
