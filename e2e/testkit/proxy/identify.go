package proxy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// credentialScope reads access key, region and service of a SigV4
// Authorization header.
var credentialScope = regexp.MustCompile(`Credential=([^/\s]+)/\d{8}/([^/\s]+)/([^/\s]+)/aws4_request`)

// attemptNumber reads the SDK's retry header: "attempt=2; max=3".
var attemptNumber = regexp.MustCompile(`attempt=(\d+)`)

// identify names a request. Fields that it cannot find stay empty; it never fails.
func (p *Proxy) identify(r *http.Request, body []byte) *Call {
	c := &Call{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(), Body: body,
		Attempt: 1, host: r.Host, uri: r.URL.RequestURI(), ctx: r.Context(), proxy: p,
	}
	if m := credentialScope.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		c.AccessKey, c.Region, c.Service = m[1], m[2], m[3]
	} else if scope := strings.Split(c.Query.Get("X-Amz-Credential"), "/"); len(scope) == 5 {
		c.AccessKey, c.Region, c.Service = scope[0], scope[2], scope[3] // a presigned URL
	}
	if m := attemptNumber.FindStringSubmatch(r.Header.Get("Amz-Sdk-Request")); m != nil {
		c.Attempt, _ = strconv.Atoi(m[1]) // the pattern allows digits only
	}
	plain := decompressed(r.Header, body)
	target := r.Header.Get("X-Amz-Target")
	contentType := r.Header.Get("Content-Type")
	switch {
	case strings.Contains(r.URL.Path, "/operation/") && r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		c.Protocol = ProtocolCBOR
		c.Operation = r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	case target != "":
		c.Protocol = ProtocolJSON
		c.Operation = target[strings.LastIndex(target, ".")+1:]
		c.Resource = jsonResource(c.Service, plain)
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		c.Protocol = ProtocolQuery
		if c.Service == "ec2" {
			c.Protocol = ProtocolEC2
		}
		c.Form, _ = url.ParseQuery(string(plain)) // the parsed part is enough to name the call
		c.Operation = c.Form.Get("Action")
		if c.Service == "" {
			c.Service = "sts" // the only query calls that are made unsigned
		}
		c.Resource = formResource(c.Form)
	case c.Service == "s3" || c.Service == "s3express" || c.Service == "":
		c.Service, c.Protocol = "s3", ProtocolS3
		c.Operation, c.Resource = s3Operation(r, c.Query)
	default:
		c.Protocol = ProtocolRESTJSON
		if c.Service == "route53" || c.Service == "cloudfront" {
			c.Protocol = ProtocolRESTXML
		}
		c.Operation = r.Method + " " + r.URL.Path
		c.Resource = r.URL.Path
	}
	c.Mutating = mutating(c)
	return c
}

func decompressed(header http.Header, body []byte) []byte {
	if header.Get("Content-Encoding") != "gzip" {
		return body
	}
	zr, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	plain, err := io.ReadAll(io.LimitReader(zr, 64<<20))
	if err != nil {
		return body
	}
	return plain
}

// readPrefixes start the names of operations that change nothing.
var readPrefixes = []string{
	"Get", "List", "Describe", "Head", "BatchGet", "Query", "Scan", "Filter", "Lookup", "Search", "Check",
	"Simulate", "Select", "Discover", "TransactGet", "Test", "Validate", "AssumeRole", "StartQuery", "Decode",
	"Receive", "GET ", "HEAD ",
}

func mutating(c *Call) bool {
	for _, prefix := range readPrefixes {
		if strings.HasPrefix(c.Operation, prefix) {
			return false
		}
	}
	return true
}

// resourceKeys are the members that name the object of a call, the most specific first. All JSON services share the
// list.
var resourceKeys = map[string][]string{
	"sqs":      {"QueueName", "QueueUrl"},
	"dynamodb": {"TableName", "ResourceArn"},
	"ecs": {
		"service", "serviceName", "services", "family", "taskDefinition",
		"serviceDeploymentArn", "serviceDeploymentArns", "resourceArn", "tasks", "task", "clusterName", "cluster",
		"clusters",
	},
	"logs":           {"logGroupName", "logGroupNamePrefix", "resourceArn", "logGroupIdentifier"},
	"secretsmanager": {"SecretId", "Name"},
	"ssm":            {"Name", "Names", "ResourceId"},
	"application-autoscaling": {
		"PolicyName", "ScheduledActionName", "ResourceId", "ResourceIds", "ResourceARN",
		"ServiceNamespace",
	},
	"servicediscovery": {"Name", "Id", "ServiceId", "NamespaceId", "ResourceARN"},
	"acm":              {"DomainName", "CertificateArn"},
	"kms":              {"AliasName", "KeyId"},
}

func jsonResource(service string, body []byte) string {
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		return ""
	}
	for _, key := range resourceKeys[service] {
		name := resourceName(members[key])
		switch {
		case name == "":
			continue
		case key == "QueueUrl":
			return name[strings.LastIndex(name, "/")+1:]
		case service == "dynamodb":
			return name + itemKey(members)
		}
		return name
	}
	return ""
}

func resourceName(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		names := make([]string, 0, len(v))
		for _, e := range v {
			if s, ok := e.(string); ok {
				names = append(names, s)
			}
		}
		return strings.Join(names, ",")
	}
	return ""
}

// itemKey returns "/value" for the key of a DynamoDB item with a string key.
func itemKey(members map[string]any) string {
	key, _ := members["Key"].(map[string]any)
	if key == nil {
		key, _ = members["Item"].(map[string]any)
		if id, ok := key["LockID"]; ok { // other members of an item are not its key
			key = map[string]any{"LockID": id}
		}
	}
	if len(key) != 1 {
		return ""
	}
	for _, attribute := range key {
		if typed, ok := attribute.(map[string]any); ok {
			if s, ok := typed["S"].(string); ok {
				return "/" + s
			}
		}
	}
	return ""
}

// formKeys are the parameters of query calls that name the object.
var formKeys = []string{
	"PolicyArn", "RuleArn", "RuleArns.member.1", "ListenerArn", "ListenerArns.member.1", "TargetGroupArn",
	"TargetGroupArns.member.1",
	"LoadBalancerArn", "LoadBalancerArns.member.1", "ResourceArns.member.1", "Name", "Names.member.1",
	"GroupName", "GroupId", "GroupId.1", "SecurityGroupRuleId.1", "VpcId", "VpcId.1", "SubnetId", "SubnetId.1",
	"ResourceId.1",
	"UserName", "RoleArn", "AlarmName", "AlarmNames.member.1", "TopicArn",
}

func formResource(form url.Values) string {
	if role := form.Get("RoleName"); role != "" {
		for _, key := range []string{"PolicyName", "PolicyArn"} {
			if policy := form.Get(key); policy != "" {
				return role + "/" + policy
			}
		}
		return role
	}
	for _, key := range formKeys {
		if v := form.Get(key); v != "" {
			return v
		}
	}
	return form.Get("PolicyName")
}
