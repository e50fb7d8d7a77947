package deploy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// What the safety machinery costs: "with" takes every step (lock, fence, claim with intents, guard, journal on disk,
// coalesced saves, history, derived copy, release), "without" runs the engine alone. AWS and the backend answer at
// once, so that nothing hides the cost.

func thousand(b *testing.B) *resource.Graph {
	all := make([]*resource.Resource, 1000)
	for i := range all {
		id := fmt.Sprintf("service-%d/api:resource-%d", i/10, i%10)
		all[i] = res(id, single, "size", "1", "image", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/api:v1")
		if i%10 > 0 {
			all[i].Props = all[i].Props.With("before",
				value.Output(fmt.Sprintf("service-%d/api:resource-%d", i/10, i%10-1), "arn"))
		}
	}
	return graph(b, all...)
}

func busy(r *Request) { r.Parallelism = 10 }

// bare is the engine's part of a run.
func (p *process) bare(g *resource.Graph) engine.Options {
	o := newRun(p.Backend, &manifest.Stack{}, g, backend.Place{Account: "1", Region: "r", Session: &aws.Session{}},
		Request{Key: shop, Parallelism: 10}).options()
	o.Catalog, o.Events = p.catalog(), func(plan.Event) {}
	return o
}

func BenchmarkSafetyCreate(b *testing.B) {
	b.Run("with", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			p, g := newAccount().start(b.TempDir(), 0, false), thousand(b)
			b.StartTimer()
			applied, err := p.run(b.Context(), g, busy)
			require.NoError(b, err)
			require.Equal(b, 1000, applied.Plan.Summary().Create)
		}
	})
	b.Run("without", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			p, g := newAccount().start(b.TempDir(), 0, false), thousand(b)
			b.StartTimer()
			_, err := engine.PreviewApply(b.Context(), g, nil, p.bare(g))
			require.NoError(b, err)
			result, err := engine.Apply(b.Context(), g, nil, p.bare(g))
			require.NoError(b, err)
			require.True(b, result.Changed)
		}
	})
}

func BenchmarkSafetyNothing(b *testing.B) {
	a, home, g := newAccount(), b.TempDir(), thousand(b)
	_, err := a.start(home, 0, false).run(b.Context(), g, busy)
	require.NoError(b, err)
	b.Run("with", func(b *testing.B) {
		for b.Loop() {
			applied, err := a.start(home, 0, false).run(b.Context(), g, busy)
			require.NoError(b, err)
			require.False(b, applied.Changed)
		}
	})
	b.Run("without", func(b *testing.B) {
		p := a.start(home, 0, false)
		for b.Loop() {
			stored, err := p.Get(b.Context(), shop)
			require.NoError(b, err)
			o := p.bare(g)
			preview, err := engine.PreviewApply(b.Context(), g, stored.Payload.Engine, o)
			require.NoError(b, err)
			require.False(b, preview.Plan.HasChanges())
		}
	})
}
