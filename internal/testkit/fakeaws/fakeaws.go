// Package fakeaws is S3 and DynamoDB in memory, for tests: the calls that state and locks make, with AWS's atomic
// conditions, ETags, object versions, error codes and clock.
//
// In: the HTTP requests of the real SDK, so that retries, signing and middleware are tested too. Out: what AWS would
// answer, a record of every call, and a place to put faults: each process gets a client of its own with an Intercept.
// It answers only operations that deployer uses, everything else with 501, and must not be linked into the program.
package fakeaws

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// Region and Account of everything in here.
const (
	Region  = "us-east-1"
	Account = "123456789012"
)

// Call is one request.
type Call struct {
	Number    int    // from 1, over all clients
	Process   string // the client's name
	Service   string // "s3", "dynamodb"
	Operation string // "PutObject"
	Target    string // "bucket/key", "table/key"
	Header    http.Header
	Status    int // of the answer; 0 while it is not served
}

// Intercept stands between one process and AWS. serve has the call's effect and returns the answer; not calling it
// drops the request, returning an error instead of its answer loses the answer, blocking delays it.
type Intercept func(call Call, serve func() *http.Response) (*http.Response, error)

// ErrReset is what a broken connection looks like to the SDK: it retries it.
var ErrReset = errReset{}

type errReset struct{}

func (errReset) Error() string   { return "read tcp: connection reset by peer" }
func (errReset) Temporary() bool { return true }

// Cloud is one AWS account.
type Cloud struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
	tables  map[string]*table
	calls   []Call
	next    int
}

// New returns an account with nothing in it whose clock is now.
func New(now func() time.Time) *Cloud {
	return &Cloud{now: now, buckets: map[string]*bucket{}, tables: map[string]*table{}}
}

// CreateBucket makes a versioned bucket.
func (c *Cloud) CreateBucket(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buckets[name] = &bucket{objects: map[string][]version{}}
}

// CreateTable makes a table; its hash key is the one attribute that the requests' keys have.
func (c *Cloud) CreateTable(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables[name] = &table{items: map[string]item{}}
}

// Calls returns all that was asked so far, in the order in which it had its effect.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Call(nil), c.calls...)
}

// Config is the configuration of an SDK client of the named process; intercept may be nil. The clients need path-style
// S3.
func (c *Cloud) Config(process string, intercept Intercept) sdk.Config {
	return sdk.Config{
		Region:       Region,
		BaseEndpoint: sdk.String("http://fake.aws"),
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "AKIDFAKE", SecretAccessKey: "fake"}, nil
		}),
		HTTPClient: client{c, process, intercept},
	}
}

type client struct {
	cloud     *Cloud
	process   string
	intercept Intercept
}

// Do serves one request, through the interceptor.
func (p client) Do(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	call, answer := p.cloud.route(req, body)
	call.Process, call.Header = p.process, req.Header
	p.cloud.mu.Lock()
	p.cloud.next++
	call.Number = p.cloud.next
	p.cloud.mu.Unlock()
	serve := func() *http.Response { return p.cloud.serve(req, call, answer) }
	if p.intercept == nil {
		return serve(), nil
	}
	resp, err := p.intercept(call, serve)
	if err == nil && req.Context().Err() != nil {
		return nil, req.Context().Err() // the process had given up before the answer came
	}
	return resp, err
}

// answer has the effect of a request and says what comes back; it runs under the cloud's mutex.
type answer func() (status int, header map[string]string, body []byte)

func (c *Cloud) route(req *http.Request, body []byte) (Call, answer) {
	if target, ok := strings.CutPrefix(req.Header.Get("X-Amz-Target"), "DynamoDB_20120810."); ok {
		return c.dynamodb(target, body)
	}
	return c.s3(req, body)
}

func (c *Cloud) serve(req *http.Request, call Call, answer answer) *http.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	var status int
	var header map[string]string
	var body []byte
	if signed, err := signedAt(req); err != nil {
		status, header, body = http.StatusForbidden, nil, []byte(err.Error())
	} else if limit := skewLimit(call.Service); c.now().Sub(signed).Abs() > limit {
		status, header, body = tooSkewed(call.Service)
	} else {
		status, header, body = answer()
	}
	call.Status = status
	c.calls = append(c.calls, call)
	return Response(c.now(), status, header, body)
}

// Response makes an HTTP answer, for interceptors that answer in AWS's place.
func Response(at time.Time, status int, header map[string]string, body []byte) *http.Response {
	resp := &http.Response{
		StatusCode: status, Status: strconv.Itoa(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	resp.Header.Set("Date", at.UTC().Format(http.TimeFormat))
	resp.Header.Set("X-Amz-Request-Id", "fake-request")
	resp.Header.Set("X-Amzn-Requestid", "fake-request")
	for name, value := range header {
		resp.Header.Set(name, value)
	}
	return resp
}

func signedAt(req *http.Request) (time.Time, error) {
	if req.Header.Get("Authorization") == "" {
		return time.Time{}, errors.New("request is not signed")
	}
	return time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date"))
}

func skewLimit(service string) time.Duration {
	if service == "s3" {
		return 15 * time.Minute
	}
	return 5 * time.Minute
}

func tooSkewed(service string) (int, map[string]string, []byte) {
	if service == "s3" {
		return s3Error(http.StatusForbidden, "RequestTimeTooSkewed",
			"The difference between the request time and the current time is too large.")
	}
	return dynamoError("InvalidSignatureException", "Signature expired or not yet current", nil)
}
