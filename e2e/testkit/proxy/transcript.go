package proxy

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
)

// Exchange is one request and its answer in full, for later checks against AWS's own models. Tests use [Record].
type Exchange struct {
	Seq       int         `json:"seq"`
	Service   string      `json:"service"` // of the credential scope
	Operation string      `json:"operation"`
	Method    string      `json:"method"`
	URI       string      `json:"uri"`
	Header    http.Header `json:"header"`
	Body      []byte      `json:"body"` // base64 in JSON, like the answer's
	Status    int         `json:"status"`
	Source    string      `json:"source"` // as of [Record]
	Answer    []byte      `json:"answer"`
}

// Transcript writes every [Exchange] as one JSON line. Several proxies may share one.
type Transcript struct {
	mu  sync.Mutex
	out io.Writer
	err error
}

// NewTranscript returns a transcript that is written to out.
func NewTranscript(out io.Writer) *Transcript { return &Transcript{out: out} }

// Err is the first write error. A transcript with missing exchanges must not be checked.
func (t *Transcript) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *Transcript) add(e *Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line, err := json.Marshal(e)
	if err == nil {
		_, err = t.out.Write(append(line, '\n'))
	}
	t.err = errors.Join(t.err, err)
}

// Transcribe adds every further exchange to t; nil stops it.
func (p *Proxy) Transcribe(t *Transcript) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.transcript = t
}

// transcribe writes the result of a call, without credentials: no check needs them.
func (p *Proxy) transcribe(c *Call, status int, source string, answer []byte) {
	p.mu.Lock()
	t := p.transcript
	p.mu.Unlock()
	if t == nil {
		return
	}
	header := c.Header.Clone()
	header.Del("Authorization")
	header.Del("X-Amz-Security-Token")
	t.add(&Exchange{
		Seq: c.Seq, Service: c.Service, Operation: c.Operation, Method: c.Method, URI: c.uri, Header: header,
		Body:   c.Body,
		Status: status, Source: source, Answer: answer,
	})
}
