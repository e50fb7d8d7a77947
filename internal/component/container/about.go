package container

import (
	"fmt"
	"strconv"
	"strings"
)

// Summary is what the tasks will be, for people: image, size, how many.
func (s *Spec) Summary(scaling *Scaling) string {
	image := "an image that is known after apply"
	if s.Image.Known() {
		image, _, _ = strings.Cut(s.Image.Get(), "@")
	}
	cpu, memory := s.Size()
	least, most := scaling.Limits()
	tasks := strconv.Itoa(least)
	if most > least {
		tasks += " to " + strconv.Itoa(most)
	}
	unit := "tasks"
	if least == 1 && most <= 1 {
		unit = "task"
	}
	text := fmt.Sprintf("%s; %s %s of %s vCPU, %d MiB", image, tasks, unit,
		strconv.FormatFloat(float64(cpu)/1024, 'f', -1, 64), memory)
	if s.Architecture == "arm64" {
		text += ", arm64"
	}
	if s.Spot {
		text += ", spot"
	}
	if s.Release != nil {
		text += "; before each rollout: " + strings.Join(s.Release.Command, " ")
	}
	return text
}
