package container

import (
	"fmt"
	"slices"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

// size is one CPU step of Fargate with its memory range, in MiB.
type size struct{ cpu, least, most, step int }

// sizes is AWS's table of task sizes ("Task CPU and memory", Amazon ECS developer guide).
var sizes = []size{
	{256, 512, 2048, 512},
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
}

// allows knows the one irregular step: 256 CPU units allow 512, 1024 and 2048 MiB, but not 1536.
func (s size) allows(memory int) bool {
	return memory >= s.least && memory <= s.most && (memory-s.least)%s.step == 0 && !(s.cpu == 256 && memory == 1536)
}

func (s size) String() string {
	if s.cpu == 256 {
		return "512, 1024 or 2048 MiB"
	}
	return fmt.Sprintf("%d to %d MiB in steps of %d", s.least, s.most, s.step)
}

// Size returns the CPU units and MiB of a task, with defaults for what is not given. Only for specs that passed Check.
func (s *Spec) Size() (cpu, memory int) {
	switch {
	case s.CPU != nil && s.Memory != nil:
		return *s.CPU, *s.Memory
	case s.CPU != nil:
		if i := slices.IndexFunc(sizes, func(z size) bool { return z.cpu == *s.CPU }); i >= 0 {
			return *s.CPU, sizes[i].least
		}
	case s.Memory != nil:
		if i := slices.IndexFunc(sizes, func(z size) bool { return z.allows(*s.Memory) }); i >= 0 {
			return sizes[i].cpu, *s.Memory
		}
	}
	return sizes[0].cpu, sizes[0].least
}

func (s *Spec) checkSize() []value.Problem {
	if s.CPU == nil && s.Memory == nil {
		return nil
	}
	if s.CPU == nil {
		if slices.ContainsFunc(sizes, func(z size) bool { return z.allows(*s.Memory) }) {
			return nil
		}
		return []value.Problem{component.Invalid([]string{"memory"},
			"Fargate has no task of %d MiB; the sizes begin at 512, 1024 and 2048 MiB and go on in steps of 1024",
			*s.Memory).RestsOn("cpu")}
	}
	i := slices.IndexFunc(sizes, func(z size) bool { return z.cpu == *s.CPU })
	if i >= 0 && s.Memory != nil && !sizes[i].allows(*s.Memory) {
		return []value.Problem{component.Invalid([]string{"memory"},
			"Fargate has no task of %d CPU units with %d MiB; with that CPU it has %s", *s.CPU, *s.Memory,
			sizes[i]).RestsOn("cpu")}
	}
	return nil
}
