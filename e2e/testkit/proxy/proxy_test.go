package proxy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// start puts a proxy in front of a handler in place of the emulator.
func start(t *testing.T, upstream http.HandlerFunc, change func(*proxy.Options)) *proxy.Proxy {
	t.Helper()
	server := httptest.NewServer(upstream)
	t.Cleanup(server.Close)
	opts := proxy.Options{Upstream: server.URL}
	if change != nil {
		change(&opts)
	}
	p, err := proxy.New(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

type request struct {
	method, path, service, contentType, target, body string
	header                                           map[string]string
}

func (r request) send(t *testing.T, p *proxy.Proxy) (*http.Response, string, error) {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.path == "" {
		r.path = "/"
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, p.URL()+r.path, strings.NewReader(r.body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/"+r.service+
		"/aws4_request, SignedHeaders=host, Signature=0")
	req.Header.Set("Content-Type", r.contentType)
	if r.target != "" {
		req.Header.Set("X-Amz-Target", r.target)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp, string(data), nil
}

const (
	jsonType = "application/x-amz-json-1.1"
	formType = "application/x-www-form-urlencoded"
)

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }

func TestRecordsNameEveryProtocol(t *testing.T) {
	p := start(t, ok, nil)
	p.NameBy("sqs", "QueueName", "QueueUrl")
	p.NameBy("dynamodb", "TableName")
	p.NameBy("iam", "RoleName/PolicyName", "RoleName")
	p.NameBy("ec2", "VpcId", "VpcId.1")
	cases := []struct {
		in        request
		name      string
		resource  string
		mutating  bool
		protocol  proxy.Protocol
		attempted int
	}{
		{request{
			service: "sqs", contentType: "application/x-amz-json-1.0", target: "AmazonSQS.CreateQueue",
			body: `{"QueueName":"jobs"}`,
		}, "sqs:CreateQueue", "jobs", true, proxy.ProtocolJSON, 1},
		{request{
			service: "sqs", contentType: "application/x-amz-json-1.0", target: "AmazonSQS.GetQueueAttributes",
			body: `{"QueueUrl":"http://h/1/jobs"}`,
		}, "sqs:GetQueueAttributes", "jobs", false, proxy.ProtocolJSON, 1},
		{
			request{
				service: "dynamodb", contentType: "application/x-amz-json-1.0", target: "DynamoDB_20120810.UpdateItem",
				body:   `{"TableName":"locks","Key":{"LockID":{"S":"shop/dev"}}}`,
				header: map[string]string{"Amz-Sdk-Request": "attempt=3; max=5"},
			},
			"dynamodb:UpdateItem", "locks/shop/dev",
			true, proxy.ProtocolJSON, 3,
		},
		{
			request{service: "iam", contentType: formType, body: "Action=PutRolePolicy&RoleName=task&PolicyName=queue"},
			"iam:PutRolePolicy", "task/queue", true, proxy.ProtocolQuery, 1,
		},
		{
			request{service: "ec2", contentType: formType, body: "Action=DescribeSubnets&VpcId.1=vpc-1"},
			"ec2:DescribeSubnets", "vpc-1", false, proxy.ProtocolEC2, 1,
		},
		{
			request{service: "s3", method: http.MethodPut, path: "/bucket"},
			"s3:CreateBucket", "bucket", true,
			proxy.ProtocolS3, 1,
		},
		{
			request{service: "s3", method: http.MethodPut, path: "/bucket?policy="},
			"s3:PutBucketPolicy", "bucket", true,
			proxy.ProtocolS3, 1,
		},
		{
			request{service: "s3", method: http.MethodDelete, path: "/bucket?lifecycle"},
			"s3:DeleteBucketLifecycle",
			"bucket", true, proxy.ProtocolS3, 1,
		},
		{
			request{service: "s3", method: http.MethodGet, path: "/bucket?list-type=2&prefix=a"},
			"s3:ListObjectsV2",
			"bucket", false, proxy.ProtocolS3, 1,
		},
		{
			request{service: "s3", method: http.MethodHead, path: "/bucket"},
			"s3:HeadBucket", "bucket", false,
			proxy.ProtocolS3, 1,
		},
		{
			request{service: "s3", method: http.MethodPut, path: "/bucket/a/b.json?x-id=PutObject"},
			"s3:PutObject",
			"bucket/a/b.json", true, proxy.ProtocolS3, 1,
		},
		{
			request{service: "s3", method: http.MethodGet, path: "/bucket/a"},
			"s3:GetObject", "bucket/a", false,
			proxy.ProtocolS3, 1,
		},
		{
			request{service: "s3", method: http.MethodPost, path: "/bucket?delete"},
			"s3:DeleteObjects", "bucket", true,
			proxy.ProtocolS3, 1,
		},
		{
			request{
				service: "monitoring", path: "/service/GraniteServiceVersion20100801/operation/GetMetricData",
				contentType: "application/cbor", header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor"},
			},
			"monitoring:GetMetricData", "", false, proxy.ProtocolCBOR, 1,
		},
	}
	for i, c := range cases {
		_, _, err := c.in.send(t, p)
		require.NoError(t, err)
		records := p.Records()
		require.Len(t, records, i+1)
		r := records[i]
		assert.Equal(t, c.name, r.Name())
		assert.Equal(t, c.resource, r.Resource, c.name)
		assert.Equal(t, c.mutating, r.Mutating, c.name)
		assert.Equal(t, c.protocol, r.Protocol, c.name)
		assert.Equal(t, c.attempted, r.Attempt, c.name)
		assert.Equal(t, c.in.body, r.Body, c.name)
		assert.Equal(t, []any{i + 1, true, 200, "emulator", "eu-west-1"},
			[]any{r.Seq, r.Done, r.Status, r.Source, r.Region}, c.name)
	}
	assert.Equal(t, 6, p.Count(proxy.Filter{Service: "s3", Operation: "*Bucket*"})+
		p.Count(proxy.Filter{Operation: "UpdateItem"})+p.Count(proxy.Filter{Resource: "bucket/*", Mutating: true}))
}

func TestFaultsHitTheCallsAskedFor(t *testing.T) {
	var effects atomic.Int32
	p := start(t, func(w http.ResponseWriter, r *http.Request) { effects.Add(1); ok(w, r) }, nil)
	call := request{
		service: "sqs", contentType: jsonType, target: "AmazonSQS.CreateQueue",
		body: `{"QueueName":"jobs"}`,
	}
	read := request{service: "sqs", contentType: jsonType, target: "AmazonSQS.ListQueues", body: `{}`}

	require.NoError(t,
		p.Inject(proxy.Fault{Filter: proxy.Filter{Mutating: true}, Nth: 2, Times: 2, Action: proxy.Throttle}))
	var got []int
	for range 4 {
		_, _, err := read.send(t, p)
		require.NoError(t, err)
		resp, _, err := call.send(t, p)
		require.NoError(t, err)
		got = append(got, resp.StatusCode)
	}
	assert.Equal(t, []int{200, 400, 400, 200}, got)
	assert.EqualValues(t, 6, effects.Load(), "throttled calls have no effect")

	p.ClearFaults()
	effects.Store(0)
	for _, action := range []proxy.Action{proxy.DropBefore, proxy.ResetBefore, proxy.DropAfter, proxy.ResetAfter} {
		require.NoError(t, p.Inject(proxy.Fault{Filter: proxy.Filter{Operation: "CreateQueue"}, Action: action}))
		before := effects.Load()
		_, _, err := call.send(t, p)
		require.Error(t, err, action)
		lost := action == proxy.DropAfter || action == proxy.ResetAfter
		assert.Equal(t, lost, effects.Load() > before, action)
		p.ClearFaults()
	}
	records := p.Select(proxy.Filter{Operation: "CreateQueue"})
	last := records[len(records)-1]
	assert.Equal(t, proxy.ResetAfter, last.Fault)
	assert.Equal(t, 200, last.Status, "the effect is recorded although the answer was lost")

	require.ErrorContains(t, p.Inject(proxy.Fault{Action: "explode"}), `unknown fault action "explode"`)
}

func TestErrorAnswersFitTheProtocol(t *testing.T) {
	p := start(t, ok, nil)
	cases := []struct {
		in     request
		action proxy.Action
		status int
		body   string
	}{
		{
			request{service: "ecs", contentType: jsonType, target: "E.CreateService"},
			proxy.Throttle, 400,
			`{"__type":"ThrottlingException","message":"Rate exceeded"}`,
		},
		{
			request{service: "iam", contentType: formType, body: "Action=CreateRole"},
			proxy.Throttle, 400,
			"<Code>Throttling</Code>",
		},
		{
			request{service: "ec2", contentType: formType, body: "Action=CreateVpc"},
			proxy.Throttle, 503,
			"<Response><Errors><Error><Code>RequestLimitExceeded</Code>",
		},
		{
			request{service: "s3", method: http.MethodPut, path: "/b/k"},
			proxy.SlowDown, 503,
			"<Error><Code>SlowDown</Code>",
		},
		{
			request{service: "s3", method: http.MethodPut, path: "/b/k"},
			proxy.Conflict, 409,
			"<Error><Code>ConditionalRequestConflict</Code>",
		},
		{
			request{service: "dynamodb", contentType: jsonType, target: "D.PutItem"},
			proxy.InternalError, 500,
			"InternalServerError",
		},
	}
	for _, c := range cases {
		require.NoError(t, p.Inject(proxy.Fault{Action: c.action}))
		resp, body, err := c.in.send(t, p)
		require.NoError(t, err)
		assert.Equal(t, c.status, resp.StatusCode)
		assert.Contains(t, body, c.body)
		p.ClearFaults()
	}
}

func TestRequestsTakeEffectOneAtATime(t *testing.T) {
	var inside, most atomic.Int32
	p := start(t, func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), inside.Add(1)))
		ok(w, r)
		inside.Add(-1)
	}, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, _, err := request{service: "sqs", contentType: jsonType, target: "A.B"}.send(t, p)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, most.Load())
	assert.Equal(t, 20, p.Count(proxy.Filter{}))
}

func TestUnimplementedIsOneClearError(t *testing.T) {
	p := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "<!doctype html>\n<title>500</title>")
	}, func(o *proxy.Options) {
		o.UpstreamLog = func() string {
			return "Traceback (most recent call last):\n  File \"x\"\nNotImplementedError: The stop_it action has " +
				"not been implemented\n127.0.0.1 - -"
		}
	})
	resp, body, err := request{service: "ecs", contentType: jsonType, target: "E.StopIt"}.send(t, p)
	require.NoError(t, err)
	assert.Equal(t, 400, resp.StatusCode)
	var out map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &out))
	assert.Equal(t, map[string]string{
		"__type": "UnimplementedByEmulator",
		"message": "the emulator does not answer ecs:StopIt (HTTP 500); its log says: NotImplementedError: The " +
			"stop_it action has not been implemented",
	}, out)
}

func TestHandlersAnswerOrDecline(t *testing.T) {
	p := start(t, ok, nil)
	p.Handle("sqs", "SendMessage", func(c *proxy.Call) *proxy.Response {
		if strings.Contains(string(c.Body), "mine") {
			return proxy.JSONResponse(map[string]string{"MessageId": "1"})
		}
		return nil
	})
	send := func(body string) string {
		_, out, err := request{
			service: "sqs", contentType: jsonType, target: "AmazonSQS.SendMessage",
			body: body,
		}.send(t, p)
		require.NoError(t, err)
		return out
	}
	assert.JSONEq(t, `{"MessageId":"1"}`, send(`{"MessageBody":"mine"}`))
	assert.Equal(t, "fine", send(`{"MessageBody":"yours"}`))
	sources := []string{p.Records()[0].Source, p.Records()[1].Source}
	assert.Empty(t, cmp.Diff([]string{"fake", "emulator"}, sources))
}

func TestAdminEndpoints(t *testing.T) {
	var dump bytes.Buffer
	p := start(t, ok, func(o *proxy.Options) { o.Dump = &dump })
	admin := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, p.URL()+"/_proxy/"+path, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		data, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode, string(data)
	}
	call := request{service: "s3", method: http.MethodPut, path: "/b/k"}

	status, _ := admin(http.MethodPost, "faults",
		`{"service":"s3","operation":"Put*","action":"delay","delay":"30ms","times":-1}`)
	require.Equal(t, 204, status)
	began := time.Now()
	_, _, err := call.send(t, p)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(began), 30*time.Millisecond)
	status, text := admin(http.MethodPost, "faults", `{"action":"delay","dleay":"30ms"}`)
	assert.Equal(t, 400, status)
	assert.Contains(t, text, "dleay")

	_, text = admin(http.MethodGet, "count?service=s3", "")
	assert.Equal(t, "1\n", text)
	_, text = admin(http.MethodGet, "records?"+url.Values{"operation": {"PutObject"}}.Encode(), "")
	var record proxy.Record
	require.NoError(t, json.Unmarshal([]byte(text), &record))
	assert.Equal(t, "b/k", record.Resource)
	assert.Equal(t, text, dump.String(), "the dump has the same line")

	status, _ = admin(http.MethodPost, "reset", "")
	require.Equal(t, 204, status)
	_, text = admin(http.MethodGet, "faults", "")
	assert.JSONEq(t, "[]", text)
	assert.Zero(t, p.Count(proxy.Filter{}), "admin calls are not recorded")
}

func TestDateSkewShiftsTheClockOfClients(t *testing.T) {
	p := start(t, ok, nil)
	p.SetDateSkew(-2 * time.Hour)
	resp, _, err := request{service: "sqs", contentType: jsonType, target: "A.B"}.send(t, p)
	require.NoError(t, err)
	date, err := http.ParseTime(resp.Header.Get("Date"))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(-2*time.Hour), date, time.Minute)
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "anything", true},
		{"*", "", true},
		{"a*", "a/b/c", true},
		{"*/c", "a/b/c", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*b*d", "abcd", true},
		{"*b*d", "abcde", false},
		{"abc", "ab", false},
	} {
		assert.Equal(t, c.want, proxy.Glob(c.pattern, c.name), "%s on %s", c.pattern, c.name)
	}
}
