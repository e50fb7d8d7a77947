// Package operate acts on what runs: a command in a task of its own, a command in a running container, a way to a port.
//
// In: a state that somebody has read, the address of a component, words to run. Out: what the command printed, by the
// caller's functions, and its exit code; a record of who ran what, in the backend. It must not change the state or what
// is deployed, take a lock, or print.
package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// Component is a component that runs as an ECS service.
type Component struct {
	Address          string
	Cluster, Service string

	key     state.Key
	stored  *state.Stored
	where   backend.Place
	back    *backend.Backend
	runner  *task.Runner
	running *task.Service
}

// Find finds out what a component runs. AWS API: ecs:DescribeServices, ecs:DescribeTaskDefinition.
func Find(
	ctx context.Context, b *backend.Backend, key state.Key, stored *state.Stored, c state.Component,
) (*Component, error) {
	out := &Component{Address: c.Address, key: key, stored: stored, back: b}
	out.Cluster, _ = c.Outputs["clusterName"].(string)
	out.Service, _ = c.Outputs["serviceName"].(string)
	if out.Service == "" || out.Cluster == "" {
		if c.Kind == "MicroService" || c.Kind == "Worker" {
			return nil, diag.New(diag.Failed, "Nothing runs", "The service of the component does not exist yet.",
				"Deploy it: "+b.CommandLine(key, "apply")).For(c.Address)
		}
		return nil, diag.New(diag.Invalid, "No containers", "A component of the kind "+c.Kind+" has no containers.",
			runnable(stored)).For(c.Address)
	}
	var err error
	if out.where, err = b.PlaceOf(ctx, stored.Snapshot.Envelope); err != nil {
		return nil, err
	}
	out.runner = task.New(out.where.Reading())
	service, found, err := out.runner.Service(ctx, out.Cluster, out.Service)
	if err == nil && !found {
		err = diag.New(diag.Failed, "Nothing runs", "AWS has no active service "+out.Service+" in the cluster "+
			out.Cluster+".", "Make it again: "+b.CommandLine(key, "apply")).For(c.Address)
	}
	out.running = service
	return out, err
}

// runnable names the components with containers.
func runnable(stored *state.Stored) string {
	var names []string
	for _, c := range stored.Payload.Components {
		if service, _ := c.Outputs["serviceName"].(string); service != "" {
			names = append(names, c.Address)
		}
	}
	if names == nil {
		return "No component of the stack has containers."
	}
	return "These have containers: " + strings.Join(names, ", ")
}

// container returns the container to act in: the given one, or the main one, which has the name of the component.
func (c *Component) container(wanted string) (string, error) {
	all := c.running.Containers
	if wanted == "" {
		// After a rename the main container keeps its name. Sidecars come after it.
		return all[0], nil
	}
	if !slices.Contains(all, wanted) {
		return "", diag.New(diag.Invalid, "Unknown container",
			fmt.Sprintf("%q is not one of %s.", wanted, strings.Join(all, ", ")), diag.DidYouMean(wanted, all)).
			For(c.Address)
	}
	return wanted, nil
}

// tags are those of a task that the component's command runs in.
func (c *Component) tags() map[string]string {
	return resource.OwnTags(c.key.Stack, c.key.Environment, c.Address, c.stored.Snapshot.Envelope.Lineage)
}

// record keeps who runs what, and returns how to add the end. A record that cannot be kept is a warning: a person on
// call must not be stopped by it.
func (c *Component) record(ctx context.Context, r state.Command, warn func(*diag.Diagnostic)) func(*int, error) {
	store := c.back.Store(c.key)
	r.At, r.Who, r.Component = c.back.Now().UTC().Truncate(time.Second), c.back.Who(c.where), c.Address
	r.Version = c.stored.Payload.Deployment
	name := state.CommandName(r.At, c.back.NewID())
	keep := func(ctx context.Context) {
		if err := store.PutCommand(ctx, name, r); err != nil {
			d := diag.New(diag.Failed, "Not in the history", "The record of this command could not be kept: "+
				strings.TrimRight(err.Error(), ".")+".", "")
			d.Severity = diag.Warning
			warn(d)
		}
	}
	keep(ctx)
	return func(code *int, err error) {
		ended := c.back.Now().UTC().Truncate(time.Second)
		r.Ended, r.ExitCode = &ended, code
		if err != nil {
			r.Problem = err.Error()
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		keep(ctx)
	}
}
