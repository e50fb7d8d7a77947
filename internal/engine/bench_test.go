package engine

import (
	"fmt"
	"testing"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// large is a graph of n resources in components of ten; in each, every resource but the first refers to the one before.
func large(b testing.TB, n int) *resource.Graph {
	all := make([]*resource.Resource, n)
	for i := range all {
		id := fmt.Sprintf("service-%d/api:resource-%d", i/10, i%10)
		r := res(id, thing, "name", fmt.Sprint("name-", i), "image",
			"123456789012.dkr.ecr.eu-central-1.amazonaws.com/api:v1", "cpu", 256, "memory", 512,
			"ports", []any{map[string]any{"port": 8080, "name": "http"}}, "environment",
			map[string]any{"A": "1", "B": "2", "C": "3"})
		if i%10 > 0 {
			r.Props = r.Props.With("before", value.Output(fmt.Sprintf("service-%d/api:resource-%d", i/10, i%10-1),
				"arn"))
		}
		all[i] = r
	}
	return graph(b, all...)
}

func BenchmarkPreview(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := newCloud()
			o := c.options()
			g := large(b, n)
			state := apply(b, g, nil, o).State
			b.ReportAllocs()
			for b.Loop() {
				p, err := PreviewApply(b.Context(), g, state, o)
				if err != nil || p.Plan.Unchanged != n {
					b.Fatal(err, p.Plan.Summary())
				}
			}
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				c := newCloud()
				o := c.options()
				o.Parallelism = 10
				o.Journal = func([]byte, bool) error { return nil }
				apply(b, large(b, n), nil, o)
			}
		})
	}
}

func BenchmarkNothing(b *testing.B) {
	c := newCloud()
	o := c.options()
	g := large(b, 1000)
	state := apply(b, g, nil, o).State
	for b.Loop() {
		if apply(b, g, state, o).Changed {
			b.Fatal("changed")
		}
	}
}

func BenchmarkDestroy(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		c := newCloud()
		o := c.options()
		o.Parallelism = 10
		state := apply(b, large(b, 1000), nil, o).State
		b.StartTimer()
		if _, err := Destroy(b.Context(), state, o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResources(b *testing.B) {
	c := newCloud()
	state := apply(b, large(b, 1000), nil, c.options()).State
	b.SetBytes(int64(len(state)))
	for b.Loop() {
		if _, err := Resources(state); err != nil {
			b.Fatal(err)
		}
	}
}
