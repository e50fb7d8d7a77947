package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Action is what a fault does to the call it hits.
type Action string

// The faults.
const (
	// DropBefore closes the connection; the request has no effect.
	DropBefore Action = "drop-before"
	// DropAfter lets the request take effect, then closes the connection: the
	// answer is lost.
	DropAfter Action = "drop-after"
	// ResetBefore and ResetAfter do the same with a TCP reset.
	ResetBefore Action = "reset"
	ResetAfter  Action = "reset-after"
	// Delay waits Fault.Delay before the request takes effect. Every other
	// action honours Fault.Delay too.
	Delay Action = "delay"
	// InternalError answers 500, which SDKs retry.
	InternalError Action = "500"
	// SlowDown answers 503 SlowDown (S3) or 503 ServiceUnavailable.
	SlowDown Action = "slow-down"
	// Throttle answers the service's own throttling error: 400
	// ThrottlingException (JSON), 400 Throttling (query), 503
	// RequestLimitExceeded (EC2), 503 SlowDown (S3).
	Throttle Action = "throttle"
	// Conflict answers 409 ConditionalRequestConflict, as S3 does for
	// concurrent conditional writes.
	Conflict Action = "409"
	// Fail answers Fault.Status, Fault.Code and Fault.Message.
	Fail Action = "fail"
	// None only calls the hooks.
	None Action = "none"
)

// Duration is a time.Duration that reads and writes "150ms" in JSON.
type Duration time.Duration

func (d Duration) std() time.Duration { return time.Duration(d) }

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration is a string such as \"150ms\": %w", err)
	}
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	return err
}

// Fault says which calls are hit and how. Calls are counted as they arrive, including SDK retries. The HTTP client
// below the SDK may retry once when a connection is dropped on a request without a body.
type Fault struct {
	Filter
	// Nth is the first matching call to be hit, from 1; 0 means 1.
	Nth int `json:"nth,omitempty"`
	// Times is how many matching calls from there on are hit: 0 means 1, a
	// negative number all.
	Times   int      `json:"times,omitempty"`
	Action  Action   `json:"action"`
	Delay   Duration `json:"delay,omitempty"`
	Status  int      `json:"status,omitempty"`
	Code    string   `json:"code,omitempty"`
	Message string   `json:"message,omitempty"`

	// OnCall is called when a call is hit, before any effect; it may block.
	OnCall func(*Call) `json:"-"`
	// OnEffect is called after the effect, before the answer. It is not
	// called for actions that have no effect.
	OnEffect func(*Call) `json:"-"`
}

func (f *Fault) validate() error {
	switch f.Action {
	case DropBefore, DropAfter, ResetBefore, ResetAfter, Delay, InternalError, SlowDown, Throttle, Conflict, None:
		return nil
	case Fail:
		if f.Status < 400 || f.Code == "" {
			return fmt.Errorf("action %q needs a status of 400 or more and a code", Fail)
		}
		return nil
	}
	return fmt.Errorf("unknown fault action %q", f.Action)
}

// response is the error answer of the fault, nil for faults of another kind.
func (f *Fault) response(c *Call) *Response {
	switch f.Action {
	case InternalError:
		code := "InternalFailure"
		switch c.Service {
		case "s3":
			code = "InternalError"
		case "dynamodb":
			code = "InternalServerError"
		}
		return c.failure(http.StatusInternalServerError, code, "We encountered an internal error. Please try again.")
	case SlowDown:
		if c.Protocol == ProtocolS3 {
			return c.failure(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
		}
		return c.failure(http.StatusServiceUnavailable, "ServiceUnavailable", "Service is unable to handle request.")
	case Throttle:
		switch c.Protocol {
		case ProtocolS3:
			return c.failure(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
		case ProtocolEC2:
			return c.failure(http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded.")
		case ProtocolQuery, ProtocolRESTXML:
			return c.failure(http.StatusBadRequest, "Throttling", "Rate exceeded")
		}
		return c.failure(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
	case Conflict:
		return c.failure(http.StatusConflict, "ConditionalRequestConflict",
			"The conditional request cannot succeed due to a conflicting operation against this resource.")
	case Fail:
		return c.failure(f.Status, f.Code, f.Message)
	}
	return nil
}

type armedFault struct {
	*Fault
	seen int
}

// faultSet counts matching calls for every fault.
type faultSet struct {
	mu    sync.Mutex
	armed []*armedFault
}

// take counts the call for every fault and returns the first that hits it.
func (s *faultSet) take(c *Call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit *Fault
	for _, f := range s.armed {
		if !f.matches(c.Service, c.Operation, c.Resource, c.Mutating, c.Attempt) {
			continue
		}
		f.seen++
		first := max(f.Nth, 1)
		last := first + max(f.Times, 1) - 1
		if hit == nil && f.seen >= first && (f.Times < 0 || f.seen <= last) {
			hit = f.Fault
		}
	}
	return hit
}

func (s *faultSet) set(faults []*Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = nil
	for _, f := range faults {
		s.armed = append(s.armed, &armedFault{Fault: f})
	}
}

func (s *faultSet) add(faults []*Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.armed = append(s.armed, &armedFault{Fault: f})
	}
}

func (s *faultSet) list() []*Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []*Fault{}
	for _, f := range s.armed {
		out = append(out, f.Fault)
	}
	return out
}

// Inject arms faults in addition to existing ones; each counts calls from now on. If one is invalid, none is armed.
func (p *Proxy) Inject(faults ...Fault) error {
	armed := make([]*Fault, 0, len(faults))
	for i := range faults {
		if err := faults[i].validate(); err != nil {
			return err
		}
		armed = append(armed, &faults[i])
	}
	p.faults.add(armed)
	return nil
}

// ClearFaults disarms all faults.
func (p *Proxy) ClearFaults() { p.faults.set(nil) }
