package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options configure a Proxy. Only Upstream is required.
type Options struct {
	// Upstream is the base URL of the emulator, for example
	// "http://127.0.0.1:5000".
	Upstream string
	// Listen is the address to listen on; "127.0.0.1:0" when empty.
	Listen string
	// Latency is waited before every request, outside the lock, so that
	// concurrent requests overlap as they do on a network.
	Latency time.Duration
	// Lock serialises requests. Proxies in front of the same emulator may
	// share one; by default each proxy has its own.
	Lock sync.Locker
	// Dump receives every finished record as one JSON line.
	Dump io.Writer
	// BodyLimit is the number of request body bytes kept in a record; 64 KiB
	// when zero.
	BodyLimit int
	// UpstreamLog returns the recent end of the emulator's log. It is used to
	// name the cause when the emulator fails with an HTML page.
	UpstreamLog func() string
	// Now is the clock of the records; time.Now when nil.
	Now func() time.Time
}

// Proxy is a running test proxy. All methods are safe for concurrent use.
type Proxy struct {
	opts     Options
	upstream *url.URL
	listener net.Listener
	server   *http.Server
	client   *http.Transport
	effects  sync.Locker // held while a request takes effect

	recorder recorder
	faults   faultSet
	policies policyStore
	admin    *http.ServeMux

	mu         sync.Mutex // guards what follows
	latency    time.Duration
	dateSkew   time.Duration
	handlers   map[string]Handler
	named      map[string][]string // parameters that name the object, by service
	allowed    Handler             // nil: everything is
	between    []Handler
	watching   []func(*Call, *Response)
	resets     []func()
	transcript *Transcript // nil: none is written
}

// New starts a proxy. Close it when done.
func New(opts Options) (*Proxy, error) {
	upstream, err := url.Parse(opts.Upstream)
	if err != nil || upstream.Host == "" {
		return nil, fmt.Errorf("test proxy: upstream %q is not a URL", opts.Upstream)
	}
	if opts.Listen == "" {
		opts.Listen = "127.0.0.1:0"
	}
	if opts.BodyLimit == 0 {
		opts.BodyLimit = 64 << 10
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Lock == nil {
		opts.Lock = &sync.Mutex{}
	}
	listener, err := net.Listen("tcp", opts.Listen)
	if err != nil {
		return nil, fmt.Errorf("test proxy: listen on %s: %w", opts.Listen, err)
	}
	p := &Proxy{
		opts:     opts,
		upstream: upstream,
		listener: listener,
		client:   &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8},
		effects:  opts.Lock,
		latency:  opts.Latency,
		handlers: map[string]Handler{},
		named:    map[string][]string{},
	}
	p.recorder.dump = opts.Dump
	p.admin = p.adminRoutes()
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() {
		// Serve returns ErrServerClosed after Close. Any other error means that the listener failed, and every client
		// sees that.
		_ = p.server.Serve(listener)
	}()
	return p, nil
}

// URL is the endpoint to give to the product as AWS_ENDPOINT_URL.
func (p *Proxy) URL() string { return "http://" + p.listener.Addr().String() }

// Close stops listening and cuts all open connections.
func (p *Proxy) Close() error {
	err := p.server.Close()
	p.client.CloseIdleConnections()
	return err
}

// SetLatency changes the latency added to every request.
func (p *Proxy) SetLatency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// SetDateSkew shifts the Date header of every answer, which AWS clients use as AWS's time.
func (p *Proxy) SetDateSkew(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dateSkew = d
}

// Mount serves h under /_proxy/<name>/ for other processes. The prefix is
// stripped before h sees the path.
func (p *Proxy) Mount(name string, h http.Handler) {
	prefix := adminPrefix + name
	p.admin.Handle(prefix+"/", http.StripPrefix(prefix, h))
}

// OnReset registers f to be called by Reset; fakes clear their state with it.
func (p *Proxy) OnReset(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resets = append(p.resets, f)
}

// Reset forgets records, faults, remembered policies and the state of fakes.
// The emulator's own state is not touched.
func (p *Proxy) Reset() {
	p.recorder.reset()
	p.faults.set(nil)
	p.policies.reset()
	p.mu.Lock()
	resets := append([]func(){}, p.resets...)
	p.mu.Unlock()
	p.effects.Lock()
	defer p.effects.Unlock()
	for _, f := range resets {
		f()
	}
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPrefix) {
		p.admin.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away while sending
	}
	if strings.HasPrefix(r.URL.Path, "/moto-api/") {
		p.passThrough(w, r, body)
		return
	}
	call := p.identify(r, body)
	record := p.recorder.begin(call, p.opts.Now(), p.opts.BodyLimit)
	p.mu.Lock()
	latency := p.latency
	p.mu.Unlock()
	pause(r.Context(), latency)

	fault := p.faults.take(call)
	if fault != nil {
		p.recorder.update(record, func(rec *Record) { rec.Fault = fault.Action })
		if fault.OnCall != nil {
			fault.OnCall(call)
		}
		pause(r.Context(), time.Duration(fault.Delay))
		if done := p.before(w, call, fault, record); done {
			return
		}
	}
	resp, source, err := p.effect(call)
	if err != nil {
		resp, source = call.failure(http.StatusBadGateway, "EmulatorUnavailable",
			"the emulator did not answer: "+err.Error()), "proxy"
	}
	if fault != nil {
		if fault.OnEffect != nil {
			fault.OnEffect(call)
		}
		if fault.Action == DropAfter || fault.Action == ResetAfter {
			p.transcribe(call, resp.Status, source, resp.Body)
			p.finish(record, resp.Status, source+", answer dropped", "")
			cut(w, fault.Action == ResetAfter)
			return
		}
	}
	p.answer(w, call, resp, source, record)
}

// effect lets one call take effect under the lock.
func (p *Proxy) effect(call *Call) (*Response, string, error) {
	p.effects.Lock()
	defer p.effects.Unlock()
	p.mu.Lock()
	allowed, between, watching := p.allowed, p.between, p.watching
	p.mu.Unlock()
	if allowed != nil {
		if refusal := allowed(call); refusal != nil {
			return refusal, "refused", nil
		}
	}
	for _, h := range between {
		if answer := h(call); answer != nil {
			return answer, "proxy", nil
		}
	}
	resp, source, err := p.reach(call)
	if err == nil {
		for _, f := range watching {
			f(call, resp)
		}
	}
	return resp, source, err
}

// reach sends the call to the handler or emulator that answers it.
func (p *Proxy) reach(call *Call) (*Response, string, error) {
	if h := p.handlerFor(call); h != nil {
		if resp := h(call); resp != nil {
			return resp, "fake", nil
		}
	}
	if resp := p.policies.handle(call); resp != nil {
		return resp, "proxy", nil
	}
	resp, err := call.Forward()
	if err != nil {
		return nil, "", err
	}
	p.policies.after(call, resp)
	if explained := p.explainUnimplemented(call, resp); explained != nil {
		return explained, "proxy", nil
	}
	return resp, "emulator", nil
}

// before applies the faults that answer without any effect. It reports
// whether the request is finished.
func (p *Proxy) before(w http.ResponseWriter, call *Call, fault *Fault, record *Record) bool {
	switch fault.Action {
	case DropBefore, ResetBefore:
		p.transcribe(call, 0, "dropped", nil)
		p.finish(record, 0, "dropped", "")
		cut(w, fault.Action == ResetBefore)
		return true
	}
	if resp := fault.response(call); resp != nil {
		p.answer(w, call, resp, "fault", record)
		return true
	}
	return false
}

func (p *Proxy) answer(w http.ResponseWriter, call *Call, resp *Response, source string, record *Record) {
	header := w.Header()
	for k, v := range resp.Header {
		header[k] = v
	}
	requestID := resp.requestID()
	if requestID == "" {
		requestID = fmt.Sprintf("proxy-%06d", call.Seq)
		name := "X-Amzn-Requestid"
		if call.Protocol == ProtocolS3 {
			name = "X-Amz-Request-Id"
		}
		header.Set(name, requestID)
	}
	p.mu.Lock()
	skew := p.dateSkew
	p.mu.Unlock()
	if skew != 0 {
		header.Set("Date", p.opts.Now().Add(skew).UTC().Format(http.TimeFormat))
	}
	p.transcribe(call, resp.Status, source, resp.Body)
	p.finish(record, resp.Status, source, requestID)
	w.WriteHeader(resp.Status)
	_, _ = w.Write(resp.Body) // the client may be gone
}

func (p *Proxy) finish(record *Record, status int, source, requestID string) {
	p.recorder.end(record, status, source, requestID, p.opts.Now())
}
