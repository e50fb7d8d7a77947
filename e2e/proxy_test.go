package e2e

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit"
	"github.com/company/deployer/e2e/testkit/ecsfake"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// world is the AWS of one script.
type world struct {
	*testkit.Env
	mu      sync.Mutex
	arrived chan struct{} // gets a call that is held
	release chan struct{} // closed to let held calls go on
	watched *watched      // by proxy watch
}

type worldKey struct{}

func newWorld(aws *testkit.Env, env *testscript.Env) *world {
	w := &world{Env: aws}
	// A process that is stopped at the end of a script must not wait for a call that is held.
	env.Defer(w.letGo)
	return w
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func (w *world) letGo() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.release != nil {
		close(w.release)
		w.release = nil
	}
}

// await waits until a call is held.
func (w *world) await(ts *testscript.TestScript) {
	select {
	case <-w.arrived:
	case <-time.After(30 * time.Second):
		ts.Fatalf("no call was held within 30 s")
	}
}

// proxyCommand looks at the calls of the binary and disturbs them. Filters are service=, operation=, resource= (globs),
// mutating=true, attempt=.
//
//	proxy reset                       forget the calls so far
//	proxy count N FILTER...           exactly N calls; service=a,b counts those of several services
//	proxy fault ACTION FILTER... [nth=N times=N status=N code=C message=M delay=D]
//	proxy hold FILTER...              the next such call waits
//	proxy await                       until a call is held
//	proxy release                     let it go on
//	proxy clear                       no more faults
//	proxy late N                      each operation does not know new objects for N calls (late.Late); 0: it does
//	proxy ignorant OPERATION...       those operations did not know something since then, and no others
//	proxy watch URL...                look after each change of a load balancer whether these requests are served
//	proxy served                      they were, all the time
//	proxy ecs image=GLOB behaviour=B [command=GLOB exit=CODE steps=N log=LINE|LINE]
//	                                  what the tasks of an image do, as of ecsfake.Rule
//	proxy agent STATUS [REASON]       what the agents of ECS Exec are: RUNNING, PENDING, STOPPED
//	proxy gateway broken|encrypted|lossy|fine
//	                                  what the gateway of sessions does
//	proxy ecs clear                   no more of these rules
func proxyCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "proxy")
	if len(args) == 0 {
		ts.Fatalf("usage: proxy reset|count|fault|hold|await|release|clear|late|ignorant|ecs ...")
	}
	w := worldOf(ts)
	switch verb, args := args[0], args[1:]; verb {
	case "reset":
		w.Proxy.ResetRecords()
	case "clear":
		w.Proxy.ClearFaults()
	case "count":
		w.count(ts, args)
	case "fault":
		if len(args) == 0 {
			ts.Fatalf("usage: proxy fault ACTION FILTER...")
		}
		ts.Check(w.Proxy.Inject(faultOf(ts, proxy.Action(args[0]), args[1:])))
	case "hold":
		w.hold(ts, args)
	case "late":
		if len(args) != 1 {
			ts.Fatalf("usage: proxy late N")
		}
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		w.Late.Set(n)
	case "ignorant":
		slices.Sort(args)
		if told := slices.Sorted(maps.Keys(w.Late.Told())); !slices.Equal(told, args) {
			ts.Fatalf("ignorant were %v, want %v", told, args)
		}
	case "watch":
		w.watch(ts, args)
	case "served":
		w.served(ts)
	case "await":
		w.await(ts)
	case "release":
		w.letGo()
	case "agent":
		w.ECS.SetAgent(args[0], strings.Join(args[1:], " "))
	case "gateway":
		w.ECS.Gateway().Trouble(args[0])
	case "ecs":
		w.rule(ts, args)
	default:
		ts.Fatalf("unknown: proxy %s", verb)
	}
}

// count fails unless the proxy has so many records that pass the filter.
func (w *world) count(ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: proxy count N FILTER...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var calls []string
	services := []string{"*"}
	filter := faultOf(ts, "none", args[1:]).Filter
	if filter.Service != "" {
		services = strings.Split(filter.Service, ",")
	}
	for _, service := range services {
		filter.Service = service
		for _, r := range w.Proxy.Select(filter) {
			calls = append(calls, r.Name()+" "+r.Resource)
		}
	}
	if len(calls) != want {
		ts.Fatalf("%d calls, want %d:\n%s", len(calls), want, strings.Join(calls, "\n"))
	}
}

// hold keeps calls that pass the filter, until release.
func (w *world) hold(ts *testscript.TestScript, args []string) {
	arrived, release := make(chan struct{}, 64), make(chan struct{})
	w.letGo()
	w.mu.Lock()
	w.arrived, w.release = arrived, release
	w.mu.Unlock()
	fault := faultOf(ts, proxy.None, args)
	fault.OnCall = func(*proxy.Call) {
		arrived <- struct{}{}
		<-release
	}
	ts.Check(w.Proxy.Inject(fault))
}

// rule says how tasks of an image do.
func (w *world) rule(ts *testscript.TestScript, args []string) {
	if slices.Equal(args, []string{"clear"}) {
		w.ECS.ClearRules()
		return
	}
	rule := ecsfake.Rule{}
	for key, value := range pairs(ts, args) {
		switch key {
		case "image":
			rule.Image = value
		case "behaviour":
			rule.Behaviour = ecsfake.Behaviour(value)
		case "command":
			rule.Command = value
		case "exit", "steps":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			if key == "exit" {
				rule.ExitCode = n
			} else {
				rule.Steps = n
			}
		case "log":
			rule.Log = strings.Split(value, "|")
		default:
			ts.Fatalf("unknown %s", key)
		}
	}
	ts.Check(w.ECS.AddRules(rule))
}

func pairs(ts *testscript.TestScript, args []string) map[string]string {
	out := map[string]string{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("%q is not KEY=VALUE", arg)
		}
		out[key] = value
	}
	return out
}

func faultOf(ts *testscript.TestScript, action proxy.Action, args []string) proxy.Fault {
	fault := proxy.Fault{Action: action}
	number := func(value string) int {
		n, err := strconv.Atoi(value)
		ts.Check(err)
		return n
	}
	for key, value := range pairs(ts, args) {
		switch key {
		case "service":
			fault.Service = value
		case "operation":
			fault.Operation = value
		case "resource":
			fault.Resource = value
		case "mutating":
			fault.Mutating = value == "true"
		case "attempt":
			fault.Attempt = number(value)
		case "nth":
			fault.Nth = number(value)
		case "times":
			fault.Times = number(value)
		case "status":
			fault.Status = number(value)
		case "code":
			fault.Code = value
		case "message":
			fault.Message = value
		case "delay":
			d, err := time.ParseDuration(value)
			ts.Check(err)
			fault.Delay = proxy.Duration(d)
		default:
			ts.Fatalf("unknown %s", key)
		}
	}
	return fault
}
