package container

import (
	"maps"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/secretsmanager"
	"github.com/company/deployer/internal/resource/ssm"
	"github.com/company/deployer/internal/value"
)

// secrets are the secrets of all containers of a task, each looked up once.
type secrets struct {
	in      component.Instance
	lookups []*resource.Resource
	byText  map[string]*resource.Resource
	named   map[string]bool
	read    []readable
}

// readable is one secret or parameter that the execution role reads.
type readable struct {
	resource value.Value
	action   string
}

func newSecrets(in component.Instance) *secrets {
	return &secrets{in: in, byText: map[string]*resource.Resource{}, named: map[string]bool{}}
}

// resolve turns `secrets` of one container into the names in its definition. It looks up secrets of this account and
// region, so that a plan fails when one is missing. Only for entries that passed Check.
func (s *secrets) resolve(entries map[string]value.Of[string]) map[string]value.Of[string] {
	if len(entries) == 0 {
		return nil
	}
	out := map[string]value.Of[string]{}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		parsed, err := parseSecret(s.in, entries[name].Value())
		if err != nil {
			panic(err) // Check accepted it
		}
		arn := s.lookUp(name, parsed)
		s.note(readable{arn, parsed.action})
		if parsed.key != "" {
			arn = value.Concat(arn, ":"+parsed.key+"::")
		}
		out[name] = value.Expr[string](arn)
	}
	return out
}

func (s *secrets) note(r readable) {
	if !slices.ContainsFunc(s.read, func(other readable) bool {
		return other.action == r.action && value.Equal(other.resource, r.resource)
	}) {
		s.read = append(s.read, r)
	}
}

// lookUp returns the complete ARN.
func (s *secrets) lookUp(variable string, parsed secret) value.Value {
	text := parsed.arn.Str()
	if !parsed.arn.Known() || !strings.HasPrefix(text, s.home(parsed)) {
		return parsed.arn
	}
	found := s.byText[text]
	if found == nil {
		name := "secret-" + strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(variable))
		for s.named[name] {
			name += "-2"
		}
		s.named[name] = true
		if parsed.action == readParameter {
			found = s.in.Data(name, ssm.LookupParameter, ssm.Parameter{Name: text})
		} else {
			found = s.in.Data(name, secretsmanager.LookupSecret, secretsmanager.Secret{ID: text})
		}
		s.byText[text] = found
		s.lookups = append(s.lookups, found)
	}
	return found.Output("arn")
}

// home is the start of the ARNs that can be looked up with this account and region.
func (s *secrets) home(parsed secret) string {
	if parsed.action == readParameter {
		return s.in.ARN("ssm", "parameter/")
	}
	return s.in.ARN("secretsmanager", "secret:")
}

// containers are the definitions of the main container and its sidecars.
func (s *Spec) containers(
	in component.Instance, parts Parts, logGroup *resource.Resource, found *secrets,
) []ecs.Container {
	logs := func(prefix string) *ecs.Logs {
		return &ecs.Logs{Group: value.Expr[string](logGroup.Output("name")), Region: in.Region, StreamPrefix: prefix}
	}
	name := in.Original().Name
	main := ecs.Container{
		Name: name, Image: s.Image, Command: s.Command, Ports: parts.Ports,
		Environment: texts(s.Environment), Secrets: found.resolve(s.Secrets), Logs: logs(name),
		InitProcessEnabled: true, // reaps zombies and forwards signals, so that tasks stop in time
	}
	if len(parts.HealthCommand) > 0 {
		main.HealthCheck = &ecs.HealthCheck{Command: healthCommand(parts.HealthCommand)}
	}
	// ECS gives a container without CPU units two shares of the task's CPU. Next to a sidecar with units, the main
	// container would get almost none.
	if reserved := s.reservedCPU(); reserved > 0 {
		cpu, _ := s.Size()
		main.CPU = cpu - reserved
	}
	out := []ecs.Container{main}
	for _, c := range s.Sidecars {
		out = append(out, ecs.Container{
			Name: c.Name, Image: c.Image, Command: c.Command, CPU: c.CPU, Memory: c.Memory, Essential: &c.Essential,
			Environment: texts(c.Environment), Secrets: found.resolve(c.Secrets), Logs: logs(name),
			InitProcessEnabled: true,
		})
	}
	return out
}

// reservedCPU is the sum of the sidecars' CPU units.
func (s *Spec) reservedCPU() int {
	sum := 0
	for _, c := range s.Sidecars {
		sum += c.CPU
	}
	return sum
}

// healthCommand returns the command as ECS writes it: CMD runs the words without a shell.
func healthCommand(words []string) []string {
	if words[0] == "CMD" || words[0] == "CMD-SHELL" {
		return words
	}
	return append([]string{"CMD"}, words...)
}

// texts converts numbers and booleans, known now or later, to strings, which environment variables are.
func texts(entries map[string]value.Of[string]) map[string]value.Of[string] {
	if len(entries) == 0 {
		return nil
	}
	out := make(map[string]value.Of[string], len(entries))
	for name, entry := range entries {
		v := entry.Value()
		switch v.Kind() {
		case value.Null:
			continue
		case value.String:
		default:
			v = value.Concat(v)
		}
		out[name] = value.Expr[string](v)
	}
	return out
}
