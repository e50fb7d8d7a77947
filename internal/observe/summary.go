package observe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/company/deployer/internal/aws/rollout"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/state"
)

// summarise describes in sentences what is wrong with a component.
func summarise(c state.Component, r report.Component, alive bool) string {
	var out []string
	switch {
	case c.Removed && alive:
		out = append(out, "It is being deleted.")
	case c.Removed:
		out = append(out, "It was to be deleted. Left of it: "+objects(r.Objects)+
			". The next apply or destroy goes on.")
	}
	var order []string
	same := map[string][]string{}
	for _, part := range r.Affected {
		key := part.Problem
		if part.Type == ecs.ServiceType && r.Service != nil { // the service exists, and the sentence is about it
			out = append(out, diag.Sentence(part.Problem))
			continue
		}
		if same[key] == nil {
			order = append(order, key)
		}
		same[key] = append(same[key], strings.TrimPrefix(part.Resource, c.Address+":"))
	}
	for _, key := range order {
		out = append(out, strings.TrimSuffix(key, ".")+": "+names(same[key])+".")
	}
	byOthers := func(p report.Part) bool { return p.Health == report.Changed && p.Problem != begun }
	switch {
	case r.Health == report.Missing:
		out = append(out, "`deployer plan` shows what an apply makes.")
	case r.Health == report.Changed && slices.ContainsFunc(r.Affected, byOthers):
		out = append(out, "`deployer plan --refresh` shows what an apply changes back.")
	}
	return strings.Join(out, "\n")
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// names lists names, up to a number that people read.
func names(all []string) string {
	const most = 8
	if len(all) > most {
		return strings.Join(all[:most-1], ", ") + fmt.Sprintf(" and %d more", len(all)-most+1)
	}
	return strings.Join(all, ", ")
}

func service(s rollout.Status) *report.Service {
	out := &report.Service{
		Name: s.Service, Cluster: s.Cluster, Desired: s.Desired, Running: s.Running, Pending: s.Pending,
		Revision: s.Revision,
		Rollout:  s.RolloutState, Since: s.Since, Images: []report.Image{}, Events: []report.Event{},
	}
	for _, i := range s.Images {
		out.Images = append(out.Images, report.Image{
			Container: i.Container, Image: i.Image, Digest: i.Digest,
			Tasks: i.Tasks,
		})
	}
	for _, t := range s.Targets {
		out.Targets = append(out.Targets, report.Targets{Healthy: t.Healthy, Total: t.Total, Reason: t.Reason})
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, report.Event(e))
	}
	return out
}
