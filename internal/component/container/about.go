package container

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/image"
)

// Summary is what the tasks will be, for people: image, size, how many.
func (s *Spec) Summary(scaling *Scaling) string {
	name := "an image that is known after apply"
	if s.Image.Known() {
		name = brief(s.Image.Get())
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
	text := fmt.Sprintf("%s; %s %s of %s vCPU, %d MiB", name, tasks, unit,
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

// digestShown is how much of a digest is enough for people: sha256: and twelve characters, as docker images shows them.
const digestShown = len("sha256:") + 12

// brief is the name of an image with its tag; with the beginning of the digest if it has no tag.
func brief(name string) string {
	text, digest, _ := strings.Cut(name, "@")
	if ref := image.Parse(name); !ref.Tagged && len(digest) > digestShown {
		return text + "@" + digest[:digestShown]
	}
	return text
}
