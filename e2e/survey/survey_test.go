// Package survey changes a deployed stack by hand, in objects of every type, and expects plan and status to see it and
// apply to repair it.
//
// In: the example stack with one more service, a VPC of a stack's own, the AWS emulator behind the test proxy. Out: a
// table of types and changes for each (-v prints it). It runs the product in the process, as the command line does. It
// makes the changes with credentials and calls of its own, and must not change the state. Changes of many types are
// made at once and looked for one by one: that costs a few runs instead of a few for each type.
package survey

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/value"
)

func TestMain(m *testing.M) {
	call.Scale = 0.001
	os.Exit(m.Run())
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
	s := example(t)
	s.try(t, []part{
		{"calls in sequence", s.sequence},
		{"deleted", s.deletedAlone},
		{"deleted with what needs it", s.deletedWithOthers},
		{"changed", s.changed},
		{"tags of users changed", s.userTags},
		{"tags of ours changed", s.ownTags},
		{"what is not ours", s.foreign},
		{"services", s.services},
		{"newest revision deregistered", s.deregistered},
		{"what may not be asked", s.unasked},
	})
}

// part of a survey is one kind of change.
type part struct {
	name string
	run  func()
}

// try makes all kinds of changes, and prints the table.
func (s *site) try(t *testing.T, parts []part) {
	ran := 0
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

// complete expects that every type of the stack's kind of network was tried, deleted and changed.
func (s *site) complete(t *testing.T) {
	for _, def := range catalog.New(s.env.Config).Definitions() {
		if byHand[def.Type].Untried != "" || byHand[def.Type].OwnVPC != s.ownVPC {
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
		if byHand[typ].OwnVPC == s.ownVPC {
			out = append(out, all[typ])
		}
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
		if s.ownVPC && other.To == nil {
			s.update(r, s.elsewhere(r), s.ours(r))
			continue
		}
		if r.Type == "elbv2/listener-certificates" {
			to = value.NewList(r.Inputs.Get(other.Property).Items()[1:]...)
		}
		require.False(s.t, value.Equal(to, r.Inputs.Get(other.Property)))
		s.update(r, r.Inputs.With(other.Property, to), s.ours(r))
	}
	s.seen(hands...)
}

// What may not be asked is said, and the rest is asked anyway.
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
