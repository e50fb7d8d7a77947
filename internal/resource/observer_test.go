package resource

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/value"
)

func TestHealthOfEachObject(t *testing.T) {
	refused := errors.New("refused")
	type props struct {
		Name string `json:"name"`
	}
	queue := &Typed[props, struct{}]{Observe: Observing[props, struct{}]{
		HealthOf: func(_ context.Context, w Watched[props, struct{}]) (Observation, error) {
			switch w.Props.Name {
			case "gone":
				return Observation{Health: report.Healthy}, fmt.Errorf("no queue: %w", ErrNotFound)
			case "secret":
				return Observation{}, refused
			}
			return Observation{Health: report.Healthy, Problem: w.Props.Name}, nil
		},
	}}
	object := func(v value.Value) Observed { return Observed{Object: Object{State: State{Inputs: v}}} }
	named := func(name string) Observed {
		return object(value.NewMap(map[string]value.Value{"name": value.NewString(name)}))
	}
	out := queue.Health(t.Context(), []Observed{
		named("a"), named("gone"), object(value.NewString("?")), named("secret"), named("b"),
	})
	require.Len(t, out, 5)
	require.Equal(t, Observation{Health: report.Healthy, Problem: "a"}, out[0])
	require.Equal(t, Observation{Gone: true}, out[1])
	require.ErrorContains(t, out[2].Err, "do not fit the type")
	require.Equal(t, Observation{Err: refused}, out[3])
	require.Equal(t, "b", out[4].Problem, "answers are in the order of the objects")
	require.Nil(t, (&Typed[props, struct{}]{}).Health(t.Context(), []Observed{named("a")}))
}
