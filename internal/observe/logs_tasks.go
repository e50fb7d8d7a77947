package observe

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// task is the id of the task that wrote a line.
func (l *log) task(e follow.Event) string {
	if l.source.Prefix == "" {
		return ""
	}
	return strings.TrimPrefix(e.Stream, l.source.Prefix)
}

// begins reports whether what a task runs began to run in the time that is shown.
func (r *logReader) begins(t logTask) bool {
	first := t.Created
	for _, other := range r.tasks {
		if other.component == t.component && other.Of == t.Of && other.Created.Before(first) {
			first = other.Created
		}
	}
	from := r.from(t.component)
	return from.IsZero() || !first.Before(from.Add(-startup))
}

// startup is how long before its first line a task may be made.
const startup = 3 * time.Minute

// from is the time from which on a component's lines are shown.
func (r *logReader) from(component string) time.Time {
	if first, known := r.first[component]; known {
		return first
	}
	return r.From
}

// stops shows the tasks that stopped until a time.
func (r *logReader) stops(until time.Time) error {
	var over []logTask
	for _, t := range r.tasks {
		if t.Stopped.IsZero() || t.Stopped.After(until) || r.announced["stop"+t.ID] ||
			!strings.HasPrefix(t.ID, r.Task) {
			continue
		}
		r.announced["stop"+t.ID] = true
		if t.Stopped.Before(r.from(t.component)) {
			continue // before what is shown
		}
		over = append(over, t)
	}
	slices.SortFunc(over, func(a, b logTask) int {
		return cmp.Or(a.Stopped.Compare(b.Stopped), strings.Compare(a.ID, b.ID))
	})
	for _, t := range over {
		err := r.Show(report.LogEntry{
			Type: report.LogStop, At: t.Stopped, Component: t.component, Task: t.ID, Revision: t.Revision,
			Version: r.versions[t.Of], Message: cmp.Or(t.Reason, "ECS gives no reason"),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// streams are those that running tasks write to; nil: not known.
func (r *logReader) streams(l *log) []string {
	if l.source.Prefix == "" {
		return nil
	}
	var out []string
	now := r.now()
	for _, t := range r.tasks {
		if t.component == l.component && strings.HasPrefix(t.ID, r.Task) &&
			(t.Stopped.IsZero() || now.Sub(t.Stopped) < follow.Wide) {
			out = append(out, l.source.Prefix+t.ID)
		}
	}
	slices.Sort(out)
	return out
}

// refresh lists the tasks again, at most every few seconds.
func (r *logReader) refresh(ctx context.Context) {
	if r.now().Sub(r.listed) >= listEvery {
		r.list(ctx)
	}
}

// list asks for the tasks. Without them, the lines are shown anyway.
func (r *logReader) list(ctx context.Context) {
	found, errs := make([][]resource.Task, len(r.askers)), make([]error, len(r.askers))
	var all sync.WaitGroup
	for i, a := range r.askers {
		all.Go(func() { found[i], errs[i] = a.ask(ctx) })
	}
	all.Wait()
	for i, a := range r.askers {
		if errs[i] != nil && ctx.Err() == nil {
			r.tellOnce(a.component, "Its tasks cannot be listed ("+reasonOf(errs[i])+
				"): the ends of tasks and the beginnings of versions are not shown.")
		}
		for _, t := range found[i] {
			r.tasks[a.component+t.ID] = logTask{t, a.component}
		}
	}
	r.listed = r.now()
}

// pastVersions is how many deployments are looked at for the version of a task.
const pastVersions = 20

// readVersions finds out which version made what runs.
func (r *logReader) readVersions(ctx context.Context) {
	r.history = r.now()
	past, err := state.ReadHistory(ctx, r.b.Store(r.key), pastVersions)
	if err != nil {
		return // revisions are shown instead
	}
	out := map[string]report.Version{}
	for i, entry := range past { // the newest first
		if entry.Err != nil {
			continue
		}
		p, err := entry.Snapshot.Envelope.Decode()
		if err != nil {
			continue
		}
		resources, err := engine.Resources(p.Engine)
		if err != nil {
			continue
		}
		for _, res := range resources {
			arn := res.Outputs.Get("arn").Str()
			if out[arn] = report.Version(p.Deployment); i == pastVersions-1 {
				delete(out, arn) // made by this version, or by an older one
			}
		}
	}
	r.versions = out
}

// version is the version that made something; 0: not known. What a run in progress has made is in the history when the
// run has ended.
func (r *logReader) version(ctx context.Context, of string) report.Version {
	if _, known := r.versions[of]; !known && r.Follow && r.now().Sub(r.history) > time.Minute {
		r.readVersions(ctx)
	}
	return r.versions[of]
}
