package crash

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"

	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/lock"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/state"
)

// moment is one call of a run: the n-th of its operation. Calls that are made side by side have the same names in every
// run.
type moment struct {
	operation string
	n         int
}

func (m moment) String() string { return fmt.Sprintf("%s #%d", m.operation, m.n) }

// strike is what happens at a moment.
type strike struct {
	moment
	fault fault
}

// process is one run of the program. From its death on nothing that it sends arrives, and nothing that it waits for
// comes, until it is woken up.
type process struct {
	*site
	home     string
	host     string
	pid      int
	strike   strike
	lateness time.Duration // dies at that time, whatever it does; 0: never

	blind *blindness

	mu     sync.Mutex
	seen   map[string]int
	calls  []moment
	hit    bool
	lost   string // the SDK's id of the call whose answer was lost
	writes int    // of the state

	died, woken, done chan struct{}
	once              sync.Once
	left              string // a copy of its home at its death
	err               error
	warned            bool // it said that something is left to do
}

// start makes a process on a host with a home.
func (s *site) start(host, home string) *process {
	return &process{
		site: s, home: home, host: host, pid: int(s.pids.Add(1)), seen: map[string]int{},
		died: make(chan struct{}), woken: make(chan struct{}), done: make(chan struct{}),
	}
}

// world is what the process sees of the outside.
func (p *process) world() backend.World {
	settings := config.Defaults()
	settings.Backend = config.Backend{Type: "s3", Region: p.env.Region, Bucket: p.bucket, Prefix: p.prefix}
	settings.Locks.Type, settings.Locks.Region, settings.Locks.Table = "dynamodb", p.env.Region, "locks"
	settings.AWS.Profile = p.env.Account
	settings.Preferences.Parallelism = 1
	var ids atomic.Int64
	return backend.World{
		Root: p.roots[p.version], Home: p.home, Settings: settings, Env: p.environment(), Now: p.now,
		Version: "test", Command: "deployer apply", Hard: context.Background(), HTTP: p,
		Host: &lock.Host{
			Hostname: p.host, BootID: p.host, PIDNamespace: "pids", PID: p.pid, ProcessStart: "1",
			Started: p.running,
		},
		Blind: true, Types: catalog.New, Index: tagging.Find,
		NewID: func() string { return fmt.Sprintf("%s-%d-%d", p.prefix, p.pid, ids.Add(1)) },
	}
}

// environment: where calls fail to the end, that is soon.
func (p *process) environment() map[string]string {
	env := map[string]string{"GITHUB_ACTOR": "ann"}
	switch {
	case p.blind != nil:
		env["AWS_MAX_ATTEMPTS"] = "1"
	case p.strike.fault.then != nil:
		env["AWS_MAX_ATTEMPTS"] = "2"
	}
	return env
}

func (p *process) request() deploy.Request {
	variables := map[string]string{"VERSION": "1." + fmt.Sprint(p.version) + ".0"}
	maps.Copy(variables, p.variables)
	return deploy.Request{
		Key:         state.Key{Stack: p.stack, Environment: "dev"},
		Variables:   variables,
		Parallelism: 1, AllowDataLoss: p.lossy, Progress: func(plan.Event) {},
	}
}

// run applies the version of the site, or destroys it, and returns when that is done or the process is dead.
func (p *process) run(destroy bool) (died bool, err error) {
	back, err := backend.Open(context.Background(), p.world())
	if err != nil {
		return false, err
	}
	req := p.request()
	go func() {
		defer close(p.done)
		do := deploy.Apply
		if destroy {
			do = deploy.Destroy
		}
		var applied *deploy.Applied
		applied, p.err = do(context.Background(), back, req)
		p.warned = applied != nil && len(applied.Warnings) > 0
	}()
	if p.lateness > 0 {
		defer time.AfterFunc(p.lateness, p.die).Stop()
	}
	defer p.gone()
	select {
	case <-p.done:
		select {
		case <-p.died: // in its last moment
			return true, nil
		default:
			return false, p.err
		}
	case <-p.died:
		return true, nil
	}
}

// die is what SIGKILL does: its home stays as it is at this moment.
func (p *process) die() {
	p.once.Do(func() {
		p.left = p.t.TempDir()
		if err := os.CopyFS(p.left, os.DirFS(p.home)); err != nil {
			panic(err)
		}
		p.gone()
		close(p.died)
	})
}

// gone tells those who look for the process that there is none.
func (p *process) gone() {
	p.site.mu.Lock()
	defer p.site.mu.Unlock()
	p.site.dead[p.pid] = true
}

// wake lets a process go on that only slept, and waits for its end.
func (p *process) wake() error {
	close(p.woken)
	<-p.done
	return p.err
}

// Do implements aws.HTTPClient.
func (p *process) Do(req *http.Request) (*http.Response, error) {
	name := awsmiddleware.GetServiceID(req.Context()) + ":" + awsmiddleware.GetOperationName(req.Context())
	p.mu.Lock()
	p.seen[name]++
	here := moment{name, p.seen[name]}
	p.calls = append(p.calls, here)
	inTime := len(p.calls) <= int(ahead/eachCall)
	struck := here == p.strike.moment && p.strike.fault.name != ""
	p.hit = p.hit || struck
	call, backend := req.Header.Get("Amz-Sdk-Invocation-Id"), strings.Contains(req.URL.Path, p.bucket)
	if struck {
		p.lost = call
	}
	repeated := !struck && p.strike.fault.then != nil && call == p.lost
	if backend && req.Method == http.MethodPut && strings.HasSuffix(req.URL.Path, "/state.json") {
		p.writes++
	}
	unseen := p.blind != nil && !backend && looks(name) && (!p.blind.claimed || p.writes > 1) // the first takes over
	p.mu.Unlock()
	if inTime {
		p.later.Add(int64(eachCall))
	}

	select {
	case <-p.died:
		if asleep := p.asleep(); asleep != nil {
			return nil, asleep
		}
	default:
	}
	switch {
	case repeated:
		return p.send(req, p.strike.fault.then)
	case unseen:
		return p.send(req, &p.blind.fault)
	case !struck:
		resp, err := p.send(req, nil)
		select {
		case <-p.died: // while it waited for the answer
			if asleep := p.asleep(); asleep != nil {
				return nil, asleep
			}
		default:
		}
		return resp, err
	}
	switch p.strike.fault.kind {
	case diesBefore:
		p.die()
		if asleep := p.asleep(); asleep != nil {
			return nil, asleep
		}
		return nil, errExpired{} // signed too long ago
	case diesAfter:
		resp, err := p.send(req, nil)
		p.die()
		if asleep := p.asleep(); asleep != nil {
			return nil, asleep
		}
		return resp, err
	}
	return p.send(req, &proxy.Fault{Action: p.strike.fault.action, Delay: proxy.Duration(p.strike.fault.delay)})
}

// looks reports whether an operation asks about objects of the stack: not about the lock, nor who is asking.
func looks(operation string) bool {
	service, name, _ := strings.Cut(operation, ":")
	return service != "DynamoDB" && service != "STS" && !aws.Mutating(name)
}

// asleep waits until somebody wakes the process up. A grave is never opened.
func (p *process) asleep() error {
	<-p.woken
	if p.strike.fault.wakes {
		return nil
	}
	return errDead{}
}

// send hands a request to the proxy, as if over a network.
func (p *process) send(req *http.Request, fault *proxy.Fault) (resp *http.Response, err error) {
	// Nobody's call may take the fault of another.
	if fault != nil {
		p.gate.Lock()
		defer p.gate.Unlock()
		if err := p.env.Proxy.Inject(*fault); err != nil {
			return nil, err
		}
		defer p.env.Proxy.ClearFaults()
	} else {
		p.gate.RLock()
		defer p.gate.RUnlock()
	}
	in := req.Clone(context.WithoutCancel(req.Context()))
	in.RequestURI, in.Host = req.URL.RequestURI(), req.URL.Host
	in.URL.Scheme, in.URL.Host = "", ""
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := httptest.NewRecorder()
	defer func() {
		if cut := recover(); cut == http.ErrAbortHandler {
			resp, err = nil, fmt.Errorf("injected: %w", io.ErrUnexpectedEOF)
			if fault != nil && strings.HasPrefix(string(fault.Action), "reset") {
				err = syscall.ECONNRESET
			}
		} else if cut != nil {
			panic(cut)
		}
	}()
	p.env.Proxy.ServeHTTP(out, in)
	resp = out.Result()
	resp.Header.Set("Date", p.now().UTC().Format(http.TimeFormat))
	resp.Request = req
	return resp, nil
}

// errDead is what a dead process gets when the test is over. Nobody repeats a call that was canceled.
type errDead struct{}

func (errDead) Error() string       { return "dead" }
func (errDead) CanceledError() bool { return true }

// errExpired is what AWS says to a request that was signed before a takeover. Nobody repeats it.
type errExpired struct{}

func (errExpired) Error() string       { return "RequestExpired: the signature is too old" }
func (errExpired) CanceledError() bool { return true }

// describe is an error with all that a person would be told.
func describe(err error) string {
	if err == nil {
		return "no error"
	}
	var out []string
	for _, d := range diag.From(err) {
		out = append(out, strings.TrimSpace(d.Summary+": "+d.Detail+" "+strings.Join(d.Lines, " ")))
	}
	return strings.Join(out, "; ")
}
