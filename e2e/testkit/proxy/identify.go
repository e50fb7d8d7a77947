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
		c.Resource = p.jsonResource(c.Service, plain)
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
		c.Resource = p.name(c.Service, c.Form.Get)
	case c.Service == "s3" || c.Service == "s3express" || c.Service == "":
		c.Service, c.Protocol = "s3", ProtocolS3
		c.Operation, c.Resource = s3Operation(r, c.Query)
	case c.Service == "route53":
		c.Protocol = ProtocolRESTXML
		c.Operation, c.Resource = route53Operation(r.Method, r.URL.Path)
	default:
		c.Protocol = ProtocolRESTJSON
		if c.Service == "cloudfront" {
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

// NameBy says which parameters of a service's calls name the object, the most specific first: members of JSON, or
// parameters of a form. "RoleName/PolicyName" names it by both.
func (p *Proxy) NameBy(service string, parameters ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.named[service] = parameters
}

// name is what the parameters of a call, as text, say of its object.
func (p *Proxy) name(service string, text func(parameter string) string) string {
	p.mu.Lock()
	parameters := p.named[service]
	p.mu.Unlock()
next:
	for _, parameter := range parameters {
		var parts []string
		for _, one := range strings.Split(parameter, "/") {
			part := text(one)
			if part == "" {
				continue next
			}
			if strings.Contains(part, "://") { // an address
				part = part[strings.LastIndex(part, "/")+1:]
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, "/")
	}
	return ""
}

func (p *Proxy) jsonResource(service string, body []byte) string {
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		return ""
	}
	name := p.name(service, func(member string) string { return resourceName(members[member]) })
	if name != "" && service == "dynamodb" {
		name += itemKey(members)
	}
	return name
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
