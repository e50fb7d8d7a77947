package observe

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// LogRequest is which lines are wanted, and who gets them.
type LogRequest struct {
	Components []string  // addresses; nil: all
	From, To   time.Time // zero: without that end
	Tail       int       // only the last lines of each component; below 0: all
	Follow     bool      // and then what is added
	Live       bool      // only what is added, by live tail
	Previous   bool      // only of tasks that have stopped
	Task       string    // only of tasks whose ids begin so
	Container  string
	Pattern    string            // CloudWatch's own filter
	Keep       func(string) bool // nil: all lines

	// Begin is called before the first Show: who has logs, and all containers if somebody has several.
	Begin func(components, containers []string)
	Show  func(report.LogEntry) error
	Tell  func(component, text string) // what people should know beside the lines
}

// furthest is how far the last lines are looked for, when nothing says from when on.
const furthest = 30 * 24 * time.Hour

// Logs shows the logs of everything in the state of a stack, or of the named components. It reads the state, then
// tasks, history and logs side by side. With Follow or Live it goes on until the context ends, which is no error then.
func Logs(ctx context.Context, b *backend.Backend, key state.Key, req LogRequest) error {
	stored, err := Read(ctx, b, key)
	if err != nil {
		return err
	}
	components, err := selectSome(stored, req.Components)
	if err != nil {
		return err
	}
	where, err := b.PlaceOf(ctx, stored.Snapshot.Envelope)
	if err != nil {
		return err
	}
	r := &logReader{
		LogRequest: req, b: b, key: key, place: where, source: b.World.Logs(where.Reading()), now: b.World.Now,
		tasks: map[string]logTask{}, announced: map[string]bool{}, told: map[string]bool{},
	}
	if err := r.find(stored, b.World.Types(where.Reading()), components); err != nil || len(r.logs) == 0 {
		return err
	}
	return refused(r.run(ctx))
}

// selectSome is Select for several addresses.
func selectSome(stored *Deployed, addresses []string) ([]state.Component, error) {
	if len(addresses) == 0 {
		return Select(stored, "")
	}
	var out []state.Component
	var problems []error
	for _, address := range addresses {
		some, err := Select(stored, address)
		for _, c := range some {
			if !slices.ContainsFunc(out, func(o state.Component) bool { return o.Address == c.Address }) {
				out = append(out, c)
			}
		}
		problems = append(problems, err)
	}
	return out, diag.Join(problems...)
}

// log is one log of a component.
type log struct {
	component string
	source    resource.LogSource
	query     follow.Query
	follower  *follow.Follower
}

// logTask is a task, and the component whose it is.
type logTask struct {
	resource.Task
	component string
}

type logReader struct {
	LogRequest
	b      *backend.Backend
	key    state.Key
	place  backend.Place
	source follow.Source
	now    func() time.Time
	logs   []*log
	askers []asker

	mu        sync.Mutex
	tasks     map[string]logTask // by component and id
	listed    time.Time          // when tasks were listed last
	versions  map[string]report.Version
	history   time.Time            // when versions were read last
	announced map[string]bool      // component and what runs; stopped tasks
	told      map[string]bool      //
	first     map[string]time.Time // by component: from when on its lines are shown
	shown     int
}

// asker asks for the tasks of one object.
type asker struct {
	component string
	ask       func(context.Context) ([]resource.Task, error)
}

// tellOnce tells something the first time.
func (r *logReader) tellOnce(component, text string) {
	r.mu.Lock()
	known := r.told[component+text]
	r.told[component+text] = true
	r.mu.Unlock()
	if !known {
		r.Tell(component, text)
	}
}

// find lists the logs of components, and who knows their tasks.
func (r *logReader) find(stored *Deployed, catalog *resource.Catalog, components []state.Component) error {
	var stack []resource.Object
	for _, res := range stored.Resources {
		if !res.Deleting && !res.Replacing {
			stack = append(stack, object(res))
		}
	}
	var with, containers []string
	for _, c := range components {
		before := len(r.logs)
		for _, o := range stack {
			if resource.ComponentOf(o.Resource) != c.Address {
				continue
			}
			behaviour, err := catalog.Behaviour(o.Type)
			if err != nil {
				continue // a newer deployer made it, and status says so
			}
			observer, ok := behaviour.(resource.Observer)
			if !ok {
				continue
			}
			seen := resource.Observed{Object: o, Stack: stack}
			r.askers = append(r.askers, asker{c.Address, func(ctx context.Context) ([]resource.Task, error) {
				return observer.Tasks(ctx, seen)
			}})
			for _, s := range observer.Logs(seen) {
				if s.Container == "" {
					s.Container = path.Base(s.Group)
				} else if !slices.Contains(containers, s.Container) {
					containers = append(containers, s.Container)
				}
				if r.Container == "" || r.Container == s.Container {
					r.logs = append(r.logs, &log{component: c.Address, source: s, query: follow.Query{
						Group: s.Group, Prefix: s.Prefix + r.Task, From: r.From, To: r.To, Pattern: r.Pattern,
					}})
				}
			}
		}
		if len(r.logs) > before {
			with = append(with, c.Address)
		} else if len(r.Components) > 0 && r.Container == "" {
			r.Tell(c.Address, "A component of the kind "+c.Kind+" writes no log, or its log goes elsewhere.")
		}
	}
	switch {
	case len(r.logs) == 0 && r.Container != "":
		return diag.New(diag.Invalid, "Unknown container", `No component here has a container "`+r.Container+
			`" with a log.`, diag.Candidates(r.Container, containers))
	case len(r.logs) == 0 && len(r.Components) == 0:
		r.Tell("", "Nothing that is deployed writes a log.")
	}
	if len(with) > 0 {
		r.Begin(with, r.beside())
	}
	return nil
}

// beside lists the containers, if a component has several.
func (r *logReader) beside() []string {
	var all []string
	several := false
	for _, l := range r.logs {
		if !slices.Contains(all, l.source.Container) {
			all = append(all, l.source.Container)
		}
		several = several || slices.ContainsFunc(r.logs, func(o *log) bool {
			return o.component == l.component && o.source.Container != l.source.Container
		})
	}
	if !several {
		return nil
	}
	return all
}

func (r *logReader) run(ctx context.Context) error {
	var beside errgroup.Group
	beside.Go(func() error { r.list(ctx); return nil })
	beside.Go(func() error { r.readVersions(ctx); return nil })
	if r.Live {
		_ = beside.Wait()
		return ended(ctx, r.live(ctx))
	}
	if r.Previous || r.Tail < 0 {
		_ = beside.Wait()
	}
	if r.Previous && !r.onlyPrevious() {
		return nil
	}
	for _, l := range r.logs {
		l.follower = follow.NewFollower(r.read, l.query, follow.NewSeen(follow.Most/len(r.logs)))
	}
	var err error
	if r.Tail >= 0 {
		err = r.last(ctx, func() { _ = beside.Wait() })
	} else {
		err = r.all(ctx)
	}
	if err != nil {
		return err
	}
	if r.Follow {
		return ended(ctx, r.follow(ctx))
	}
	if err := r.stops(r.end()); err != nil {
		return err
	}
	if r.shown == 0 {
		r.Tell("", r.nothing())
	}
	return nil
}

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

func (r *logReader) nothing() string {
	text := "There are no lines"
	if r.Task != "" {
		text += " of a task " + r.Task
	}
	if !r.From.IsZero() {
		text += " since " + r.From.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	if !r.To.IsZero() {
		text += " until " + r.To.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	if r.Keep != nil || r.Pattern != "" {
		text += " that fit"
	}
	return text + "."
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

// Paces of following: looks at logs, and lists of tasks. AWS allows about ten looks a second in an account.
const (
	lookEvery = 2 * time.Second
	lookShare = 250 * time.Millisecond // for each log
	listEvery = 5 * time.Second
	patience  = 5 // looks in a row that fail end following
)

// follow shows what is added, until the context ends.
func (r *logReader) follow(ctx context.Context) error {
	pace := max(lookEvery, time.Duration(len(r.logs))*lookShare)
	failed := 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pace):
		}
		r.refresh(ctx)
		found := make([][]follow.Event, len(r.logs))
		var all errgroup.Group
		now := r.now()
		for i, l := range r.logs {
			l.follower.Streams(r.streams(l))
			all.Go(func() (err error) { found[i], err = l.follower.Look(ctx, now); return err })
		}
		err := all.Wait()
		if failed++; err == nil {
			failed = 0
		}
		if err := r.batch(ctx, found); err != nil {
			return err
		}
		if err != nil && (failed == patience || denied(err)) {
			return err
		}
		if err := r.stops(now.Add(-2 * pace)); err != nil {
			return err
		}
	}
}

func denied(err error) bool {
	var op *resource.OpError
	return errors.As(err, &op) && strings.Contains(op.Code, "AccessDenied")
}

// refused says what to do about a call that AWS does not allow.
func refused(err error) error {
	var op *resource.OpError
	if !denied(err) || !errors.As(err, &op) {
		return err
	}
	d := diag.New(diag.Failed, "Logs cannot be read", diag.Sentence(cmp.Or(op.Message, op.Code)),
		resource.DeniedAdvice(op.Operation, op.Message))
	d.Operation, d.RequestID, d.Cause = op.Operation, op.RequestID, err
	return d
}

// batch shows lines of several logs in the order of time.
func (r *logReader) batch(ctx context.Context, found [][]follow.Event) error {
	type line struct {
		l *log
		e follow.Event
	}
	var lines []line
	for i, l := range r.logs {
		for _, e := range found[i] {
			if r.keeps(l, e) {
				lines = append(lines, line{l, e})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(a.e.At.Compare(b.e.At), a.e.Ingested.Compare(b.e.Ingested))
	})
	for _, x := range lines {
		if _, known := r.tasks[x.l.component+x.l.task(x.e)]; !known && x.l.task(x.e) != "" {
			r.refresh(ctx)
		}
		if err := r.show(ctx, x.l, x.e); err != nil {
			return err
		}
	}
	return nil
}

// live shows what live tail sends, until the context ends.
func (r *logReader) live(ctx context.Context) error {
	var arns []string
	scope := resource.Scope{Account: r.place.Account, Region: r.place.Region}
	for _, l := range r.logs {
		if arn := scope.ARN("logs", "log-group:"+l.source.Group); !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	return r.source.Live(ctx, arns, r.Pattern, func(events []follow.Event, sampled bool) error {
		follow.Sort(events)
		found := make([][]follow.Event, len(r.logs))
		for _, e := range events {
			for i, l := range r.logs {
				if e.Group == l.source.Group && strings.HasPrefix(e.Stream, l.query.Prefix) {
					found[i] = append(found[i], e)
					break
				}
			}
		}
		r.refresh(ctx)
		if err := r.batch(ctx, found); err != nil {
			return err
		}
		if sampled {
			r.Tell("", "AWS shows a sample here: there were more than 500 lines in a second. "+
				"--follow shows all of them.")
		}
		return r.stops(r.now().Add(-lookEvery))
	})
}

// task is the id of the task that wrote a line.
func (l *log) task(e follow.Event) string {
	if l.source.Prefix == "" {
		return ""
	}
	return strings.TrimPrefix(e.Stream, l.source.Prefix)
}

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

// list asks for the tasks. Without them, the lines are shown all the same.
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
