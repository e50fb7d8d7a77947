package survey

import (
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

	"github.com/company/deployer/e2e/testkit/service"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

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
	stored, err := observe.Read(s.t.Context(), s.back, s.key)
	require.NoError(s.t, err)
	return map[string]string{
		resource.TagStack: s.key.Stack, resource.TagEnvironment: s.key.Environment, resource.TagComponent: r.Component,
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
