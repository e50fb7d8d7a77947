package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// policyStore remembers the bucket policies that the emulator must not see in full. It ignores conditions, so a
// statement that denies requests without TLS would deny every request.
type policyStore struct {
	mu       sync.Mutex
	original map[string][]byte
}

func (s *policyStore) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.original = nil
}

// handle answers the policy reads and writes of buckets with a TLS-only statement
// and returns nil for everything else.
func (s *policyStore) handle(c *Call) *Response {
	if c.Service != "s3" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket := c.Resource
	switch c.Operation {
	case "PutBucketPolicy":
		return s.put(c, bucket)
	case "GetBucketPolicy":
		if policy, ok := s.original[bucket]; ok && c.bucketExists() {
			return &Response{
				Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
				Body: policy,
			}
		}
	}
	return nil
}

// after forgets the policy of a bucket that has lost it.
func (s *policyStore) after(c *Call, resp *Response) {
	if c.Service != "s3" || resp.Status >= 300 {
		return
	}
	switch c.Operation {
	case "DeleteBucketPolicy", "DeleteBucket", "CreateBucket":
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.original, c.Resource)
	}
}

func (s *policyStore) put(c *Call, bucket string) *Response {
	rest, dropped, empty := withoutTLSOnly(c.Body)
	if !dropped {
		delete(s.original, bucket)
		return nil
	}
	var resp *Response
	var err error
	if empty {
		if !c.bucketExists() {
			return nil // the emulator says NoSuchBucket
		}
		// An older policy must not outlive its replacement.
		_, err = c.Beside(http.MethodDelete, "policy", nil)
		resp = &Response{Status: http.StatusNoContent, Header: http.Header{}}
	} else {
		resp, err = c.ForwardBody(rest)
	}
	if err != nil {
		return c.failure(http.StatusBadGateway, "EmulatorUnavailable", err.Error())
	}
	if resp.Status < 300 {
		if s.original == nil {
			s.original = map[string][]byte{}
		}
		s.original[bucket] = append([]byte{}, c.Body...)
	}
	return resp
}

func (c *Call) bucketExists() bool {
	resp, err := c.Beside(http.MethodHead, "", nil)
	return err == nil && resp.Status < 300
}

// withoutTLSOnly removes the Deny statements conditioned on
// aws:SecureTransport from a policy document. It reports whether there were
// any and whether no statement is left.
func withoutTLSOnly(document []byte) (rest []byte, dropped, empty bool) {
	var policy map[string]json.RawMessage
	if json.Unmarshal(document, &policy) != nil {
		return nil, false, false
	}
	var statements []json.RawMessage
	if json.Unmarshal(policy["Statement"], &statements) != nil {
		statements = []json.RawMessage{policy["Statement"]} // one statement, not in a list
	}
	kept := []json.RawMessage{}
	for _, statement := range statements {
		if !isTLSOnly(statement) {
			kept = append(kept, statement)
		}
	}
	if len(kept) == len(statements) {
		return nil, false, false
	}
	policy["Statement"], _ = json.Marshal(kept) // raw JSON marshals
	rest, _ = json.Marshal(policy)
	return rest, true, len(kept) == 0
}

func isTLSOnly(statement json.RawMessage) bool {
	var s struct {
		Effect    string
		Condition map[string]map[string]json.RawMessage
	}
	if json.Unmarshal(statement, &s) != nil || s.Effect != "Deny" {
		return false
	}
	for _, operands := range s.Condition {
		for key := range operands {
			if strings.EqualFold(key, "aws:SecureTransport") {
				return true
			}
		}
	}
	return false
}
