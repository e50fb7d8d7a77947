package observe

import (
	"context"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
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
	stored, err := ReadPlace(ctx, b, key)
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
	stack := present(stored)
	var with, containers []string
	for _, c := range components {
		before := len(r.logs)
		for observer, seen := range observers(catalog, stack, c.Address) {
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
