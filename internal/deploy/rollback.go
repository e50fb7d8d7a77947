package deploy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/state/session"
)

// rollback makes a run one that deploys the configuration of an earlier version.
type rollback struct {
	to        *state.Stored
	automatic bool // after a failed apply
}

// offered is how many of the newest versions a rollback looks at when no version is named.
const offered = 50

// WaysBack are the versions of a stack that a rollback can go back to.
type WaysBack struct {
	Key state.Key
	// Default is what a rollback goes back to when no version is named: the last one that succeeded before the one that
	// runs. 0: there is none.
	Default  report.Version
	Versions []WayBack // newest first

	now  *state.Stored
	past []*state.Stored // all that are readable, newest first
}

// WayBack is one version that a rollback can go back to.
type WayBack struct {
	report.Deployment
	Runs bool // it is what runs now
}

// FindWaysBack reads the state and its history. It takes no lock.
func FindWaysBack(ctx context.Context, b *backend.Backend, key state.Key) (*WaysBack, error) {
	now, err := b.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	w := &WaysBack{Key: key, now: now}
	if w.past, err = pastOf(ctx, b, key, now, offered); err != nil {
		return nil, err
	}
	w.Default = report.Version(lastGood(now.Payload, w.past))
	for _, s := range w.past {
		p := s.Payload
		if !good(p) {
			continue
		}
		w.Versions = append(w.Versions, WayBack{
			Deployment: backend.DeploymentOf(p),
			Runs:       now.Payload.Status == state.Succeeded && p.Deployment == now.Payload.Deployment,
		})
	}
	return w, nil
}

// pastOf returns the readable states of the history, newest first, the present one included. Of versions with the same
// number only the newest counts.
func pastOf(
	ctx context.Context, b *backend.Backend, key state.Key, now *state.Stored, limit int,
) ([]*state.Stored, error) {
	history, err := state.ReadHistory(ctx, b.Store(key), limit)
	if err != nil {
		return nil, err
	}
	var out []*state.Stored
	if now.Payload.Status != state.InProgress && now.Payload.Deployment > 0 {
		out = append(out, now) // the run that made it may have been interrupted before it wrote the history
	}
	for _, entry := range history {
		if entry.Err != nil {
			continue // a damaged one is not offered; history says why
		}
		s, err := state.Load(key, entry.Snapshot.Envelope)
		if err != nil || slices.ContainsFunc(out, func(o *state.Stored) bool {
			return o.Payload.Deployment == s.Payload.Deployment
		}) {
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

// good reports whether a rollback without a version may go back to it.
func good(p *state.Payload) bool { return p.Status == state.Succeeded && len(p.Config) > 0 }

// lastGood is the number of the last version that succeeded before the one that runs; 0 when there is none. A rollback
// runs what it went back to: another rollback goes further back. A rollback that did not succeed is tried again. A
// version with the configuration that runs is no way back: it was released again, or drift was put back.
func lastGood(now *state.Payload, past []*state.Stored) int {
	if now.Rollback != nil && now.Status != state.Succeeded {
		return now.Rollback.To
	}
	before := now.Deployment
	if now.Status == state.InProgress {
		before++
	}
	for r := now.Rollback; r != nil; {
		before = r.To
		at := slices.IndexFunc(past, func(s *state.Stored) bool { return s.Payload.Deployment == before })
		if r = nil; at >= 0 {
			r = past[at].Payload.Rollback
		}
	}
	for _, s := range past {
		p := s.Payload
		same := now.Status == state.Succeeded && bytes.Equal(p.Config, now.Config)
		if p.Deployment < before && good(p) && !same {
			return p.Deployment
		}
	}
	return 0
}

// to returns the state of a version: "v4", "4", or "" for the default.
func (w *WaysBack) to(ctx context.Context, b *backend.Backend, version string) (*state.Stored, error) {
	if version == "" {
		if w.Default == 0 {
			return nil, w.nowhere(b)
		}
		version = w.Default.String()
	}
	number, err := strconv.Atoi(strings.TrimPrefix(version, "v"))
	if err != nil || number < 1 {
		return nil, diag.New(diag.Invalid, "Invalid version", fmt.Sprintf("%q is not a version.", version),
			"Write it as deployer history does: v4.")
	}
	at := slices.IndexFunc(w.past, func(s *state.Stored) bool { return s.Payload.Deployment == number })
	var found *state.Stored
	if at >= 0 {
		found = w.past[at]
	} else if len(w.past) >= offered && number < w.past[len(w.past)-1].Payload.Deployment {
		named, err := b.Find(ctx, w.Key, report.Version(number).String())
		if err != nil {
			return nil, err
		}
		found = named.Stored
	}
	switch {
	case found == nil:
		return nil, w.unknown(b, version)
	case len(found.Payload.Config) == 0:
		return nil, diag.New(diag.Invalid, "Version has no configuration",
			fmt.Sprintf("v%d of %s %s: there is nothing that could be deployed again.", number, w.Key,
				found.Payload.Status), "Choose another version: "+b.CommandLine(w.Key, "history"))
	}
	return found, nil
}

// nowhere is the error of a rollback without a version where no earlier version succeeded.
func (w *WaysBack) nowhere(b *backend.Backend) error {
	next := "Correct the manifests and apply them."
	if len(w.past) > 1 {
		next = "Name a version anyway, or correct the manifests and apply them. The versions: " +
			b.CommandLine(w.Key, "history")
	}
	return diag.New(diag.Invalid, "No version to go back to",
		fmt.Sprintf("%s has no version that succeeded before %s. Nothing was changed.", w.Key,
			backend.VersionOf(w.now)), next)
}

func (w *WaysBack) unknown(b *backend.Backend, version string) error {
	names := make([]string, len(w.past))
	for i, s := range w.past {
		names[i] = report.Version(s.Payload.Deployment).String()
	}
	if _, err := strconv.Atoi(version); err == nil {
		version = "v" + version
	}
	next := diag.DidYouMean(version, names)
	if next == "" {
		next = "There are: " + some(names, 8) + "."
	}
	return diag.New(diag.Invalid, "Unknown version",
		fmt.Sprintf("%s has no version %s in its history. Nothing was changed.", w.Key, version),
		strings.TrimSpace(next+" See "+b.CommandLine(w.Key, "history")))
}

// Rollback deploys the configuration of an earlier version again: the same road as Apply, with the images of that
// version. It first stops rollouts that are in progress. version is "" for the default.
func Rollback(ctx context.Context, b *backend.Backend, w *WaysBack, version string, req Request) (*Applied, error) {
	to, err := w.to(ctx, b, version)
	if err != nil {
		return nil, err
	}
	where, err := b.PlaceOf(ctx, w.now.Snapshot.Envelope)
	if err != nil {
		return nil, err
	}
	u, err := newRollback(b, &rollback{to: to}, where, w.now.Payload.Approval, req)
	if err != nil {
		return nil, err
	}
	stopped, err := stopRollouts(ctx, b, w.now, where, req)
	if err != nil {
		return nil, err
	}
	u.where.Survey = beginSurvey(context.WithoutCancel(ctx), b, where, req.Key)
	held, err := b.Hold(ctx, req.lock(), where, "")
	if err != nil {
		return nil, err
	}
	return u.under(held, append(stopped, warnings(b, req.Key, true)...))
}

// newRollback makes a run of the configuration of an earlier version. approval is the rule of the present one.
func newRollback(
	b *backend.Backend, to *rollback, where backend.Place, approval string, req Request,
) (*run, error) {
	p := to.to.Payload
	components, err := melted(p)
	if err != nil {
		return nil, err
	}
	stack := thaw(req.Key, where.Account, where.Region, components, p.Variables,
		report.Version(p.Deployment).String())
	stack.Approval = approval
	graph, problems := component.Expand(registry(), stack.Instances())
	if graph == nil {
		return nil, outgrown(to, diagnose(stack, problems))
	}
	u := newRun(b, stack, graph, where, req)
	u.rollback = to
	return u, nil
}

// outgrown is the error for a configuration that this version of deployer does not accept any more.
func outgrown(to *rollback, found diag.List) error {
	for _, d := range found {
		d.Detail = fmt.Sprintf("The configuration of v%d, which deployer %s deployed, is not valid for this version "+
			"of deployer. ", to.to.Payload.Deployment, to.to.Payload.Version) + d.Detail
		d.Next = "Nothing was changed. Use that version of deployer, or correct the manifests and apply them."
	}
	return found.Err()
}

// setRollback gives the next state what it says about rollbacks and holds.
func (u *run) setRollback(p *state.Payload) {
	if u.remedy {
		return // it deploys what is deployed: also what a rollback went back to
	}
	before := p.Rollback
	p.Rollback = nil
	if u.rollback != nil {
		to := u.rollback.to.Payload
		p.GitCommit = to.GitCommit
		p.Rollback = &state.Rollback{To: to.Deployment, Automatic: u.rollback.automatic}
		if u.Stored != nil {
			p.Rollback.From = leaving(u.Stored.Payload)
			if p.Rollback.From == 0 && before != nil && before.To == to.Deployment {
				p.Rollback.From = before.From // this run continues that rollback
			}
		}
	}
	u.setHolds(p)
}

// told says for the plan what the rollback goes back to.
func (u *run) told() *plan.Rollback {
	if u.rollback == nil {
		return nil
	}
	p := u.rollback.to.Payload
	out := &plan.Rollback{
		To: p.Deployment, At: p.At, Age: u.back.Now().Sub(p.At), Commit: p.GitCommit, Who: p.Who,
		Automatic: u.rollback.automatic,
	}
	if u.Stored != nil {
		out.From = leaving(u.Stored.Payload)
	}
	return out
}

// wayBack is the run that goes back after a failed apply; nil: none is wanted, or there is no version to go back to,
// which is a warning then.
func (u *run) wayBack(held *session.Session, failed error, applied *Applied) *run {
	if failed == nil || u.status(failed) != state.Failed || u.stack == nil || u.rollback != nil ||
		!u.req.RollbackOnFailure && u.stack.Rollback != manifest.RollbackAuto {
		return nil
	}
	ctx := held.Lock().Context()
	to, err := u.lastGood(ctx)
	var next *run
	if err == nil && to != nil {
		req := u.req
		req.ReleaseHold, req.Refresh = false, false
		next, err = newRollback(u.back, &rollback{to: to, automatic: true}, u.where, u.stack.Approval, req)
	}
	if next == nil {
		w := diag.New(diag.Failed, "Not rolled back",
			fmt.Sprintf("%s has no version that succeeded before this apply.", u.req.Key), "")
		if err != nil {
			w = diag.From(err)[0]
			w.Detail = strings.TrimSpace("The apply was not rolled back. " + w.Detail)
		}
		w.Severity = diag.Warning
		applied.Warnings.Add(w)
		return nil
	}
	next.where.Survey = beginSurvey(context.WithoutCancel(ctx), u.back, u.where, u.req.Key)
	return next
}

// lastGood is the last version that succeeded before this run; nil when there is none.
func (u *run) lastGood(ctx context.Context) (*state.Stored, error) {
	if u.Stored == nil {
		return nil, nil
	}
	if good(u.Stored.Payload) {
		return u.Stored, nil
	}
	past, err := pastOf(ctx, u.back, u.req.Key, u.Stored, offered)
	if err != nil {
		return nil, err
	}
	number := lastGood(u.Stored.Payload, past)
	for _, s := range past {
		if s.Payload.Deployment == number {
			return s, nil
		}
	}
	return nil, nil
}
