package proxy

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// JSONResponse is a 200 answer of the JSON protocols.
func JSONResponse(v any) *Response {
	body, err := json.Marshal(v)
	if err != nil {
		panic("test proxy: a fake's answer does not marshal: " + err.Error())
	}
	return &Response{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: body,
	}
}

// XMLResponse is a 200 answer of the query protocols; body is the document.
func XMLResponse(body string) *Response {
	return &Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/xml"}}, Body: []byte(body)}
}

// Failure is an error answer in the shape of the call's protocol.
func (c *Call) Failure(status int, code, message string) *Response {
	return c.failure(status, code, message)
}

func (c *Call) failure(status int, code, message string) *Response {
	requestID := fmt.Sprintf("proxy-%06d", c.Seq)
	header := http.Header{"X-Amzn-Requestid": {requestID}}
	switch c.Protocol {
	case ProtocolJSON, ProtocolRESTJSON:
		header.Set("Content-Type", "application/x-amz-json-1.1")
		header.Set("X-Amzn-Errortype", code)
		body, _ := json.Marshal(map[string]string{"__type": code, "message": message}) // two strings always marshal
		return &Response{Status: status, Header: header, Body: body}
	case ProtocolCBOR:
		header.Set("Content-Type", "application/cbor")
		header.Set("Smithy-Protocol", "rpc-v2-cbor")
		return &Response{
			Status: status, Header: header,
			Body: cborStrings([2]string{"__type", code}, [2]string{"message", message}),
		}
	case ProtocolS3:
		header = http.Header{"X-Amz-Request-Id": {requestID}, "Content-Type": {"application/xml"}}
		if c.Method == http.MethodHead {
			return &Response{Status: status, Header: header}
		}
		return &Response{Status: status, Header: header, Body: []byte(xml.Header + "<Error><Code>" + escape(code) +
			"</Code><Message>" + escape(message) + "</Message><RequestId>" + requestID + "</RequestId></Error>")}
	case ProtocolEC2:
		header.Set("Content-Type", "text/xml")
		return &Response{
			Status: status, Header: header,
			Body: []byte(xml.Header + "<Response><Errors><Error><Code>" + escape(code) +
				"</Code><Message>" + escape(message) + "</Message></Error></Errors><RequestID>" + requestID +
				"</RequestID></Response>"),
		}
	default:
		kind := "Sender"
		if status >= 500 {
			kind = "Receiver"
		}
		header.Set("Content-Type", "text/xml")
		return &Response{
			Status: status, Header: header,
			Body: []byte(xml.Header + "<ErrorResponse><Error><Type>" + kind +
				"</Type><Code>" + escape(code) + "</Code><Message>" + escape(message) +
				"</Message></Error><RequestId>" +
				requestID + "</RequestId></ErrorResponse>"),
		}
	}
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}

// cborStrings encodes a map of short strings (RFC 8949). An error of rpc-v2-cbor needs nothing else.
func cborStrings(pairs ...[2]string) []byte {
	out := []byte{0xa0 | byte(len(pairs))}
	for _, pair := range pairs {
		for _, s := range pair {
			switch n := len(s); {
			case n < 24:
				out = append(out, 0x60|byte(n))
			case n < 256:
				out = append(out, 0x78, byte(n))
			default:
				n = min(n, 65535)
				s = s[:n]
				out = append(out, 0x79, byte(n>>8), byte(n))
			}
			out = append(out, s...)
		}
	}
	return out
}

// UnimplementedCode is the error code of operations that the emulator lacks.
const UnimplementedCode = "UnimplementedByEmulator"

// explainUnimplemented recognises the emulator's "not implemented" and crash pages. It replaces them by a 400 answer,
// which no SDK retries. It returns nil for real answers.
func (p *Proxy) explainUnimplemented(c *Call, resp *Response) *Response {
	html := strings.Contains(resp.Header.Get("Content-Type"), "text/html") && looksLikeHTML(resp.Body)
	unknown := resp.Status == http.StatusNotImplemented ||
		(html && (resp.Status == http.StatusInternalServerError || resp.Status == http.StatusNotFound ||
			resp.Status == http.StatusMethodNotAllowed))
	if !unknown {
		return nil
	}
	message := fmt.Sprintf("the emulator does not answer %s:%s (HTTP %d)", c.Service, c.Operation, resp.Status)
	if cause := p.lastTraceback(); cause != "" {
		message += "; its log says: " + cause
	}
	return c.failure(http.StatusBadRequest, UnimplementedCode, message)
}

func looksLikeHTML(body []byte) bool {
	start := strings.ToLower(firstLine(string(body)))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// lastTraceback finds the exception line of the last Python traceback.
func (p *Proxy) lastTraceback() string {
	if p.opts.UpstreamLog == nil {
		return ""
	}
	log := p.opts.UpstreamLog()
	start := strings.LastIndex(log, "Traceback (most recent call last)")
	if start < 0 {
		return ""
	}
	for _, line := range strings.Split(log[start:], "\n")[1:] {
		if line != "" && line[0] != ' ' && strings.Contains(line, ":") {
			return firstLine(line)
		}
	}
	return ""
}
