// Package survey changes a deployed stack by hand, in objects of every type, and expects plan and status to see it and
// apply to repair it.
//
// In: the example stack with one more service, the AWS emulator behind the test proxy. Out: a table of types and
// changes (-v prints it). It runs the product in the process, as the command line does. It makes the changes with
// credentials and calls of its own, and must not change the state. Changes of many types are made at once and looked
// for one by one: that costs a few runs instead of a few for each type.
package survey

import (
	"cmp"
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
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/service"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
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
	back *backend.Backend
	rows []row

	version string // of the images, which runs
}

// row is a line of the table.
type row struct{ typ, change, plan, apply, status string }

// more is what the example has not: HTTPS with two certificates, limits that change by the clock, a fixed number of
// tasks, an Aurora cluster, and all that a cache can be besides a cache with a password.
const more = `apiVersion: components.deployer.io/v1
kind: MicroService
metadata:
  name: shop
spec:
  image: "shop:${VERSION}"
  ports: [{name: http, port: 80}]
  ingress: {host: a.example.com, hosts: [b.example.com], certificate: auto}
  scaling:
    min: 1
    max: 2
    schedule: [{name: morning, cron: 0 8 ? * MON-FRI *, min: 2, max: 4}]
---
apiVersion: components.deployer.io/v1
kind: Worker
metadata:
  name: sole
spec:
  image: "sole:${VERSION}"
  scaling: {min: 2}
---
apiVersion: components.deployer.io/v1
kind: RDS
metadata:
  name: ledger
spec: {engine: aurora-postgresql, version: "17", capacity: {min: 0.5, max: 2}, parameters: {work_mem: 4096}}
---
apiVersion: components.deployer.io/v1
kind: ElastiCache
metadata:
  name: pages
spec: {engine: memcached, nodeType: cache.t4g.micro}
---
apiVersion: components.deployer.io/v1
kind: ElastiCache
metadata:
  name: ranks
spec:
  nodeType: cache.t4g.micro
  users: [{name: app, access: "on ~* +@all"}]
---
apiVersion: components.deployer.io/v1
kind: ElastiCache
metadata:
  name: carts
spec: {serverless: {}}
`

func deployed(t *testing.T) *site {
	env := testkit.Start(t, testkit.InRegion("us-east-1")) // which the example names
	root := t.TempDir()
	stack := filepath.Join(root, "stacks", key.Stack)
	require.NoError(t, os.CopyFS(stack, os.DirFS("../../examples/"+key.Stack)))
	require.NoError(t, os.WriteFile(filepath.Join(stack, "services", "user-service", "shop.yaml"), []byte(more), 0o600))
	for _, host := range []string{"a.example.com", "b.example.com"} {
		env.Certificate(t, host)
	}
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
	back, err := backend.Open(t.Context(), backend.World{
		Root: root, Home: t.TempDir(), Settings: settings, Env: variables, Now: time.Now, Version: "test",
		Command: "deployer apply", Hard: t.Context(),
		Types: catalog.New, Index: tagging.Find,
	})
	require.NoError(t, err)
	s := &site{t: t, env: env, back: back, version: "1.0.0"}
	s.apply(false)
	s.healthy()
	return s
}

// certificate puts an issued certificate for a host into ACM, and returns its ARN.
func (s *site) request(refresh bool) deploy.Request {
	return deploy.Request{
		Key: key, Variables: map[string]string{"VERSION": s.version}, Refresh: refresh,
		Progress: func(plan.Event) {},
	}
}

func (s *site) plan(refresh bool) *plan.Plan {
	s.t.Helper()
	planned, err := deploy.Plan(s.t.Context(), s.back, s.request(refresh))
	require.NoError(s.t, err)
	return planned.Plan
}

func (s *site) apply(refresh bool) *plan.Plan {
	s.t.Helper()
	applied, err := deploy.Apply(s.t.Context(), s.back, s.request(refresh))
	require.NoError(s.t, err)
	return applied.Plan
}

func (s *site) status() *report.Status {
	s.t.Helper()
	status, err := observe.Status(s.t.Context(), s.back, key, "")
	require.NoError(s.t, err)
	return status
}

func (s *site) healthy() {
	s.t.Helper()
	status := s.status()
	require.True(s.t, status.Healthy, "%+v", status.Components)
	require.Equal(s.t, status.Objects.Wanted, status.Objects.There)
}

// stored are the resources of the state, each after all that it needs.
func (s *site) stored() []engine.StoredResource {
	s.t.Helper()
	stored, err := observe.Read(s.t.Context(), s.back, key)
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
		Resource: r.ID, Type: r.Type, ID: r.AWSID,
		Old: resource.State{ID: r.AWSID, Inputs: r.Inputs, Outputs: r.Outputs}, Inputs: inputs,
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
		if err := b.Delete(s.t.Context(), of(one, value.NullValue)); err != nil &&
			!errors.Is(err, resource.ErrNotFound) {
			require.NoError(s.t, err, one.ID)
		}
	}
}

// byHand is how a person changes an object of a type.
var byHand = service.Types()

// first returns the resource of each type that comes first by its ID.
func (s *site) first() map[string]engine.StoredResource {
	s.t.Helper()
	out := map[string]engine.StoredResource{}
	for _, r := range s.stored() {
		if other, there := out[r.Type]; !there || r.ID < other.ID {
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

// hand is something that a person did to an object.
type hand struct {
	engine.StoredResource
	change string        // what: "deleted"
	in     string        // what was changed, as status says it
	reason string        // which the plan gives, or a part of it
	action plan.Action   // of the plan
	health report.Health // which status shows
	late   bool          // only --refresh tells plan and apply
}

// seen expects plan and status to tell of all that was done by hand, and apply to repair it.
func (s *site) seen(hands ...hand) {
	t := s.t
	status, quick := s.status(), s.plan(false)
	repair := s.apply(false)
	refreshed := s.plan(true)
	require.False(t, status.Healthy)
	for _, h := range hands {
		t.Run(h.Type, func(t *testing.T) {
			line := row{typ: h.Type, change: h.change, plan: "yes", apply: "yes", status: string(h.health)}
			part := partOf(status, h.StoredResource)
			require.NotNil(t, part, "status leaves out %s: %+v", h.ID, status.Components)
			require.Equal(t, h.health, part.Health, part.Problem)
			if h.health == report.Changed {
				require.Contains(t, part.Problem, "Changed outside of deployer, in "+h.in)
			}
			change := changeOf(quick, h.ID)
			if h.late {
				require.Nil(t, change)
				require.Nil(t, changeOf(repair, h.ID))
				change = changeOf(refreshed, h.ID)
				line.plan, line.apply = "--refresh", "--refresh"
			} else {
				require.NotNil(t, changeOf(repair, h.ID))
				require.Nil(t, changeOf(refreshed, h.ID), "apply did not repair it")
				require.Contains(t, slices.Concat(quick.Survey.Missing, quick.Survey.Differing), h.ID)
			}
			require.NotNil(t, change, "the plan leaves out %s", h.ID)
			require.Equal(t, h.action, change.Action)
			require.Contains(t, change.Reason, h.reason)
			s.rows = append(s.rows, line)
		})
	}
	if slices.ContainsFunc(hands, func(h hand) bool { return h.late }) {
		s.apply(true)
		refreshed = s.plan(true)
	}
	require.False(t, refreshed.HasChanges(), "after the repair: %+v", refreshed.Components)
	require.Equal(t, refreshed.Survey.Objects, refreshed.Survey.There)
	s.healthy()
}

// partOf is what a status says of an object; nil when it says nothing, or counts its component among the healthy ones.
func partOf(status *report.Status, r engine.StoredResource) *report.Part {
	for _, c := range status.Components {
		if c.Address != r.Component || c.Healthy {
			continue
		}
		for i := range c.Affected {
			if c.Affected[i].Resource == r.ID {
				return &c.Affected[i]
			}
		}
	}
	return nil
}

func TestChangesByHand(t *testing.T) {
	s := deployed(t)
	ran := 0
	parts := []struct {
		name string
		run  func()
	}{
		{"deleted", s.deletedAlone},
		{"deleted with what needs it", s.deletedWithOthers},
		{"changed", s.changed},
		{"tags of users changed", s.userTags},
		{"tags of ours changed", s.ownTags},
		{"what is not ours", s.foreign},
		{"services", s.services},
		{"newest revision deregistered", s.deregistered},
		{"what may not be asked", s.unasked},
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			ran++
			s.t = t
			part.run()
		})
	}
	if ran == len(parts) && !t.Failed() {
		s.complete(t)
	}
	slices.SortFunc(s.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.change, b.change))
	})
	lines := []string{fmt.Sprintf("%-40s %-32s %-11s %-11s %s", "type", "by hand", "plan", "apply", "status")}
	for _, r := range s.rows {
		lines = append(lines, fmt.Sprintf("%-40s %-32s %-11s %-11s %s", r.typ, r.change, r.plan, r.apply, r.status))
	}
	t.Logf("%d changes made by hand\n%s", len(s.rows), strings.Join(lines, "\n"))
}

// complete expects that every type was tried, deleted and changed.
func (s *site) complete(t *testing.T) {
	for _, def := range catalog.New(s.env.Config).Definitions() {
		if byHand[def.Type].Untried != "" {
			continue
		}
		for _, deleted := range []bool{true, false} {
			require.True(t, slices.ContainsFunc(s.rows, func(r row) bool {
				return r.typ == def.Type && r.plan != "not ours" && (r.change == "deleted") == deleted
			}), "%s is not tried, deleted: %t", def.Type, deleted)
		}
	}
}

func deletion(r engine.StoredResource) hand {
	return hand{
		StoredResource: r, change: "deleted", reason: "it was deleted outside of deployer", action: plan.Create,
		health: report.Missing,
	}
}

// sample is one resource of each type, in the order of the types.
func (s *site) sample() []engine.StoredResource {
	all := s.first()
	var out []engine.StoredResource
	for _, typ := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[typ])
	}
	return out
}

func (s *site) deletedAlone() {
	var hands []hand
	for _, r := range s.sample() {
		if !byHand[r.Type].Needed {
			s.delete(r, true)
			hands = append(hands, deletion(r))
		}
	}
	s.seen(hands...)
}

func (s *site) deletedWithOthers() {
	var hands []hand
	for _, r := range s.sample() {
		if byHand[r.Type].Needed {
			s.delete(r, false)
			hands = append(hands, deletion(r))
		}
	}
	s.seen(hands...)
}

func (s *site) update(r engine.StoredResource, inputs value.Value, tags map[string]string) {
	s.t.Helper()
	b, err := catalog.New(s.env.Config).Behaviour(r.Type)
	require.NoError(s.t, err)
	req := of(r, inputs)
	req.Tags = tags
	_, err = b.Update(s.t.Context(), req)
	require.NoError(s.t, err, r.ID)
}

func (s *site) changed() {
	var hands []hand
	for _, r := range s.sample() {
		other := byHand[r.Type]
		h := hand{
			StoredResource: r, action: plan.Update, health: report.Changed,
			late: byHand[r.Type].Indexed,
		}
		if r.Type == "ecs/service" { // an update of ours starts a rollout
			_, err := ecs.NewFromConfig(s.env.Config).UpdateService(s.t.Context(), &ecs.UpdateServiceInput{
				Cluster: aws.String(r.Inputs.Get("cluster").Str()), Service: aws.String(r.Inputs.Get("name").Str()),
				DeploymentConfiguration: &ecstypes.DeploymentConfiguration{MaximumPercent: aws.Int32(300)},
			})
			require.NoError(s.t, err)
		}
		if other.Property == "" {
			continue // only its tags can be changed
		}
		h.change, h.in, h.reason = "changed in "+other.Property, other.Property, other.Property
		hands = append(hands, h)
		if r.Type == "ecs/service" {
			continue
		}
		to, err := value.From(other.To)
		require.NoError(s.t, err)
		if r.Type == "elbv2/listener-certificates" {
			to = value.NewList(r.Inputs.Get(other.Property).Items()[1:]...)
		}
		require.False(s.t, value.Equal(to, r.Inputs.Get(other.Property)))
		s.update(r, r.Inputs.With(other.Property, to), s.ours(r))
	}
	s.seen(hands...)
}

// retag gives an object another tag, as a person does in the console.
func (s *site) retag(r engine.StoredResource, name, text string) {
	s.t.Helper()
	switch r.Type {
	case "ecs/task-definition", "ecs/service": // an update of ours does more
		_, err := ecs.NewFromConfig(s.env.Config).TagResource(s.t.Context(), &ecs.TagResourceInput{
			ResourceArn: aws.String(r.Outputs.Get("arn").Str()), Tags: []ecstypes.Tag{{Key: &name, Value: &text}},
		})
		require.NoError(s.t, err)
		return
	}
	inputs, tags := r.Inputs, s.ours(r)
	if _, users := inputs.Get("tags").Entries()[name]; users {
		inputs = inputs.With("tags", inputs.Get("tags").With(name, value.NewString(text)))
	} else {
		tags[name] = text
	}
	s.update(r, inputs, tags)
}

// taggable are the samples of the types that carry tags.
func (s *site) taggable() []engine.StoredResource {
	return slices.DeleteFunc(s.sample(), func(r engine.StoredResource) bool { return r.Inputs.Get("tags").IsNull() })
}

func (s *site) userTags() {
	var hands []hand
	for _, r := range s.taggable() {
		s.retag(r, "team", "others")
		hands = append(hands, hand{
			StoredResource: r, change: "tag of a user changed", in: "tags", reason: "tags", action: plan.Update,
			health: report.Changed,
			late:   byHand[r.Type].Indexed,
		})
	}
	s.seen(hands...)
}

// ownTags takes objects for another stack: the index does not list those for ours any more, so that all are read.
func (s *site) ownTags() {
	var hands []hand
	for _, r := range s.taggable() {
		s.retag(r, resource.TagStack, "other")
		hands = append(hands, hand{
			StoredResource: r, change: "tag of deployer changed", in: "tags",
			reason: "its tags were changed outside of deployer: " + resource.TagStack,
			action: plan.Update, health: report.Changed,
		})
	}
	s.seen(hands...)
}

// foreign are rules of our group and certificates of our listener that somebody has added: they are not ours, and stay.
func (s *site) foreign() {
	all := s.first()
	group, listener := all["ec2/security-group"].AWSID, all["elbv2/listener-certificates"].AWSID
	client := ec2.NewFromConfig(s.env.Config)
	added, err := client.AuthorizeSecurityGroupIngress(s.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []ec2types.IpPermission{{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
			IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.1.2.3/32")}},
		}},
	})
	require.NoError(s.t, err)
	_, err = elb.NewFromConfig(s.env.Config).AddListenerCertificates(s.t.Context(), &elb.AddListenerCertificatesInput{
		ListenerArn: &listener, Certificates: []elbtypes.Certificate{
			{CertificateArn: aws.String(s.env.Certificate(s.t, "foreign.example.com"))},
		},
	})
	require.NoError(s.t, err)
	s.healthy()
	require.False(s.t, s.plan(true).HasChanges())
	s.apply(true)
	rules, err := client.DescribeSecurityGroupRules(s.t.Context(), &ec2.DescribeSecurityGroupRulesInput{
		SecurityGroupRuleIds: []string{*added.SecurityGroupRules[0].SecurityGroupRuleId},
	})
	require.NoError(s.t, err)
	require.Len(s.t, rules.SecurityGroupRules, 1)
	s.rows = append(
		s.rows,
		row{"ec2/security-group", "a rule of others added", "not ours", "stays", "healthy"},
		row{"elbv2/listener-certificates", "a certificate of others added", "not ours", "stays", "healthy"},
	)
}

// ours are the tags of an object.
func (s *site) ours(r engine.StoredResource) map[string]string {
	stored, err := observe.Read(s.t.Context(), s.back, key)
	require.NoError(s.t, err)
	return map[string]string{
		resource.TagStack: key.Stack, resource.TagEnvironment: key.Environment, resource.TagComponent: r.Component,
		resource.TagLineage: stored.Snapshot.Envelope.Lineage, resource.TagResource: r.ID,
	}
}

func (s *site) services() {
	t := s.t
	s.version = "1.1.0"
	s.apply(false)
	client := ecs.NewFromConfig(s.env.Config)
	for _, r := range s.stored() {
		if r.Type != "ecs/service" || r.Component != "user-service/sole" && r.Component != "user-service/worker" {
			continue
		}
		family := r.Outputs.Get("taskDefinition").Str()
		owned := !r.Inputs.Get("minCount").IsNull() // by autoscaling
		for _, by := range []struct {
			name   string
			in     *ecs.UpdateServiceInput
			health report.Health
		}{
			{"scaled to 0", &ecs.UpdateServiceInput{DesiredCount: aws.Int32(0)}, report.Unhealthy},
			{"scaled to 5", &ecs.UpdateServiceInput{DesiredCount: aws.Int32(5)}, report.Changed},
			{
				"put back to revision 1",
				&ecs.UpdateServiceInput{TaskDefinition: aws.String(family[:strings.LastIndex(family, ":")] + ":1")},
				report.Changed,
			},
		} {
			t.Run(r.ID+" "+by.name, func(t *testing.T) {
				s.t = t
				in := by.in
				in.Cluster, in.Service = aws.String(r.Inputs.Get("cluster").Str()),
					aws.String(r.Inputs.Get("name").Str())
				_, err := client.UpdateService(t.Context(), in)
				require.NoError(t, err)
				mayBe := owned && by.name == "scaled to 5" // autoscaling does that, too
				line := row{r.Type, by.name, "yes", "yes", string(by.health)}
				if mayBe {
					by.health = report.Healthy
					line = row{r.Type, by.name + ", with autoscaling", "as wanted", "stays", "healthy"}
				}
				require.Eventually(t, func() bool {
					if (changeOf(s.plan(false), r.ID) != nil) == mayBe {
						return false
					}
					status := s.status()
					part := partOf(status, r)
					return mayBe && part == nil && status.Healthy ||
						part != nil && part.Health == by.health && !status.Healthy
				}, time.Minute, 200*time.Millisecond, "the rollout by hand takes a while")
				s.apply(false)
				out, err := client.DescribeServices(t.Context(),
					&ecs.DescribeServicesInput{Cluster: in.Cluster, Services: []string{*in.Service}})
				require.NoError(t, err)
				require.Equal(t, family, *out.Services[0].TaskDefinition)
				switch wanted := r.Inputs.Get("desiredCount"); {
				case !owned:
					require.Equal(t, int32(wanted.Number()), out.Services[0].DesiredCount)
				default:
					require.GreaterOrEqual(t, out.Services[0].DesiredCount, int32(r.Inputs.Get("minCount").Number()))
				}
				if !slices.Contains(s.rows, line) {
					s.rows = append(s.rows, line)
				}
			})
		}
	}
}

// deregistered takes the revision away that runs, while an older one is still there: the family is not gone.
func (s *site) deregistered() {
	r := s.first()["ecs/task-definition"]
	client := ecs.NewFromConfig(s.env.Config)
	_, err := client.DeregisterTaskDefinition(s.t.Context(),
		&ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String(r.Outputs.Get("arn").Str())})
	require.NoError(s.t, err)
	part := partOf(s.status(), r)
	require.NotNil(s.t, part)
	require.Equal(s.t, report.Changed, part.Health)
	change := changeOf(s.plan(false), r.ID)
	require.NotNil(s.t, change)
	require.Contains(s.t, change.Reason, "containers")
	s.apply(false)
	require.False(s.t, s.plan(true).HasChanges())
	s.healthy()
	s.rows = append(s.rows, row{r.Type, "newest revision deregistered", "yes", "yes", "changed"})
}

// What may not be asked is said, and the rest is asked all the same.
func (s *site) unasked() {
	require.NoError(s.t, s.env.Proxy.Inject(proxy.Fault{
		Filter: proxy.Filter{Operation: "GetResources"}, Action: proxy.Fail, Status: 400, Code: "AccessDeniedException",
		Message: "not allowed", Times: -1,
	}))
	p := s.plan(false)
	require.False(s.t, p.HasChanges())
	require.Len(s.t, p.Survey.Unasked, 1)
	require.Equal(s.t, "tag:GetResources is not allowed", p.Survey.Unasked[0].Why)
	require.Equal(s.t, p.Survey.Objects, p.Survey.There+len(p.Survey.Unasked[0].Resources))
	require.Positive(s.t, p.Survey.There)
}
