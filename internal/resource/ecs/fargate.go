package ecs

import (
	"fmt"
	"slices"
)

// Size is one CPU step of Fargate with its memory range, in MiB.
type Size struct{ CPU, Least, Most, Step int }

// Sizes is AWS's table of task sizes ("Task CPU and memory", Amazon ECS developer guide).
var Sizes = []Size{
	{256, 512, 2048, 512},
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
}

// SizeOf returns the size with that CPU; false if Fargate has none.
func SizeOf(cpu int) (Size, bool) {
	i := slices.IndexFunc(Sizes, func(s Size) bool { return s.CPU == cpu })
	if i < 0 {
		return Size{}, false
	}
	return Sizes[i], true
}

// Allows knows the one irregular step: 256 CPU units allow 512, 1024 and 2048 MiB, but not 1536.
func (s Size) Allows(memory int) bool {
	return memory >= s.Least && memory <= s.Most && (memory-s.Least)%s.Step == 0 && !(s.CPU == 256 && memory == 1536)
}

// String lists the memory of a size.
func (s Size) String() string {
	if s.CPU == 256 {
		return "512, 1024 or 2048 MiB"
	}
	return fmt.Sprintf("%d to %d MiB in steps of %d", s.Least, s.Most, s.Step)
}
