package fakeaws

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type bucket struct{ objects map[string][]version }

type version struct {
	id       string
	body     []byte
	etag     string
	modified time.Time
	deleted  bool // a delete marker
}

// current returns the newest version; ok is false when there is none or it is a delete marker.
func (b *bucket) current(key string) (v version, ok bool) {
	all := b.objects[key]
	if len(all) == 0 || all[len(all)-1].deleted {
		return version{}, false
	}
	return all[len(all)-1], true
}

// Objects returns the current content of every object whose key starts with prefix.
func (c *Cloud) Objects(bucketName, prefix string) map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string][]byte{}
	for key := range c.buckets[bucketName].objects {
		if v, ok := c.buckets[bucketName].current(key); ok && strings.HasPrefix(key, prefix) {
			out[key] = v.body
		}
	}
	return out
}

// Versions returns every content that an object had, oldest first; nil stands for a deletion.
func (c *Cloud) Versions(bucketName, key string) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out [][]byte
	for _, v := range c.buckets[bucketName].objects[key] {
		out = append(out, v.body)
	}
	return out
}

// VersionID is the id of the nth content that an object had, of 1. As S3's own it is none that could be taken for a
// deployment's number.
func VersionID(n int) string { return fmt.Sprintf("version.%d", n) }

// SetObject puts an object past all conditions; nil deletes it.
func (c *Cloud) SetObject(bucketName, key string, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buckets[bucketName].put(key, body, c.now())
}

func (b *bucket) put(key string, body []byte, at time.Time) version {
	sum := md5.Sum(body)
	v := version{
		id: VersionID(len(b.objects[key]) + 1), body: body, etag: `"` + hex.EncodeToString(sum[:]) + `"`,
		modified: at.UTC().Truncate(time.Second), deleted: body == nil,
	}
	b.objects[key] = append(b.objects[key], v)
	return v
}

func (c *Cloud) s3(req *http.Request, body []byte) (Call, answer) {
	name, key, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	call := Call{Service: "s3", Target: name + "/" + key}
	var act func(*bucket) (int, map[string]string, []byte)
	switch {
	case req.Header.Get("Content-Encoding") == "aws-chunked" || key == "" && req.Method != http.MethodGet:
	case key == "" && req.URL.Query().Has("versions"):
		call.Operation, call.Target = "ListObjectVersions", name+"/"+req.URL.Query().Get("prefix")
		act = func(b *bucket) (int, map[string]string, []byte) { return b.listVersions(req) }
	case key == "":
		call.Operation, call.Target = "ListObjectsV2", name+"/"+req.URL.Query().Get("prefix")
		act = func(b *bucket) (int, map[string]string, []byte) { return b.list(req) }
	case req.Method == http.MethodPut:
		call.Operation = "PutObject"
		act = func(b *bucket) (int, map[string]string, []byte) { return b.putIf(req, key, body, c.now()) }
	case req.Method == http.MethodGet:
		call.Operation = "GetObject"
		act = func(b *bucket) (int, map[string]string, []byte) { return b.get(key, req.URL.Query().Get("versionId")) }
	case req.Method == http.MethodDelete:
		call.Operation = "DeleteObject"
		act = func(b *bucket) (int, map[string]string, []byte) {
			b.put(key, nil, c.now())
			return http.StatusNoContent, nil, nil
		}
	}
	return call, func() (int, map[string]string, []byte) {
		b := c.buckets[name]
		switch {
		case act == nil:
			return s3Error(http.StatusNotImplemented, "NotImplemented", req.Method+" "+req.URL.String())
		case b == nil:
			return s3Error(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		}
		return act(b)
	}
}

func (b *bucket) putIf(req *http.Request, key string, body []byte, at time.Time) (int, map[string]string, []byte) {
	current, exists := b.current(key)
	if match := req.Header.Get("If-Match"); match != "" {
		switch {
		case !exists:
			return s3Error(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		case strings.Trim(match, `"`) != strings.Trim(current.etag, `"`):
			return s3Error(http.StatusPreconditionFailed, "PreconditionFailed",
				"At least one of the pre-conditions you specified did not hold")
		}
	}
	if req.Header.Get("If-None-Match") == "*" && exists {
		return s3Error(http.StatusPreconditionFailed, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold")
	}
	if body == nil {
		body = []byte{}
	}
	v := b.put(key, body, at)
	return http.StatusOK, map[string]string{"ETag": v.etag, "X-Amz-Version-Id": v.id}, nil
}

func (b *bucket) get(key, id string) (int, map[string]string, []byte) {
	v, ok := b.current(key)
	if id != "" {
		i := slices.IndexFunc(b.objects[key], func(v version) bool { return v.id == id })
		if i < 0 {
			return s3Error(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.")
		}
		if v, ok = b.objects[key][i], true; v.deleted {
			return s3Error(http.StatusMethodNotAllowed, "MethodNotAllowed",
				"The specified method is not allowed against this resource.")
		}
	}
	if !ok {
		return s3Error(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	return http.StatusOK, map[string]string{
		"ETag": v.etag, "X-Amz-Version-Id": v.id, "Last-Modified": v.modified.Format(http.TimeFormat),
		"Content-Type": "application/json",
	}, v.body
}

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listed
	CommonPrefixes        []struct{ Prefix string }
}

type listed struct {
	Key, ETag, LastModified string
	Size                    int
}

// list pages through keys and common prefixes; the continuation token is the last one of the page before.
func (b *bucket) list(req *http.Request) (int, map[string]string, []byte) {
	query := req.URL.Query()
	prefix, delimiter, after := query.Get("prefix"), query.Get("delimiter"), query.Get("continuation-token")
	limit := 1000
	if n, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		limit = n
	}
	keys := map[string]bool{} // of objects true, of common prefixes false
	for key := range b.objects {
		if _, ok := b.current(key); !ok || !strings.HasPrefix(key, prefix) {
			continue
		}
		if head, _, found := strings.Cut(key[len(prefix):], delimiter); delimiter != "" && found {
			keys[prefix+head+delimiter] = false
			continue
		}
		keys[key] = true
	}
	var out listing
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key <= after {
			continue
		}
		if len(out.Contents)+len(out.CommonPrefixes) == limit {
			out.IsTruncated = true
			break
		}
		out.NextContinuationToken = key
		if !keys[key] {
			out.CommonPrefixes = append(out.CommonPrefixes, struct{ Prefix string }{key})
			continue
		}
		v, _ := b.current(key)
		out.Contents = append(out.Contents, listed{key, v.etag, v.modified.Format(time.RFC3339), len(v.body)})
	}
	if !out.IsTruncated {
		out.NextContinuationToken = ""
	}
	body, err := xml.Marshal(out)
	if err != nil {
		return s3Error(http.StatusInternalServerError, "InternalError", err.Error())
	}
	return http.StatusOK, map[string]string{"Content-Type": "application/xml"}, body
}

type versions struct {
	XMLName                            xml.Name `xml:"ListVersionsResult"`
	IsTruncated                        bool
	NextKeyMarker, NextVersionIdMarker string          `xml:",omitempty"` //nolint:revive // S3's names
	Version                            []listedVersion `xml:"Version"`
	DeleteMarker                       []listedVersion `xml:"DeleteMarker"`
}

type listedVersion struct {
	Key, VersionId, LastModified string //nolint:revive // S3's names
	IsLatest                     bool
	Size                         int
}

// listVersions lists the versions of one object, two at a time so that paging happens.
func (b *bucket) listVersions(req *http.Request) (int, map[string]string, []byte) {
	key, after := req.URL.Query().Get("prefix"), req.URL.Query().Get("version-id-marker")
	var out versions
	all := b.objects[key]
	seen := after == ""
	for i, v := range slices.Backward(all) {
		if !seen {
			seen = v.id == after
			continue
		}
		if len(out.Version)+len(out.DeleteMarker) == 2 {
			out.IsTruncated, out.NextKeyMarker = true, key
			break
		}
		out.NextVersionIdMarker = v.id
		one := listedVersion{key, v.id, v.modified.Format(time.RFC3339), i == len(all)-1, len(v.body)}
		if v.deleted {
			out.DeleteMarker = append(out.DeleteMarker, one)
		} else {
			out.Version = append(out.Version, one)
		}
	}
	if !out.IsTruncated {
		out.NextVersionIdMarker = ""
	}
	body, err := xml.Marshal(out)
	if err != nil {
		return s3Error(http.StatusInternalServerError, "InternalError", err.Error())
	}
	return http.StatusOK, map[string]string{"Content-Type": "application/xml"}, body
}

func s3Error(status int, code, message string) (int, map[string]string, []byte) {
	return status, map[string]string{"Content-Type": "application/xml"},
		fmt.Appendf(nil, "<Error><Code>%s</Code><Message>%s</Message><RequestId>fake-request</RequestId></Error>", code,
			message)
}

// SlowDown answers in S3's place that there were too many requests.
func SlowDown(at time.Time) *http.Response {
	status, header, body := s3Error(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	return Response(at, status, header, body)
}

// ConditionalConflict answers in S3's place that another conditional write of the object was in flight.
func ConditionalConflict(at time.Time) *http.Response {
	status, header, body := s3Error(http.StatusConflict, "ConditionalRequestConflict",
		"A conflicting conditional operation is currently in progress against this resource. Please try again.")
	return Response(at, status, header, body)
}
