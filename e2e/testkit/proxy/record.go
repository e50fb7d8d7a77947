package proxy

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Record is what the proxy remembers of one request.
type Record struct {
	Seq       int       `json:"seq"` // arrival order, from 1
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Operation string    `json:"operation"`
	Resource  string    `json:"resource,omitempty"`
	Region    string    `json:"region,omitempty"`
	AccessKey string    `json:"accessKey,omitempty"`
	Attempt   int       `json:"attempt"`
	Mutating  bool      `json:"mutating"`
	Protocol  Protocol  `json:"protocol"`
	Method    string    `json:"method"`
	URI       string    `json:"uri"`
	UserAgent string    `json:"userAgent,omitempty"`
	IfMatch   string    `json:"ifMatch,omitempty"`     // S3 conditional write
	IfNone    string    `json:"ifNoneMatch,omitempty"` // S3 conditional write
	Body      string    `json:"body,omitempty"`        // the first Options.BodyLimit bytes
	BodySize  int       `json:"bodySize"`
	// Done tells an answered (or dropped) request from one in flight.
	Done bool `json:"done"`
	// Status is the HTTP status answered; 0 when the request was dropped
	// before it had any effect.
	Status int `json:"status"`
	// Source says who answered: emulator, fake, fault, proxy, or dropped.
	Source    string        `json:"source,omitempty"`
	Fault     Action        `json:"fault,omitempty"`
	RequestID string        `json:"requestId,omitempty"`
	Took      time.Duration `json:"tookNanoseconds"`
}

// Name is "service:Operation".
func (r Record) Name() string { return r.Service + ":" + r.Operation }

// Filter selects records; empty fields match everything. Service, Operation
// and Resource are globs as of Glob.
type Filter struct {
	Service   string `json:"service,omitempty"`
	Operation string `json:"operation,omitempty"`
	Resource  string `json:"resource,omitempty"`
	Mutating  bool   `json:"mutating,omitempty"` // only mutating calls
	Attempt   int    `json:"attempt,omitempty"`  // only this attempt
}

func (f Filter) matches(service, operation, resource string, isMutating bool, attempt int) bool {
	return Glob(f.Service, service) && Glob(f.Operation, operation) && Glob(f.Resource, resource) &&
		(!f.Mutating || isMutating) && (f.Attempt == 0 || f.Attempt == attempt)
}

// Glob reports whether name matches pattern. In the pattern, * matches any characters, slashes included, and ? matches
// one. The empty pattern matches all.
func Glob(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0: // the last star matches one more character
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// recorder keeps the records of all requests in arrival order.
type recorder struct {
	mu      sync.Mutex
	next    int
	records []*Record
	dump    io.Writer
}

func (r *recorder) begin(c *Call, now time.Time, limit int) *Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	c.Seq = r.next
	body := c.Body
	if len(body) > limit {
		body = body[:limit]
	}
	rec := &Record{
		Seq: c.Seq, Time: now, Service: c.Service, Operation: c.Operation, Resource: c.Resource, Region: c.Region,
		AccessKey: c.AccessKey, Attempt: c.Attempt, Mutating: c.Mutating, Protocol: c.Protocol, Method: c.Method,
		URI:       c.uri,
		UserAgent: c.Header.Get("User-Agent"), IfMatch: c.Header.Get("If-Match"), IfNone: c.Header.Get("If-None-Match"),
		Body: string(body), BodySize: len(c.Body),
	}
	r.records = append(r.records, rec)
	return rec
}

func (r *recorder) update(rec *Record, f func(*Record)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(rec)
}

func (r *recorder) end(rec *Record, status int, source, requestID string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.Done, rec.Status, rec.Source, rec.RequestID, rec.Took = true, status, source, requestID, now.Sub(rec.Time)
	if r.dump == nil {
		return
	}
	// A dump that cannot be written must not change the test.
	if line, err := json.Marshal(rec); err == nil {
		_, _ = r.dump.Write(append(line, '\n'))
	}
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = nil
	r.next = 0
}

// Records returns a copy of all records in arrival order, those in flight
// included.
func (p *Proxy) Records() []Record { return p.Select(Filter{}) }

// Select returns a copy of the records that the filter selects.
func (p *Proxy) Select(f Filter) []Record {
	p.recorder.mu.Lock()
	defer p.recorder.mu.Unlock()
	var out []Record
	for _, rec := range p.recorder.records {
		if f.matches(rec.Service, rec.Operation, rec.Resource, rec.Mutating, rec.Attempt) {
			out = append(out, *rec)
		}
	}
	return out
}

// Count returns the number of records that the filter selects: with an empty
// filter the HTTP round trips made so far.
func (p *Proxy) Count(f Filter) int { return len(p.Select(f)) }

// ResetRecords forgets all records and restarts the numbering; faults and
// fakes stay.
func (p *Proxy) ResetRecords() { p.recorder.reset() }

// WriteRecords writes the records that the filter selects as JSON lines.
func (p *Proxy) WriteRecords(w io.Writer, f Filter) error {
	encoder := json.NewEncoder(w)
	for _, rec := range p.Select(f) {
		if err := encoder.Encode(rec); err != nil {
			return err
		}
	}
	return nil
}
