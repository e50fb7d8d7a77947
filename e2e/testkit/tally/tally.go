// Package tally counts the results of the cases of a matrix, and prints a table after the tests.
//
// In: one Result per case, also from files of other processes. Out: a table with a row for each story and kind of
// strike. It must not decide anything: a failed case fails its own test.
package tally

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"
)

// Result is the result of one case, or the number of calls that can be struck.
type Result struct {
	Calls int // of an undisturbed run; above 0 in a Result that is not a case

	Story, Way          string
	Converged           bool
	Orphans, Duplicates int  // objects that should not be there
	Missed              bool // the call to be struck was never made
	Took                time.Duration
}

// Table is the counts of many cases. The zero value is ready for use.
type Table struct {
	mu    sync.Mutex
	order []key
	rows  map[key]*row
	lines *json.Encoder
}

// Keep writes each result as a line, for Load.
func (t *Table) Keep(to io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = json.NewEncoder(to)
}

// Load adds the results that another process kept.
func (t *Table) Load(from io.Reader) error {
	for lines := json.NewDecoder(from); ; {
		var r Result
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if r.Calls > 0 {
			t.Calls(r.Story, r.Way, r.Calls)
		} else {
			t.Add(r)
		}
	}
}

func (t *Table) keep(r Result) {
	if t.lines == nil {
		return
	}
	if err := t.lines.Encode(r); err != nil {
		panic("tally: " + err.Error()) // a test that counts nothing is no test
	}
}

type key struct{ story, way string }

type row struct {
	calls, cases, converged, orphans, duplicates, missed int
	took                                                 time.Duration
}

func (t *Table) row(story, way string) *row {
	k := key{story, way}
	if t.rows == nil {
		t.rows = map[key]*row{}
	}
	if t.rows[k] == nil {
		t.rows[k] = &row{}
		t.order = append(t.order, k)
	}
	return t.rows[k]
}

// Calls records how many calls an undisturbed run of a story makes that can be struck in that way.
func (t *Table) Calls(story, way string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.row(story, way).calls = n
	t.keep(Result{Story: story, Way: way, Calls: n})
}

// Add counts a case, and returns the number of cases so far.
func (t *Table) Add(r Result) (cases int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(r)
	to := t.row(r.Story, r.Way)
	to.cases++
	to.orphans += r.Orphans
	to.duplicates += r.Duplicates
	to.took += r.Took
	if r.Converged {
		to.converged++
	}
	if r.Missed {
		to.missed++
	}
	for _, each := range t.rows {
		cases += each.cases
	}
	return cases
}

// Print writes the rows that have cases, and their sum. Without cases it writes nothing.
func (t *Table) Print(to io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sum row
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, k := range t.order {
		r := t.rows[k]
		if r.cases == 0 {
			continue
		}
		if sum.cases == 0 {
			fmt.Fprint(w, "\nstory\twhat happens\tcalls\tcases\tconverged\torphans\tduplicates\tnot reached\ts/case\n")
		}
		calls := "any"
		if r.calls > 0 {
			calls = fmt.Sprint(r.calls)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%.1f\n", k.story, k.way, calls, r.cases, r.converged, r.orphans,
			r.duplicates, r.missed, r.took.Seconds()/float64(r.cases))
		sum.cases += r.cases
		sum.converged += r.converged
		sum.orphans += r.orphans
		sum.duplicates += r.duplicates
		sum.missed += r.missed
	}
	if sum.cases > 0 {
		fmt.Fprintf(w, "all\t\t\t%d\t%d\t%d\t%d\t%d\t\n", sum.cases, sum.converged, sum.orphans, sum.duplicates,
			sum.missed)
	}
	_ = w.Flush() // to a terminal or a log
}
