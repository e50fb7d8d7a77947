package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// passThrough forwards the emulator's own control calls, unrecorded.
func (p *Proxy) passThrough(w http.ResponseWriter, r *http.Request, body []byte) {
	p.effects.Lock()
	defer p.effects.Unlock()
	resp, err := p.send(r.Context(), r.Method, r.URL.RequestURI(), r.Host, r.Header, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.Status)
	_, _ = w.Write(resp.Body)
}

// hopHeaders belong to one connection, not to the request.
var hopHeaders = []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Expect"}

// send makes one request to the emulator, with the host and headers given.
func (p *Proxy) send(
	ctx context.Context, method, uri, host string, header http.Header, body []byte,
) (*Response, error) {
	// A request must take effect even if its sender is gone: so "answer lost" loses only the answer.
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), method,
		p.upstream.Scheme+"://"+p.upstream.Host+uri, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Host = host
	req.Header = header.Clone()
	for _, h := range hopHeaders {
		req.Header.Del(h)
	}
	req.ContentLength = int64(len(body))
	res, err := p.client.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	out := res.Header.Clone()
	for _, h := range hopHeaders {
		out.Del(h)
	}
	return &Response{Status: res.StatusCode, Header: out, Body: data}, nil
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// cut closes the client's connection without an answer; with reset the client
// sees ECONNRESET instead of an end of file.
func cut(w http.ResponseWriter, reset bool) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
