package container

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

const (
	maxDefinition = 65536 // bytes of a task definition
	largestShown  = 3     // parts that the message names
)

// Check finds what the types of the shared fields cannot express. tasks is the least number of running tasks.
func (s *Spec) Check(in component.Instance, tasks int) []value.Problem {
	problems := s.checkSize()
	problems = append(problems, imageProblems([]string{"image"}, s.Image)...)
	problems = append(problems, checkVariables(in, nil, s.Environment, s.Secrets)...)
	problems = append(problems, s.checkSidecars(in)...)
	problems = append(problems, checkWords([]string{"command"}, s.Command)...)
	if s.Release != nil {
		problems = append(problems, checkWords([]string{"release", "command"}, s.Release.Command)...)
		problems = append(problems, s.Release.checkSize()...)
	}
	problems = append(problems, s.checkDefinitionSize()...)
	problems = append(problems, s.Deployment.check(in, tasks)...)
	return problems
}

// checkSize refuses a command that ECS does not take: all overrides of a task have at most 8192 characters.
func (r *Release) checkSize() []value.Problem {
	const limit, rest = 8192, 512 // JSON around the words
	text, err := json.Marshal(r.Command)
	if err == nil && len(text) <= limit-rest {
		return nil
	}
	return []value.Problem{component.Invalid([]string{"release", "command"},
		"has %d characters, and ECS allows a command of at most %d: put it into a script in the image", len(text),
		limit-rest)}
}

// imageProblems checks an image. An image that is not known yet passes.
func imageProblems(path []string, image value.Of[string]) []value.Problem {
	if !image.Known() {
		return nil
	}
	if err := CheckImage(image.Get()); err != nil {
		return []value.Problem{component.Invalid(path, "%s", err)}
	}
	return nil
}

// checkWords finds words of a command that no process can take as an argument.
func checkWords(path []string, words []string) []value.Problem {
	var problems []value.Problem
	for i, word := range words {
		if strings.ContainsRune(word, 0) {
			problems = append(problems, component.Invalid(join(path, strconv.Itoa(i)),
				"contains a NUL character, which would end a word of a command: remove it"))
		}
	}
	return problems
}

func checkVariables(
	in component.Instance, below []string, environment, secrets map[string]value.Of[string],
) []value.Problem {
	var problems []value.Problem
	for _, field := range []string{"environment", "secrets"} {
		entries := environment
		if field == "secrets" {
			entries = secrets
		}
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			path := join(below, field, name)
			if field == "environment" {
				if strings.ContainsRune(textOf(entries[name]), 0) {
					problems = append(problems,
						component.Invalid(path,
							"contains a NUL character, which would end the value of an environment "+
								"variable: remove it"))
				}
				continue
			}
			if _, twice := environment[name]; twice {
				problems = append(problems,
					component.Invalid(path, "%s is also in environment; ECS accepts a variable in one place only",
						name))
			}
			if !entries[name].IsSet() {
				problems = append(problems, component.Invalid(path, "is empty"))
			} else if _, err := parseSecret(in, entries[name].Value()); err != nil {
				problems = append(problems, component.Invalid(path, "%s", err))
			}
		}
	}
	return problems
}

func (s *Spec) checkSidecars(in component.Instance) []value.Problem {
	var problems []value.Problem
	cpu, memory := s.Size()
	main := in.Original().Name
	for i, c := range s.Sidecars {
		path := []string{"sidecars", strconv.Itoa(i)}
		if c.Name == main {
			problems = append(problems, component.Invalid(join(path, "name"), "%q is the name of the main container",
				c.Name))
		}
		problems = append(problems, imageProblems(join(path, "image"), c.Image)...)
		problems = append(problems, checkWords(join(path, "command"), c.Command)...)
		problems = append(problems, checkVariables(in, path, c.Environment, c.Secrets)...)
		cpu, memory = cpu-c.CPU, memory-c.Memory
	}
	if cpu <= 0 {
		problems = append(problems, component.Invalid([]string{"sidecars"},
			"the sidecars use all CPU units of the task, and none are left for the main "+
				"container: raise cpu").RestsOn("cpu",
			"memory"))
	}
	if memory <= 0 {
		problems = append(problems, component.Invalid([]string{"sidecars"},
			"the sidecars use all memory of the task, and none is left for the main container: "+
				"raise memory").RestsOn("cpu",
			"memory"))
	}
	return problems
}

// checkDefinitionSize refuses a spec that is too large for a task definition. It counts only variables, secrets and
// commands that are known, with the JSON around them, so a refused spec is certainly too large.
func (s *Spec) checkDefinitionSize() []value.Problem {
	type part struct {
		path  []string
		bytes int
	}
	var all []part
	sum := 0
	add := func(path []string, bytes int) {
		all = append(all, part{path, bytes})
		sum += bytes
	}
	container := func(below []string, command []string, environment, secrets map[string]value.Of[string]) {
		for _, name := range slices.Sorted(maps.Keys(environment)) {
			add(join(below, "environment", name),
				len(`{"name":"","value":""},`)+len(name)+jsonLength(textOf(environment[name])))
		}
		for _, name := range slices.Sorted(maps.Keys(secrets)) {
			add(join(below, "secrets", name), len(`{"name":"","valueFrom":""},`)+len(name)+
				jsonLength(textOf(secrets[name])))
		}
		words := 0
		for _, word := range command {
			words += len(`"",`) + jsonLength(word)
		}
		if words > 0 {
			add(join(below, "command"), words)
		}
	}
	container(nil, s.Command, s.Environment, s.Secrets)
	for i, c := range s.Sidecars {
		container([]string{"sidecars", strconv.Itoa(i)}, c.Command, c.Environment, c.Secrets)
	}
	if sum <= maxDefinition {
		return nil
	}
	slices.SortStableFunc(all, func(a, b part) int { return b.bytes - a.bytes })
	var largest []string
	for _, v := range all[:min(len(all), largestShown)] {
		largest = append(largest, fmt.Sprintf("%s with %d bytes", strings.Join(v.path, "."), v.bytes))
	}
	return []value.Problem{component.Invalid(all[0].path,
		"variables, secrets and commands of all containers have %d bytes, and ECS allows a task definition of at most "+
			"%d; the largest are %s: keep large values in a file of the image, in S3 or in one JSON secret",
		sum, maxDefinition, strings.Join(largest, ", ")).RestsOn("environment", "secrets", "sidecars")}
}

// jsonLength is how many bytes a text takes between the quotes of JSON.
func jsonLength(text string) int {
	raw, err := json.Marshal(text)
	if err != nil {
		return len(text)
	}
	return len(raw) - len(`""`)
}

// textOf is the text of an environment variable, "" while it is not known.
func textOf(entry value.Of[string]) string {
	v := entry.Value()
	switch {
	case !v.Known() || !entry.IsSet():
		return ""
	case v.Kind() == value.String:
		return v.Str()
	}
	return v.String()
}

func (d *Deployment) check(in component.Instance, tasks int) []value.Problem {
	least, most := d.MinHealthyPercent, d.MaxPercent
	if tasks <= 0 || tasks*most/100 > tasks || (tasks*least+99)/100 < tasks {
		return nil
	}
	path := []string{"deployment", "maxPercent"}
	if in.Spec.Get(path...).IsNull() {
		path = []string{"deployment", "minHealthyPercent"}
	}
	return []value.Problem{component.Invalid(path,
		"no rollout can start: with %s, at least %d must keep running (%d %%, rounded up) and at most %d may "+
			"run (%d %%, rounded down); lower minHealthyPercent or raise maxPercent",
		count(tasks, "task"), (tasks*least+99)/100, least, tasks*most/100, most).RestsOn("scaling")}
}

// Check finds limits that contradict each other. woken: the kind scales by a metric that exists without tasks, too.
func (s *Scaling) Check(woken bool) []value.Problem {
	var problems []value.Problem
	least, most := s.Limits()
	if most < least {
		problems = append(problems, component.Invalid([]string{"scaling", "max"}, "is %d, less than min, which is %d",
			most, least))
	}
	if least == 0 && s.Automatic() && !woken && !slices.ContainsFunc(s.Schedule,
		func(e Schedule) bool { return e.Min != nil && *e.Min > 0 }) {
		problems = append(problems, component.Invalid([]string{"scaling", "min"},
			"with 0 tasks, nothing starts a task again: there is no utilisation and no request to measure; "+
				"set min to 1, add a schedule entry whose min is 1 or more, or let a Worker scale by the "+
				"backlog of a queue"))
	}
	for _, target := range []struct {
		name    string
		percent int
	}{{"cpu", s.CPU}, {"memory", s.Memory}} {
		if target.percent > 0 && !s.Automatic() {
			problems = append(problems, component.Invalid([]string{"scaling", target.name},
				"has no effect unless max is above min: raise max"))
		}
	}
	lowest, highest := least, most // limits that any entry can leave for the next one
	for _, entry := range s.Schedule {
		if entry.Min != nil {
			lowest = min(lowest, *entry.Min)
		}
		if entry.Max != nil {
			highest = max(highest, *entry.Max)
		}
	}
	for i, entry := range s.Schedule {
		path := []string{"scaling", "schedule", strconv.Itoa(i)}
		if err := checkCron(entry.Cron); err != nil {
			problems = append(problems, component.Invalid(join(path, "cron"), "%s", err))
		}
		if err := checkZone(entry.Timezone); err != nil {
			problems = append(problems, component.Invalid(join(path, "timezone"), "%s", err))
		}
		switch {
		case entry.Min == nil && entry.Max == nil: // the rules of its fields report this
		case entry.Min != nil && entry.Max != nil && *entry.Min > *entry.Max:
			problems = append(problems, component.Invalid(join(path, "max"), "is %d, less than min, which is %d",
				*entry.Max, *entry.Min))
		case entry.Max == nil && *entry.Min > highest:
			problems = append(problems, component.Invalid(join(path, "min"),
				"is %d, and max is never more than %d, so AWS would always refuse it; give this entry a max, too, or "+
					"raise scaling.max", *entry.Min, highest))
		case entry.Min == nil && *entry.Max < lowest:
			problems = append(problems, component.Invalid(join(path, "max"),
				"is %d, and min is never less than %d, so AWS would always refuse it; give this entry a min, too, or "+
					"lower scaling.min", *entry.Max, lowest))
		}
	}
	return problems
}

func join(path []string, more ...string) []string {
	return append(slices.Clone(path), more...)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
