package ecs

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	wanted "github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

// checkTaskDefinition fills in AWS's defaults, so that what is read back equals what was wanted.
func checkTaskDefinition(p *wanted.TaskDefinition) []value.Problem {
	var problems []value.Problem
	if p.Architecture == "" {
		p.Architecture = wanted.X8664
	}
	if p.EphemeralStorage != 0 && (p.EphemeralStorage < 21 || p.EphemeralStorage > 200) {
		problems = append(problems, value.Problem{
			Kind: value.BadValue, Path: []string{"ephemeralStorage"},
			Message: "must be from 21 to 200 GiB; without it a task has 20",
		})
	}
	problems = append(problems, checkSize(p)...)
	names := map[string]bool{}
	for i := range p.Containers {
		c := &p.Containers[i]
		if names[c.Name] {
			problems = append(problems, value.Problem{
				Kind:    value.BadValue,
				Path:    []string{"containers", strconv.Itoa(i), "name"},
				Message: fmt.Sprintf("two containers are named %q", c.Name),
			})
		}
		names[c.Name] = true
		if c.Essential == nil {
			c.Essential = aws.Bool(true)
		}
		for j := range c.Ports {
			if c.Ports[j].Protocol == "" {
				c.Ports[j].Protocol = "tcp"
			}
		}
		if h := c.HealthCheck; h != nil {
			if h.Interval == 0 {
				h.Interval = 30
			}
			if h.Timeout == 0 {
				h.Timeout = 5
			}
			if h.Retries == 0 {
				h.Retries = 3
			}
		}
	}
	return problems
}

func checkSize(p *wanted.TaskDefinition) []value.Problem {
	size, ok := wanted.SizeOf(p.CPU)
	if !ok {
		cpus := make([]string, len(wanted.Sizes))
		for i, s := range wanted.Sizes {
			cpus[i] = strconv.Itoa(s.CPU)
		}
		return []value.Problem{{
			Kind: value.BadValue, Path: []string{"cpu"},
			Message: fmt.Sprintf("must be one of %s, but is %d: Fargate has no task of another size",
				strings.Join(cpus, ", "), p.CPU),
		}}
	}
	if !size.Allows(p.Memory) {
		return []value.Problem{{
			Kind: value.BadValue, Path: []string{"memory"}, Rests: []string{"cpu"},
			Message: fmt.Sprintf("Fargate has no task of %d CPU units with %d MiB; with that CPU it has %s", p.CPU,
				p.Memory, size),
		}}
	}
	return nil
}

// toRegister is deterministic: it sorts maps.
func toRegister(p wanted.TaskDefinition) *sdk.RegisterTaskDefinitionInput {
	input := &sdk.RegisterTaskDefinitionInput{
		Family: &p.Family, Cpu: aws.String(strconv.Itoa(p.CPU)), Memory: aws.String(strconv.Itoa(p.Memory)),
		NetworkMode: types.NetworkModeAwsvpc, RequiresCompatibilities: []types.Compatibility{
			types.CompatibilityFargate,
		},
		RuntimePlatform: &types.RuntimePlatform{
			CpuArchitecture:       types.CPUArchitecture(p.Architecture),
			OperatingSystemFamily: types.OSFamilyLinux,
		},
		ExecutionRoleArn: optional(p.ExecutionRoleArn.Get()), TaskRoleArn: optional(p.TaskRoleArn.Get()),
	}
	if p.EphemeralStorage > 0 {
		input.EphemeralStorage = &types.EphemeralStorage{SizeInGiB: int32(p.EphemeralStorage)}
	}
	for _, c := range p.Containers {
		input.ContainerDefinitions = append(input.ContainerDefinitions, toContainer(c))
	}
	return input
}

func toContainer(c wanted.Container) types.ContainerDefinition {
	d := types.ContainerDefinition{
		Name: aws.String(c.Name), Image: aws.String(c.Image.Get()), Command: c.Command, EntryPoint: c.EntryPoint,
		Essential: c.Essential,
		Cpu:       int32(c.CPU), ReadonlyRootFilesystem: optional(c.ReadonlyRootFilesystem), User: optional(c.User),
		WorkingDirectory: optional(c.WorkingDirectory),
		Memory:           optional(int32(c.Memory)), StartTimeout: optional(int32(c.StartTimeout)),
		StopTimeout: optional(int32(c.StopTimeout)),
	}
	for _, port := range c.Ports {
		d.PortMappings = append(d.PortMappings, types.PortMapping{
			Name: optional(port.Name), ContainerPort: aws.Int32(int32(port.Port)),
			Protocol: types.TransportProtocol(port.Protocol),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		d.Environment = append(d.Environment, types.KeyValuePair{
			Name:  aws.String(name),
			Value: aws.String(c.Environment[name].Get()),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		d.Secrets = append(d.Secrets, types.Secret{
			Name:      aws.String(name),
			ValueFrom: aws.String(c.Secrets[name].Get()),
		})
	}
	if l := c.Logs; l != nil {
		d.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": l.Group.Get(), "awslogs-region": l.Region, "awslogs-stream-prefix": l.StreamPrefix,
		}}
		if l.Mode != "" {
			d.LogConfiguration.Options["mode"] = l.Mode
		}
	}
	if h := c.HealthCheck; h != nil {
		d.HealthCheck = &types.HealthCheck{
			Command: h.Command, Interval: aws.Int32(int32(h.Interval)), Timeout: aws.Int32(int32(h.Timeout)),
			Retries: aws.Int32(int32(h.Retries)), StartPeriod: optional(int32(h.StartPeriod)),
		}
	}
	for _, dep := range c.DependsOn {
		d.DependsOn = append(d.DependsOn, types.ContainerDependency{
			ContainerName: aws.String(dep.Container),
			Condition:     types.ContainerCondition(dep.Condition),
		})
	}
	if c.InitProcessEnabled {
		d.LinuxParameters = &types.LinuxParameters{InitProcessEnabled: aws.Bool(true)}
	}
	return d
}

// fromTaskDefinition is the inverse of toRegister.
func fromTaskDefinition(t types.TaskDefinition) wanted.TaskDefinition {
	p := wanted.TaskDefinition{
		Family: aws.ToString(t.Family), CPU: number(t.Cpu), Memory: number(t.Memory),
		Architecture: wanted.X8664,
	}
	if arn := aws.ToString(t.ExecutionRoleArn); arn != "" {
		p.ExecutionRoleArn = value.Lit(arn)
	}
	if arn := aws.ToString(t.TaskRoleArn); arn != "" {
		p.TaskRoleArn = value.Lit(arn)
	}
	if t.RuntimePlatform != nil && t.RuntimePlatform.CpuArchitecture != "" {
		p.Architecture = string(t.RuntimePlatform.CpuArchitecture)
	}
	if t.EphemeralStorage != nil {
		p.EphemeralStorage = int(t.EphemeralStorage.SizeInGiB)
	}
	for _, d := range t.ContainerDefinitions {
		p.Containers = append(p.Containers, fromContainer(d))
	}
	return p
}

func fromContainer(d types.ContainerDefinition) wanted.Container {
	c := wanted.Container{
		Name: aws.ToString(d.Name), Image: value.Lit(aws.ToString(d.Image)), Command: d.Command,
		EntryPoint: d.EntryPoint,
		Essential:  aws.Bool(d.Essential == nil || *d.Essential), CPU: int(d.Cpu), Memory: int(aws.ToInt32(d.Memory)),
		ReadonlyRootFilesystem: aws.ToBool(d.ReadonlyRootFilesystem), User: aws.ToString(d.User),
		WorkingDirectory: aws.ToString(d.WorkingDirectory),
		StartTimeout:     int(aws.ToInt32(d.StartTimeout)), StopTimeout: int(aws.ToInt32(d.StopTimeout)),
		InitProcessEnabled: d.LinuxParameters != nil && aws.ToBool(d.LinuxParameters.InitProcessEnabled),
	}
	for _, m := range d.PortMappings {
		port := wanted.Port{
			Name: aws.ToString(m.Name), Port: int(aws.ToInt32(m.ContainerPort)),
			Protocol: string(m.Protocol),
		}
		if port.Protocol == "" {
			port.Protocol = "tcp"
		}
		c.Ports = append(c.Ports, port)
	}
	for _, e := range d.Environment {
		if c.Environment == nil {
			c.Environment = map[string]value.Of[string]{}
		}
		c.Environment[aws.ToString(e.Name)] = value.Lit(aws.ToString(e.Value))
	}
	for _, s := range d.Secrets {
		if c.Secrets == nil {
			c.Secrets = map[string]value.Of[string]{}
		}
		c.Secrets[aws.ToString(s.Name)] = value.Lit(aws.ToString(s.ValueFrom))
	}
	if l := d.LogConfiguration; l != nil && l.LogDriver == types.LogDriverAwslogs {
		c.Logs = &wanted.Logs{
			Group: value.Lit(l.Options["awslogs-group"]), Region: l.Options["awslogs-region"],
			StreamPrefix: l.Options["awslogs-stream-prefix"], Mode: l.Options["mode"],
		}
	}
	if h := d.HealthCheck; h != nil {
		c.HealthCheck = &wanted.HealthCheck{
			Command: h.Command, Interval: or(h.Interval, 30), Timeout: or(h.Timeout, 5), Retries: or(h.Retries, 3),
			StartPeriod: or(h.StartPeriod, 0),
		}
	}
	for _, dep := range d.DependsOn {
		c.DependsOn = append(c.DependsOn, wanted.ContainerDependency{
			Container: aws.ToString(dep.ContainerName), Condition: string(dep.Condition),
		})
	}
	return c
}

func or(n *int32, absent int) int {
	if n == nil {
		return absent
	}
	return int(*n)
}

func number(text *string) int {
	n, _ := strconv.Atoi(aws.ToString(text)) // AWS returns plain numbers for Fargate
	return n
}

// familyOf returns the family from a revision's ARN.
func familyOf(arn string) string {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	family, _, _ := strings.Cut(name, ":")
	return family
}

// revisionOf returns the number from a revision's ARN.
func revisionOf(arn string) int {
	n, _ := strconv.Atoi(arn[strings.LastIndexByte(arn, ':')+1:]) // ARNs of revisions end in a number
	return n
}
