package observe

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
)

// ended is the error of something that a signal is expected to end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// end is the time after which nothing is shown.
func (r *logReader) end() time.Time {
	if r.To.IsZero() {
		return r.now().Add(time.Hour)
	}
	return r.To
}

// read reads a page. A group that does not exist is empty.
func (r *logReader) read(ctx context.Context, q follow.Query, token string) (follow.Page, error) {
	if q.From.IsZero() {
		q.From = r.now().Add(-furthest)
	}
	page, err := r.source.Read(ctx, q, token)
	if errors.Is(err, resource.ErrNotFound) && !errors.Is(err, follow.ErrNoStream) {
		r.tellOnce("", "The log group "+q.Group+" does not exist.")
		return follow.Page{}, nil
	}
	return page, err
}

// keeps reports whether people want to see a line.
func (r *logReader) keeps(l *log, e follow.Event) bool {
	if !strings.HasPrefix(e.Stream, l.query.Prefix) ||
		len(l.query.Streams) > 0 && !slices.Contains(l.query.Streams, e.Stream) {
		return false
	}
	return r.Keep == nil || r.Keep(e.Text)
}

// last shows the last lines of each component.
func (r *logReader) last(ctx context.Context, tasks func()) error {
	found := make([][]follow.Event, len(r.logs))
	var all errgroup.Group
	for i, l := range r.logs {
		all.Go(func() (err error) {
			oldest, read := time.Time{}, 0
			now := r.now()
			found[i], err = follow.Last(ctx, r.read, l.query, r.Tail,
				func(e follow.Event) bool { return r.keeps(l, e) }, func(e follow.Event) {
					if read++; oldest.IsZero() || e.At.Before(oldest) {
						oldest = e.At
					}
					if r.Follow && e.At.After(now.Add(-follow.Wide)) {
						l.follower.Note(e, now)
					}
				})
			// What is older than the last lines is not new, although it was not read.
			begin := now.Add(-follow.Wide)
			if len(found[i]) >= r.Tail && read > 0 && oldest.After(begin) {
				begin = oldest.Add(time.Millisecond)
			}
			l.follower.Begin(begin)
			return err
		})
	}
	err := all.Wait()
	if errors.Is(err, follow.ErrNoStream) {
		err = nil // Previous: a task that never wrote
	}
	if err != nil {
		return err
	}
	tasks()
	type line struct {
		l *log
		e follow.Event
	}
	by := map[string][]line{}
	for i, l := range r.logs {
		for _, e := range found[i] {
			by[l.component] = append(by[l.component], line{l, e})
		}
	}
	order := func(a, b line) int { return cmp.Or(a.e.At.Compare(b.e.At), a.e.Ingested.Compare(b.e.Ingested)) }
	var lines []line
	r.first = map[string]time.Time{}
	for _, l := range r.logs {
		if !r.Previous && r.From.IsZero() {
			r.first[l.component] = r.now() // nothing is shown of what was before
		}
	}
	for component, some := range by {
		slices.SortStableFunc(some, order)
		some = some[max(len(some)-r.Tail, 0):]
		if len(some) > 0 {
			r.first[component] = some[0].e.At
		}
		lines = append(lines, some...)
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(order(a, b), strings.Compare(a.l.component, b.l.component))
	})
	for _, x := range lines {
		if err := r.show(ctx, x.l, x.e); err != nil {
			return err
		}
	}
	return nil
}

// all shows everything from From to To.
func (r *logReader) all(ctx context.Context) error {
	logs := make([]follow.Log, len(r.logs))
	for i, l := range r.logs {
		logs[i] = follow.Log{Read: r.read, Query: l.query}
	}
	err := follow.Merge(ctx, logs, func(i int, e follow.Event) error {
		l := r.logs[i]
		if r.Follow {
			l.follower.Note(e, r.now())
		}
		if !r.keeps(l, e) {
			return nil
		}
		return r.show(ctx, l, e)
	})
	if errors.Is(err, follow.ErrNoStream) {
		return nil
	}
	return err
}

// onlyPrevious confines the logs to those of tasks that have stopped. It returns false when there are none.
func (r *logReader) onlyPrevious() bool {
	var some []*log
	for _, l := range r.logs {
		var stopped []logTask
		for _, t := range r.tasks {
			if t.component == l.component && !t.Stopped.IsZero() && strings.HasPrefix(t.ID, r.Task) {
				stopped = append(stopped, t)
			}
		}
		slices.SortFunc(stopped, func(a, b logTask) int { return b.Stopped.Compare(a.Stopped) })
		for _, t := range stopped[:min(len(stopped), previousTasks)] {
			one := *l
			one.query.Prefix, one.query.Streams = "", []string{l.source.Prefix + t.ID}
			some = append(some, &one)
		}
	}
	if r.logs = some; len(some) == 0 {
		r.Tell("", "ECS knows of no task that has stopped. It forgets them after about an hour; "+
			"--since shows older lines.")
	}
	return len(some) > 0
}

// previousTasks is how many stopped tasks of a component are shown.
const previousTasks = 5

// show shows a line, and before it what happened until then.
func (r *logReader) show(ctx context.Context, l *log, e follow.Event) error {
	entry := report.LogEntry{
		Type: report.LogLine, At: e.At, Component: l.component, Container: l.source.Container, Task: l.task(e),
		Message: e.Text, Group: e.Group, Stream: e.Stream, ID: e.ID,
	}
	if err := r.stops(e.At.Add(-lookEvery)); err != nil {
		return err
	}
	if t, known := r.tasks[l.component+entry.Task]; known {
		entry.Revision, entry.Version = t.Revision, r.version(ctx, t.Of)
		if !r.announced[l.component+t.Of] {
			r.announced[l.component+t.Of] = true
			if r.begins(t) {
				start := report.LogEntry{
					Type: report.LogStart, At: e.At, Component: l.component,
					Version: entry.Version, Revision: t.Revision,
				}
				if err := r.Show(start); err != nil {
					return err
				}
			}
		}
	}
	r.shown++
	return r.Show(entry)
}
