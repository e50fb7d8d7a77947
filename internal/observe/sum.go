package observe

import (
	"cmp"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// report makes the report.
func (e *examination) report(components []state.Component) *report.Status {
	p := e.stored.Payload
	out := &report.Status{
		Stack: p.Stack, Environment: p.Environment, Version: report.Version(p.Deployment), Result: string(p.Status),
		At: p.At, Healthy: true, Holds: backend.HoldsOf(p),
		Components: []report.Component{},
	}
	if p.Status == state.InProgress {
		out.Run = &report.Run{Version: report.Version(p.Deployment + 1), Who: p.Who, Since: p.At, Alive: e.alive}
	}
	members := map[string][]engine.StoredResource{}
	for _, res := range e.stored.Resources {
		members[res.Component] = append(members[res.Component], res)
	}
	for _, c := range components {
		one := e.component(c, members[c.Address], &out.Objects)
		out.Healthy = out.Healthy && one.Healthy
		out.Components = append(out.Components, one)
	}
	return out
}

// component judges one component, and counts its objects in all.
func (e *examination) component(
	c state.Component, members []engine.StoredResource, all *report.Objects,
) report.Component {
	out := report.Component{Address: c.Address, Kind: c.Kind, Health: report.Healthy}
	affected := func(id, typ, awsID string, health report.Health, problem string) {
		if e.alive && e.intents[id] && health.Worse(report.Updating) > 0 && health != report.Unknown {
			health = report.Updating
			if problem != notMade && problem != notRemade {
				problem = changing
			}
		}
		out.Affected = append(out.Affected, report.Part{
			Resource: id, Type: typ, ID: awsID, Health: health,
			Problem: problem,
		})
	}
	there := map[string]bool{}
	for _, res := range members {
		if res.Deleting {
			affected(res.ID, res.Type, res.AWSID, report.Healthy, oldStays)
			continue
		}
		there[res.ID] = true
		out.Objects++
		if res.Replacing {
			all.Missing++
			affected(res.ID, res.Type, res.AWSID, report.Missing, notRemade)
			continue
		}
		a := e.answers[res.ID]
		switch {
		case a.err != nil:
			all.Unknown++
		case a.there:
			all.There++
		default:
			all.Missing++
		}
		if a.seen != nil && a.there {
			out.Service = cmp.Or(a.seen.Service, out.Service)
			if len(a.seen.Facts) > 0 {
				out.Observed = append(out.Observed,
					report.Observed{Resource: res.ID, Type: res.Type, Facts: a.seen.Facts})
			}
		}
		if health, problem := judge(res, a); health != report.Healthy {
			if health == report.Changed && e.intents[res.ID] && !e.alive {
				problem = begun
			}
			affected(res.ID, res.Type, res.AWSID, health, problem)
		}
	}
	for _, m := range c.Missing {
		if !there[m.Resource] {
			out.Objects++
			all.Missing++
			problem := notMade
			if e.intents[m.Resource] && !e.alive {
				problem = lost
			}
			affected(m.Resource, m.Type, "", report.Missing, problem)
		}
	}
	all.Wanted += out.Objects
	for _, part := range out.Affected {
		if part.Health.Worse(out.Health) > 0 {
			out.Health = part.Health
		}
	}
	if c.Removed {
		out.Health = report.Leftover
		if e.alive {
			out.Health = report.Updating
		}
	}
	out.Healthy, out.Problem = out.Health.Good(), e.summarise(c, out)
	return out
}
