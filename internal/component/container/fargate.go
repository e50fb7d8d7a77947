package container

import (
	"slices"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// Size returns the CPU units and MiB of a task, with defaults for what is not given. Only for specs that passed Check.
func (s *Spec) Size() (cpu, memory int) {
	switch {
	case s.CPU != nil && s.Memory != nil:
		return *s.CPU, *s.Memory
	case s.CPU != nil:
		if z, ok := ecs.SizeOf(*s.CPU); ok {
			return *s.CPU, z.Least
		}
	case s.Memory != nil:
		if i := slices.IndexFunc(ecs.Sizes, func(z ecs.Size) bool { return z.Allows(*s.Memory) }); i >= 0 {
			return ecs.Sizes[i].CPU, *s.Memory
		}
	}
	return ecs.Sizes[0].CPU, ecs.Sizes[0].Least
}

func (s *Spec) checkSize() []value.Problem {
	if s.CPU == nil && s.Memory == nil {
		return nil
	}
	if s.CPU == nil {
		if slices.ContainsFunc(ecs.Sizes, func(z ecs.Size) bool { return z.Allows(*s.Memory) }) {
			return nil
		}
		return []value.Problem{component.Invalid([]string{"memory"},
			"Fargate has no task of %d MiB; the sizes are 512 MiB and multiples of 1024 MiB",
			*s.Memory).RestsOn("cpu")}
	}
	if z, ok := ecs.SizeOf(*s.CPU); ok && s.Memory != nil && !z.Allows(*s.Memory) {
		return []value.Problem{component.Invalid([]string{"memory"},
			"Fargate has no task of %d CPU units with %d MiB; with that CPU it has %s", *s.CPU, *s.Memory,
			z).RestsOn("cpu")}
	}
	return nil
}
