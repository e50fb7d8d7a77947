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

	// What happens besides, so that two faults come in a row.
	then  *proxy.Fault // to each repetition of the call; no more than one is made
	blind *blindness   // of the run after a death
}

// blindness is what a run hears that asks AWS about objects. It neither knows what is there nor finds what it looks
// for.
type blindness struct {
	fault   proxy.Fault
	claimed bool // only once the plan is made, and the state claimed
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
	denied   = proxy.Fault{Action: proxy.Fail, Status: 403, Code: "AccessDenied", Message: "not allowed"}
	throttle = proxy.Fault{Action: proxy.Throttle}
	// pairs are for each call that changes something.
	pairs = []fault{
		{name: "answer lost, refused", kind: mayFail, action: proxy.DropAfter, then: &denied},
		{name: "answer lost, throttled", kind: mayFail, action: proxy.DropAfter, then: &throttle},
		{name: "death, reads denied", kind: diesAfter, blind: &blindness{fault: denied}},
		{name: "death, looks throttled", kind: diesAfter, blind: &blindness{fault: throttle, claimed: true}},
	}
	faults = slices.Concat([]fault{deathBefore, deathAfter}, failures, []fault{suspension})
)
