package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Protocol is the wire protocol of a request, which decides the shape of
// error answers.
type Protocol string

// The protocols of AWS.
const (
	ProtocolJSON     Protocol = "json"      // awsJson1_0, awsJson1_1
	ProtocolQuery    Protocol = "query"     // form in, XML out
	ProtocolEC2      Protocol = "ec2"       // form in, XML out, its own error document
	ProtocolRESTJSON Protocol = "rest-json" // method and path, JSON
	ProtocolRESTXML  Protocol = "rest-xml"  // method and path, XML
	ProtocolS3       Protocol = "s3"        // rest-xml with its own error document
	ProtocolCBOR     Protocol = "cbor"      // rpc-v2-cbor
)

// Call is one AWS API request, as identified by the proxy.
type Call struct {
	Seq       int // arrival order, from 1
	Service   string
	Operation string
	Resource  string // best effort: name, ARN or bucket/key
	Region    string
	AccessKey string
	Attempt   int // 1 for the first try of an SDK call
	Mutating  bool
	Protocol  Protocol
	Method    string
	Path      string
	Query     url.Values
	Form      url.Values // query protocols: the parameters
	Header    http.Header
	Body      []byte

	host, uri string
	ctx       context.Context
	proxy     *Proxy
}

// Response is an answer, from the emulator or from a fake.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

func (r *Response) requestID() string {
	for _, name := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id"} {
		if id := r.Header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// Handler answers a call instead of the emulator. It runs under the proxy's lock. If it returns nil, the call is
// forwarded.
type Handler func(*Call) *Response

// Handle registers h for an operation of a service; the operation "*" is for all operations without a handler of their
// own. A nil h removes the handler.
func (p *Proxy) Handle(service, operation string, h Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := service + ":" + operation
	if h == nil {
		delete(p.handlers, key)
		return
	}
	p.handlers[key] = h
}

// Authorize lets h decide about every call before it takes effect, including calls that fakes answer. An answer of h is
// a refusal; nil allows the call. A nil h allows everything.
func (p *Proxy) Authorize(h Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = h
}

// Interpose lets h see every allowed call before a fake or the emulator does. h may answer instead. h stays.
func (p *Proxy) Interpose(h Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.between = append(p.between, h)
}

// Watch lets f see the answer of every call that took effect, faked or not. f cannot be removed.
func (p *Proxy) Watch(f func(*Call, *Response)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watching = append(p.watching, f)
}

func (p *Proxy) handlerFor(c *Call) Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.handlers[c.Service+":"+c.Operation]; h != nil {
		return h
	}
	return p.handlers[c.Service+":*"]
}

// Faked reports whether something other than the emulator answers the call, or may change it before the emulator does.
func (c *Call) Faked() bool {
	return c.proxy.handlerFor(c) != nil || c.Service == "s3" && strings.HasSuffix(c.Operation, "BucketPolicy")
}

// Forward sends the call to the emulator unchanged and returns its answer.
func (c *Call) Forward() (*Response, error) {
	return c.proxy.send(c.ctx, c.Method, c.uri, c.host, c.Header, c.Body)
}

// ForwardBody sends the call with another body.
func (c *Call) ForwardBody(body []byte) (*Response, error) {
	return c.proxy.send(c.ctx, c.Method, c.uri, c.host, c.plainHeader(), body)
}

// plainHeader is the header of the call without fields that are only right for its body.
func (c *Call) plainHeader() http.Header {
	header := c.Header.Clone()
	header.Del("Content-Encoding")
	header.Del("X-Amz-Decoded-Content-Length")
	// A checksum of the original body would be wrong for the new one.
	for name := range header {
		lower := strings.ToLower(name)
		if lower == "content-md5" || strings.HasPrefix(lower, "x-amz-checksum-") {
			header.Del(name)
		}
	}
	return header
}

// Beside makes another call to the emulator, with the same path and caller; subresource is its query. The call is not
// recorded.
func (c *Call) Beside(method, subresource string, body []byte) (*Response, error) {
	path, _, _ := strings.Cut(c.uri, "?")
	if subresource != "" {
		path += "?" + subresource
	}
	return c.proxy.send(c.ctx, method, path, c.host, c.plainHeader(), body)
}

// Get makes another call to the emulator in the caller's account: a GET of a REST service. The call is not recorded.
func (c *Call) Get(service, uri string) (*Response, error) {
	return c.proxy.send(c.ctx, http.MethodGet, uri, c.host, c.scoped(service), nil)
}

// Bind decodes the JSON body of the call.
func (c *Call) Bind(v any) error {
	if len(c.Body) == 0 {
		return nil
	}
	return json.Unmarshal(c.Body, v)
}

// APIError is an error answer of the emulator to a request of a fake.
type APIError struct {
	Status  int
	Code    string
	Message string
}

func (e *APIError) Error() string { return fmt.Sprintf("%s (%d): %s", e.Code, e.Status, e.Message) }

// JSON makes another call to the emulator in the caller's account and region,
// in JSON 1.1: service is the credential scope, target the X-Amz-Target. Error
// answers come back as *APIError. The call is not recorded.
func (c *Call) JSON(service, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := c.scoped(service)
	header.Set("Content-Type", "application/x-amz-json-1.1")
	header.Set("X-Amz-Target", target)
	resp, err := c.proxy.send(c.ctx, http.MethodPost, "/", c.host, header, body)
	if err != nil {
		return err
	}
	if resp.Status >= 300 {
		return jsonError(resp)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(resp.Body, out)
}

// PostForm makes another call to the emulator in the caller's account and
// region, in the query protocol, and returns its answer as it is.
func (c *Call) PostForm(service string, form url.Values) (*Response, error) {
	header := c.scoped(service)
	header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return c.proxy.send(c.ctx, http.MethodPost, "/", c.host, header, []byte(form.Encode()))
}

// scoped returns headers that the emulator routes to service, for the
// caller's identity. The emulator does not check signatures.
func (c *Call) scoped(service string) http.Header {
	date := "20260101"
	if stamp := c.Header.Get("X-Amz-Date"); len(stamp) >= 8 {
		date = stamp[:8]
	}
	header := http.Header{}
	header.Set("Authorization", fmt.Sprintf(
		"AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=host, Signature=0",
		c.AccessKey, date, c.Region, service))
	if token := c.Header.Get("X-Amz-Security-Token"); token != "" {
		header.Set("X-Amz-Security-Token", token)
	}
	return header
}

func jsonError(resp *Response) error {
	var body struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Upper   string `json:"Message"`
	}
	if err := json.Unmarshal(resp.Body, &body); err != nil {
		return errors.Join(&APIError{
			Status: resp.Status, Code: "InternalFailure",
			Message: firstLine(string(resp.Body)),
		}, err)
	}
	code := body.Type
	if i := strings.LastIndex(code, "#"); i >= 0 {
		code = code[i+1:]
	}
	if body.Message == "" {
		body.Message = body.Upper
	}
	return &APIError{Status: resp.Status, Code: code, Message: body.Message}
}

func firstLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[:i]
	}
	if len(s) > 200 {
		s = s[:200]
	}
	return s
}
