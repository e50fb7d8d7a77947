package contract

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/company/deployer/e2e/testkit/proxy"
)

func installed(t *testing.T) *Judges {
	t.Helper()
	judges, err := Install(t.Context(), func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	return judges
}

// transcribed sends requests through a proxy and returns the transcript's file.
func transcribed(t *testing.T, requests ...*http.Request) string {
	t.Helper()
	emulator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q"}`))
	}))
	defer emulator.Close()
	p, err := proxy.New(proxy.Options{Upstream: emulator.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }() // of this test alone
	file, err := os.Create(filepath.Join(t.TempDir(), "transcript.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	transcript := proxy.NewTranscript(file)
	p.Transcribe(transcript)
	for _, r := range requests {
		p.ServeHTTP(httptest.NewRecorder(), r)
	}
	if err := transcript.Err(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "Signature") {
		t.Errorf("the transcript has a signature:\n%s", text)
	}
	return file.Name()
}

func request(method, service, uri, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, uri, strings.NewReader(body))
	scope := "AKIA/20260101/us-east-1/" + service + "/aws4_request"
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+scope+", SignedHeaders=host, Signature=0")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func asJSON(target, service, body string) *http.Request {
	const contentType = "application/x-amz-json-1.1"
	return request(http.MethodPost, service, "/", body, "X-Amz-Target", target, "Content-Type", contentType)
}

func record(action string) string {
	return "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>" + action + "</Action>" +
		"<ResourceRecordSet><Name>a.example.com</Name><Type>A</Type></ResourceRecordSet>" +
		"</Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
}

func versioning(xml string) *http.Request {
	xml = "<VersioningConfiguration>" + xml + "</VersioningConfiguration>"
	return request(http.MethodPut, "s3", "/bucket?versioning=", xml)
}

func asForm(service, body string) *http.Request {
	return request(http.MethodPost, service, "/", body, "Content-Type",
		"application/x-www-form-urlencoded; charset=utf-8")
}

// TestRequestsJudge gives the judge requests without a mistake, and one with each kind of mistake.
func TestRequestsJudge(t *testing.T) {
	const ecs, elb = "AmazonEC2ContainerServiceV20141113.", "Version=2015-12-01&Action="
	long := strings.Repeat("x", 513)
	right := []*http.Request{
		asJSON(ecs+"DeleteCluster", "ecs", `{"cluster":"c"}`),
		asForm("elasticloadbalancing", elb+"DeleteRule&RuleArn=arn:aws:elasticloadbalancing:x"),
		request(http.MethodPost, "lambda", "/2015-03-31/functions/f/aliases", `{"Name":"live","FunctionVersion":"1"}`),
		request(http.MethodPost, "route53", "/2013-04-01/hostedzone/Z1/rrset/", record("UPSERT")),
		request(http.MethodPost, "monitoring", "/service/GraniteServiceVersion20100801/operation/DeleteAlarms",
			"\xa1\x6aAlarmNames\x81\x61a", "Content-Type", "application/cbor", "Smithy-Protocol", "rpc-v2-cbor"),
		versioning("<Status>Enabled</Status>"),
	}
	wrong := []struct {
		want    string // part of its only violation
		request *http.Request
	}{
		{"has no operation DropCluster", asJSON(ecs+"DropCluster", "ecs", `{}`)},
		{".cluster [required]", asJSON(ecs+"DeleteCluster", "ecs", `{}`)},
		{".force [unknown]", asJSON(ecs+"DeleteCluster", "ecs", `{"cluster":"c","force":true}`)},
		{"Force [unknown]", asForm("elasticloadbalancing", elb+"DeleteRule&RuleArn=a&Force=true")},
		{".FunctionVersion [pattern]", request(
			http.MethodPost, "lambda", "/2015-03-31/functions/f/aliases", `{"Name":"live","FunctionVersion":"one"}`,
		)},
		{".Action [enum]", request(http.MethodPost, "route53", "/2013-04-01/hostedzone/Z1/rrset/", record("REPLACE"))},
		{"no operation of lambda fits", request(http.MethodPost, "lambda", "/2015-03-31/function/f", `{}`)},
		{"<State> [unknown]", versioning("<State>On</State>")},
		{".cluster [type]", asJSON(ecs+"DeleteCluster", "ecs", `{"cluster":7}`)},
		{".launchType [enum]", asJSON(ecs+"ListServices", "ecs", `{"cluster":"c","launchType":"LAMBDA"}`)},
		{".logGroupName [bounds]", asJSON("Logs_20140328.CreateLogGroup", "logs", `{"logGroupName":"`+long+`"}`)},
		{".logGroupName [pattern]", asJSON("Logs_20140328.CreateLogGroup", "logs", `{"logGroupName":"a b"}`)},
		{"retentionInDays [limit]", asJSON(
			"Logs_20140328.PutRetentionPolicy", "logs", `{"logGroupName":"a","retentionInDays":2}`,
		)},
		{"7 wildcards", asForm("elasticloadbalancing", elb+"ModifyRule&RuleArn=a&Conditions.member.1.Field=host-header"+
			"&Conditions.member.1.HostHeaderConfig.Values.member.1=*******.example.com")},
		{"has the indexes [2]", asForm("elasticloadbalancing", elb+"DescribeTags&ResourceArns.member.2=a")},
	}
	requests := right
	var want []string
	for _, c := range wrong {
		requests, want = append(requests, c.request), append(want, c.want)
	}
	report, err := installed(t).Ask(t.Context(), "requests", transcribed(t, requests...))
	if err != nil {
		t.Fatal(err)
	}
	if report.Checked["requests"] != len(requests) {
		t.Errorf("judged were %d requests of %d", report.Checked["requests"], len(requests))
	}
	expect(t, report, want...)
}

// TestPoliciesJudge gives the judge statements that allow nothing, or not what they seem to.
func TestPoliciesJudge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.json")
	err := os.WriteFile(file, []byte(`{"Statement": [
		{"Effect": "Allow", "Action": "sqs:CreateQueue", "Resource": "arn:aws:sqs:*:123456789012:shop-*"},
		{"Effect": "Allow", "Action": ["ecs:CreateClusters"], "Resource": "*"},
		{"Effect": "Allow", "Action": ["ecs:createcluster"], "Resource": "*"},
		{"Effect": "Allow", "Action": ["ecs:DescribeClusters"],
			"Resource": ["arn:aws:ecs:*:123456789012:service/shop-*"]},
		{"Effect": "Allow", "Action": ["ec2:DescribeVpcs"], "Resource": ["arn:aws:ec2:*:123456789012:vpc/*"]},
		{"Effect": "Allow", "Action": ["sqs:DeleteQueue"], "Resource": ["*"],
			"Condition": {"StringEquals": {"ecs:cluster": "c"}}},
		{"Effect": "Allow", "Action": ["elasticloadbalancing:CreateLoadBalancer"], "Resource": ["*"]}
	]}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	report, err := installed(t).Ask(t.Context(), "policies", file)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, report,
		"ecs:CreateClusters: there is no such action",
		"ecs:createcluster: the reference spells it CreateCluster",
		"ecs:DescribeClusters: takes ['arn:*:ecs:*:*:cluster/*'], and is allowed on",
		"arn:aws:ecs:*:123456789012:service/shop-*: none of ['ecs:DescribeClusters'] takes it",
		"ec2:DescribeVpcs: takes no resource, and is allowed on",
		"arn:aws:ec2:*:123456789012:vpc/*: none of",
		"sqs:DeleteQueue: the condition key ecs:cluster is not valid for it",
		"elasticloadbalancing:CreateLoadBalancer: needs elasticloadbalancing:AddTags",
	)
}

// TestTemplateJudge gives the judge creations that are wrong by rules of CloudFormation only.
func TestTemplateJudge(t *testing.T) {
	file := transcribed(t,
		asJSON("AmazonSQS.CreateQueue", "sqs", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"30"}}`),
		asJSON("AmazonSQS.CreateQueue", "sqs", `{"QueueName":"w","Attributes":{"VisibilityTimeout":"43201"}}`),
		asJSON("AmazonEC2ContainerServiceV20141113.CreateCapacityProvider", "ecs", `{"name":"p"}`),
	)
	report, err := installed(t).Ask(t.Context(), "template", file)
	if err != nil {
		t.Fatal(err)
	}
	if report.Checked["objects"] != 2 {
		t.Errorf("the template has %d objects, want 2", report.Checked["objects"])
	}
	expect(t, report,
		"E3034 AWS::SQS::Queue: 43201", "ecs:CreateCapacityProvider makes something that is not in the template",
	)
}

// TestReplacementJudge gives the judge a type that is wrong in each way.
func TestReplacementJudge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "definitions.json")
	err := os.WriteFile(file, []byte(`[
		{"type": "sqs/queue", "properties": ["name", "fifo", "tags"], "replace": ["name", "tags"],
			"createOnly": [], "dataLoss": false},
		{"type": "sqs/topic", "properties": [], "replace": [], "createOnly": [], "dataLoss": false}
	]`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	report, err := installed(t).Ask(t.Context(), "replacement", file)
	if err != nil {
		t.Fatal(err)
	}
	report.Violations = slices.DeleteFunc(report.Violations, func(v string) bool { // of the types that are not given
		return strings.HasSuffix(v, "there is no such difference any more")
	})
	expect(t, report,
		"sqs/queue fifo: AWS cannot change FifoQueue", "sqs/queue tags: AWS changes Tags in place",
		"sqs/queue data loss: to AWS it is a type with data", "sqs/topic: which type of CloudFormation",
	)
}

// expect compares the violations with parts of them.
func expect(t *testing.T, report *Report, want ...string) {
	t.Helper()
	found := slices.Clone(report.Violations)
	for _, part := range want {
		i := slices.IndexFunc(found, func(v string) bool { return strings.Contains(v, part) })
		if i < 0 {
			t.Errorf("not found: %s", part)
			continue
		}
		found = slices.Delete(found, i, i+1)
	}
	for _, v := range found {
		t.Errorf("found, too: %s", v)
	}
}
