package ecsfake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// Behaviour is what the tasks of a container image do.
type Behaviour string

// The behaviours.
const (
	Healthy       Behaviour = "healthy"        // run; a RunTask task exits 0
	Crash         Behaviour = "crash"          // the container exits 1 after some log lines
	ExitZero      Behaviour = "exit0"          // the container exits 0, which fails a service too
	OutOfMemory   Behaviour = "oom"            // the container is killed, exit code 137
	PullError     Behaviour = "pull-error"     // CannotPullContainerError
	MissingSecret Behaviour = "missing-secret" // ResourceInitializationError
	NoLogGroup    Behaviour = "no-log-group"   // ResourceInitializationError
	Unhealthy     Behaviour = "unhealthy"      // runs, then fails its health checks
	NoCapacity    Behaviour = "no-capacity"    // Fargate has no room for it
	// the subnet has no free address for its network interface; ECS reports this for the task only
	NoAddress Behaviour = "no-address"
	Slow      Behaviour = "slow" // stays pending for ever
)

// Rule maps images to a behaviour. Later rules win. Without a match, the tag decides (see behaviourOfTag), then
// Healthy.
type Rule struct {
	// Image is a glob on the whole image reference.
	Image string `json:"image"`
	// Command is a glob on the container's command, joined by spaces; empty
	// matches all.
	Command   string    `json:"command,omitempty"`
	Behaviour Behaviour `json:"behaviour"`
	// Times is how many tasks of a deployment fail before the rest are
	// healthy; 0 means all fail.
	Times int `json:"times,omitempty"`
	// Steps is how many more describes a task stays pending.
	Steps int `json:"steps,omitempty"`
	// ExitCode replaces the exit code of Crash.
	ExitCode int `json:"exitCode,omitempty"`
	// Reason replaces the stopped reason.
	Reason string `json:"reason,omitempty"`
	// Log replaces the lines that the container logs.
	Log []string `json:"log,omitempty"`
}

func (r Rule) validate() error {
	known := []Behaviour{
		Healthy, Crash, ExitZero, OutOfMemory, PullError, MissingSecret, NoLogGroup, Unhealthy,
		NoCapacity, NoAddress, Slow,
	}
	if !slices.Contains(known, r.Behaviour) {
		return fmt.Errorf("unknown behaviour %q; known: %v", r.Behaviour, known)
	}
	if r.Image == "" {
		return fmt.Errorf("a rule needs an image glob")
	}
	return nil
}

// tagTriggers are substrings of image tags that choose a behaviour without a rule, so that VERSION alone can control a
// rollout.
var tagTriggers = []struct {
	part      string
	behaviour Behaviour
}{
	{"missing-image", PullError},
	{"nopull", PullError},
	{"missing-secret", MissingSecret},
	{"crash", Crash},
	{"unhealthy", Unhealthy},
	{"nocapacity", NoCapacity},
	{"noaddress", NoAddress},
	{"oom", OutOfMemory},
	{"slow", Slow},
	{"exit0", ExitZero},
}

func behaviourOfTag(image string) Behaviour {
	tag := ""
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		tag = image[i+1:]
	}
	for _, trigger := range tagTriggers {
		if strings.Contains(tag, trigger.part) {
			return trigger.behaviour
		}
	}
	return Healthy
}

// AddRules adds rules before the existing ones.
func (f *Fake) AddRules(rules ...Rule) error {
	for _, r := range rules {
		if err := r.validate(); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(slices.Clone(rules), f.rules...)
	return nil
}

// ClearRules removes all rules; the triggers in image tags stay.
func (f *Fake) ClearRules() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// script is the behaviour of one task definition: which container does what.
type script struct {
	Rule
	container string
}

// script looks for the first container with another behaviour than Healthy, and then for secrets that do not exist.
func (f *Fake) script(c *call, def *taskDefinition, overrides map[string][]string) script {
	out := script{Rule: Rule{Behaviour: Healthy}}
	for _, container := range def.ContainerDefinitions {
		command := container.Command
		if override, ok := overrides[container.Name]; ok {
			command = override
		}
		rule, ok := f.ruleFor(container.Image, strings.Join(command, " "))
		if !ok {
			rule = Rule{Behaviour: behaviourOfTag(container.Image)}
		}
		if rule.Behaviour != Healthy {
			return script{Rule: rule, container: container.Name}
		}
		if out.container == "" {
			out = script{Rule: rule, container: container.Name}
		}
	}
	if container, reason := missingSecret(c, def); reason != "" {
		return script{Rule: Rule{Behaviour: MissingSecret, Reason: reason}, container: container}
	}
	return out
}

func (f *Fake) ruleFor(image, command string) (Rule, bool) {
	for _, r := range f.rules {
		if proxy.Glob(r.Image, image) && proxy.Glob(r.Command, command) {
			return r, true
		}
	}
	return Rule{}, false
}

// log returns the lines that the container prints.
func (s script) log(image string) []string {
	if len(s.Log) > 0 {
		return s.Log
	}
	lines := []string{"starting " + image}
	switch s.Behaviour {
	case Crash:
		for i := 1; i <= 20; i++ {
			lines = append(lines, fmt.Sprintf("init: module %d of 20 loaded", i))
		}
		return append(lines,
			"connecting to database",
			"FATAL: configuration invalid: DATABASE_URL is not set",
			fmt.Sprintf("exiting with code %d", s.exitCode()))
	case Unhealthy:
		return append(lines, "ready", "GET /health 503 dependency unavailable")
	case OutOfMemory:
		return append(lines, "loading 3.2 GiB index into memory")
	case ExitZero:
		return append(lines, "nothing to do", "done")
	}
	return append(lines, "ready")
}

func (s script) exitCode() int {
	switch {
	case s.Behaviour == OutOfMemory:
		return 137
	case s.Behaviour != Crash:
		return 0
	case s.ExitCode != 0:
		return s.ExitCode
	}
	return 1
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
