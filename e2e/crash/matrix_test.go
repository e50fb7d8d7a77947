package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/tally"
	"github.com/company/deployer/internal/aws"
)

// crisis is one case: what happens to the run of a story, and how it goes on.
type crisis struct {
	of        *subject
	story     story
	way       string // of the table
	strikes   []strike
	elsewhere []bool        // after each death the next run is on another machine, without the journal
	late      time.Duration // dies at that time instead
	dropped   bool          // nobody wants it any more: the next run destroys
	turns     bool          // the next run wants another version
	pause     time.Duration // between a run that saw nothing and the next
}

// last reports that a life ends with it: what it leaves is not what the next story begins with.
func (c crisis) last() bool { return c.dropped || c.turns }

func (c crisis) String() string {
	out := fmt.Sprintf("%s%s, %s", c.of.before, c.story, c.way)
	for i, s := range c.strikes {
		out += fmt.Sprintf(", %s (elsewhere: %v, wakes: %v)", s.moment, c.elsewhere[i], s.fault.wakes)
	}
	if c.late > 0 {
		out += fmt.Sprintf(", after %s (elsewhere: %v)", c.late, c.elsewhere[0])
	}
	if c.dropped {
		out += ", then destroyed"
	}
	if c.turns {
		_, how := c.story.instead()
		out += ", then " + how
	}
	return out
}

// name is the story with what follows.
func (c crisis) name() string {
	switch {
	case c.dropped:
		return c.of.before + string(c.story) + ", then destroy"
	case c.turns:
		_, how := c.story.instead()
		return c.of.before + string(c.story) + ", then " + how
	}
	return c.of.before + string(c.story)
}

// row is where the table counts it: pairs of faults are counted together, however they go on.
func (c crisis) row() string {
	if c.pair() {
		return c.of.before + string(c.story)
	}
	return c.name()
}

// pair reports whether two faults come in a row.
func (c crisis) pair() bool {
	return len(c.strikes) == 1 && (c.strikes[0].fault.then != nil || c.strikes[0].fault.blind != nil)
}

// endure lets one case happen in the life of a site, and returns what is wrong afterwards.
func (s *site) endure(c crisis) (problem error) {
	began := time.Now()
	_ = s.kept(c) // what a clean-up deleted is not of this case
	s.version = c.story.version()
	destroy := c.story == destroying
	home, host := s.t.TempDir(), "first"
	var former []*process
	defer func() {
		for _, p := range former {
			if !closed(p.woken) {
				close(p.woken)
			}
			<-p.done
		}
	}()
	reached, warned := true, false
	var blind *blindness
	attempt := func(k strike, late time.Duration) (died bool, err error) {
		p := s.start(host, home)
		p.strike, p.lateness, p.blind = k, late, blind
		died, err = p.run(destroy)
		if died {
			former = append(former, p)
			home = p.left
		}
		if k.fault.kind != none {
			reached = reached && p.hit
		}
		warned = k.fault.kind == mayFail && p.warned
		return died, err
	}
	var survivor error
	dead := false
	for i := range max(len(c.strikes), 1) {
		var k strike
		if i < len(c.strikes) {
			k = c.strikes[i]
		}
		if dead, survivor = attempt(k, c.late); dead && c.elsewhere[i] {
			s.later.Add(int64(takeover))
			home, host = s.t.TempDir(), fmt.Sprint("machine ", i)
		}
		if !dead && survivor != nil && (k.fault.kind == survives || k.fault.kind == none) {
			problem = fmt.Errorf("the run failed: %s", describe(survivor))
		}
	}
	destroy = destroy && !c.turns || c.dropped
	if c.turns {
		s.version, _ = c.story.instead()
	}
	if dead && c.pair() {
		s.later.Add(int64(time.Minute))
		blind = c.strikes[0].fault.blind
		if _, err := attempt(strike{}, 0); err != nil { // it has seen nothing, and says so
			s.later.Add(int64(c.pause))
		}
		blind = nil
	}
	if problem == nil && (dead || survivor != nil || warned || c.last()) {
		s.later.Add(int64(time.Minute))
		if _, err := attempt(strike{}, 0); err != nil {
			problem = fmt.Errorf("the next run failed: %s", describe(err))
		}
	}
	d := &difference{}
	look := func(when string) {
		if problem != nil {
			return
		}
		want := s.want[s.version]
		end := c.story
		switch {
		case destroy:
			want, end = s.others, destroying
		case c.turns:
			end = updating
		}
		var err error
		d, err = s.compare(want, c.turns)
		if c.turns && c.story == destroying && err == nil && !d.empty() { // the destroy had come to its end
			d, err = s.compare(s.anew, true)
		}
		if err == nil && d.empty() {
			err = s.ended(end)
		} else if err == nil {
			err = fmt.Errorf("AWS holds\n%s", d)
		}
		if err == nil && host == "first" {
			if left, _ := filepath.Glob(filepath.Join(home, ".deployer", "journal", "*")); len(left) > 0 {
				err = fmt.Errorf("a journal is left: %v", left)
			}
		}
		if err != nil {
			problem = fmt.Errorf("%s: %w", when, err)
		}
	}
	look("afterwards")
	for _, p := range former {
		if p.strike.fault.wakes && problem == nil {
			end := p.wake()
			look("after a zombie woke up, which ended with: " + describe(end))
		}
	}
	if err := s.kept(c); err != nil {
		problem = err
	}
	cases := table.Add(tally.Result{
		Story: c.row(), Way: c.way, Converged: problem == nil, Orphans: len(d.orphans), Duplicates: len(d.duplicates),
		Took:   time.Since(began),
		Missed: !reached && len(c.strikes) == 1, // the second of two may come too late
	})
	if cases%50 == 0 {
		s.t.Logf("%d cases", cases)
	}
	s.later.Add(int64(time.Minute))
	return problem
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// live lets cases of each story happen in one life after the other: what one leaves behind is what the next begins
// with.
func (s *site) live(q *queue) {
	for {
		first, more := q.life()
		if !more {
			return
		}
		s.newLife()
		whole := true
		for _, story := range stories[:slices.Index(stories, first)] {
			if c, ok := q.next(story, false); ok {
				whole = s.report(c)
			} else {
				s.version = story.version() // without anything happening
				if _, err := s.start("first", s.t.TempDir()).run(false); err != nil {
					s.t.Errorf("%s without anything happening: %s", story, describe(err))
					s.clean()
					whole = false
				}
			}
			if !whole {
				break
			}
		}
		if !whole {
			continue
		}
		c, ok := q.next(first, true)
		if !ok || s.report(c) && !c.dropped && (first != destroying || c.turns) {
			// none is left, or it leaves something
			s.clean()
		}
	}
}

// report lets a case happen; after one that failed everything is cleaned away.
func (s *site) report(c crisis) bool {
	err := s.endure(c)
	if err == nil {
		return true
	}
	s.t.Errorf("%s: %s", c, err)
	s.clean()
	return false
}

// clean destroys what is there in peace, whatever was left. What even that leaves is a defect of the case before; the
// next life then is in another account.
func (s *site) clean() {
	s.later.Add(int64(takeover))
	for _, destroy := range []bool{true, false, true} {
		cleaner := s.start("cleaner", s.t.TempDir())
		_, err := cleaner.run(destroy)
		if left, listErr := s.inventory(s.t.Context()); listErr == nil && slices.Equal(left, s.others) {
			return
		}
		s.t.Logf("cleaning up, destroy %v: %s; last calls: %v", destroy, describe(err),
			cleaner.calls[max(0, len(cleaner.calls)-8):])
	}
	s.move(s.t)
}

// queue is the cases of all stories that are still to come.
type queue struct {
	mu    sync.Mutex
	cases map[story][]crisis
}

// next takes a case of a story; one that a life ends with only when last is set.
func (q *queue) next(of story, last bool) (crisis, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.IndexFunc(q.cases[of], func(c crisis) bool { return last || !c.last() })
	if at < 0 {
		return crisis{}, false
	}
	c := q.cases[of][at]
	q.cases[of] = slices.Delete(q.cases[of], at, at+1)
	return c, true
}

// life returns the last story that still has cases: a life goes as far as that.
func (q *queue) life() (story, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range slices.Backward(stories) {
		if len(q.cases[s]) > 0 {
			return s, true
		}
	}
	return "", false
}

// everything is to be tried, not a sample.
func everything() bool { return os.Getenv("DEPLOYER_CRASH") == "all" }

// seed chooses the sample: the commit that make gives, else the day.
func seed() string {
	if text := os.Getenv("DEPLOYER_CRASH"); text != "" {
		return text
	}
	return time.Now().Format(time.DateOnly)
}

// matrix lists the cases.
func matrix(t *testing.T, s *site, random *rand.Rand) *queue {
	only, err := regexp.Compile(os.Getenv("DEPLOYER_CRASH_ONLY"))
	require.NoError(t, err)
	q := &queue{cases: map[story][]crisis{}}
	add := func(c crisis) {
		c.of = s.subject
		if only.MatchString(c.String()) {
			q.cases[c.story] = append(q.cases[c.story], c)
		}
	}
	for _, story := range stories {
		calls := s.calls[story]
		for n, at := range calls {
			for m, f := range faults {
				for _, dropped := range []bool{false, true} {
					if dropped && (story == destroying || f.kind != diesAfter) {
						continue
					}
					f := f
					// A machine that sleeps is another one for those who wait, and the next run is elsewhere in a third
					// of the cases.
					f.wakes = (f.kind == diesBefore || f.kind == diesAfter) && (n+m)%4 == 1
					if dropped { // the hardest of all: nothing but intents tells what was made
						f.wakes = false
					}
					add(crisis{
						story: story, way: f.name, strikes: []strike{{at, f}},
						elsewhere: []bool{dropped || f.wakes || (n+m)%3 == 0}, dropped: dropped,
					})
				}
				if f.kind == diesAfter {
					add(crisis{
						story: story, way: f.name, strikes: []strike{{at, f}}, elsewhere: []bool{n%2 == 0},
						turns: true,
					})
				}
			}
		}
		changing := slices.DeleteFunc(slices.Clone(calls), func(m moment) bool {
			_, name, _ := strings.Cut(m.operation, ":")
			return !aws.Mutating(name)
		})
		for n, at := range changing {
			for m, f := range pairs {
				// Then nobody wants it any more, or another version, which only intents can serve; and some come when
				// no signature is valid any more.
				c := crisis{
					story: story, way: f.name, strikes: []strike{{at, f}}, elsewhere: []bool{true},
					pause: time.Duration((n+m)%2) * 20 * time.Minute,
				}
				c.dropped = story != destroying && (n+m)%3 == 1
				c.turns = (n+m)%3 == 2
				add(c)
			}
		}
		for _, f := range pairs {
			table.Calls(s.before+string(story), f.name, len(changing))
		}
		for _, f := range faults {
			table.Calls(s.before+string(story), f.name, len(calls))
			if f.kind == diesAfter && story != destroying {
				table.Calls(s.before+string(story)+", then destroy", f.name, len(calls))
			}
			if f.kind == diesAfter {
				table.Calls(crisis{of: s.subject, story: story, turns: true}.name(), f.name, len(calls))
			}
		}
		// Two deaths in a row: the second one also while the first is picked up.
		for range crises {
			first, second := calls[random.IntN(len(calls))], calls[random.IntN(len(calls))]
			add(crisis{
				story: story, way: "two deaths", strikes: []strike{{first, deathAfter}, {second, deathAfter}},
				elsewhere: []bool{random.IntN(2) == 0, random.IntN(2) == 0},
				dropped:   story != destroying && random.IntN(4) == 0,
			})
			add(crisis{
				story: story, way: "death at any time", late: 1 + time.Duration(random.Int64N(int64(s.took[story]))),
				elsewhere: []bool{random.IntN(2) == 0},
				dropped:   story != destroying && random.IntN(4) == 0,
			})
		}
	}
	return q
}

// crises is how many of the random cases there are of each story.
const crises = 60
