package backend

import (
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// HoldsOf is what rollbacks hold in a state, for people and pipelines.
func HoldsOf(p *state.Payload) []report.Hold {
	var out []report.Hold
	for _, h := range p.Holds {
		out = append(out, report.Hold{
			Version: report.Version(h.Version), Commit: h.GitCommit, To: report.Version(h.To), At: h.At.UTC(),
			Who: h.Who, Components: h.Addresses(),
		})
	}
	return out
}

// DeploymentOf is a finished run as the history has it.
func DeploymentOf(p *state.Payload) report.Deployment {
	d := report.Deployment{
		Version: report.Version(p.Deployment), At: p.At, Result: string(p.Status), Who: p.Who, Commit: p.GitCommit,
		Summary: p.Summary, Duration: p.Seconds, Variables: p.Variables,
	}
	if c := p.Changes; c != nil {
		changes := report.Changes(*c)
		d.Changes = &changes
	}
	if r := p.Rollback; r != nil {
		d.Rollback = &report.Rollback{
			To: report.Version(r.To), From: report.Version(r.From), Automatic: r.Automatic,
		}
	}
	return d
}
