package crash

import (
	"slices"
	"time"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// fault is what is done to one call of a run.
type fault struct {
	name   string
	kind   kind
	action proxy.Action
	delay  time.Duration
	wakes  bool // the dead process only slept, and goes on when another has taken over
}

type kind int

const (
	none kind = iota
	diesBefore
	diesAfter
	survives // the run must do as if nothing had happened
	mayFail  // it says so; the next one converges
	suspends // the machine sleeps for minutes, and the lock may be lost
)

var (
	deathBefore = fault{name: "death before", kind: diesBefore}
	deathAfter  = fault{name: "death after", kind: diesAfter}
	suspension  = fault{name: "suspended", kind: suspends}
	failures    = []fault{
		{name: "drop", kind: survives, action: proxy.DropBefore},
		{name: "answer lost", kind: survives, action: proxy.DropAfter},
		{name: "reset", kind: survives, action: proxy.ResetBefore},
		{name: "delay", kind: survives, action: proxy.Delay, delay: 100 * time.Millisecond},
		{name: "500", kind: survives, action: proxy.InternalError},
		{name: "SlowDown", kind: survives, action: proxy.SlowDown},
		{name: "throttling", kind: survives, action: proxy.Throttle},
		{name: "409", kind: mayFail, action: proxy.Conflict},
	}
	faults = slices.Concat([]fault{deathBefore, deathAfter}, failures, []fault{suspension})
)
