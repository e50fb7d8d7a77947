package elbv2

import "github.com/company/deployer/internal/value"

// Action is what happens to a request: exactly one of its fields is set.
type Action struct {
	Forward       *Forward       `json:"forward,omitempty"`
	Redirect      *Redirect      `json:"redirect,omitempty"`
	FixedResponse *FixedResponse `json:"fixedResponse,omitempty"`
}

// Forward sends the request to a target group. AWS lets a target group serve one load balancer only.
type Forward struct {
	TargetGroupARN value.Of[string] `json:"targetGroupArn" required:"true"`
}

// Redirect answers with another address. Empty fields keep that part of the request's.
type Redirect struct {
	Protocol string `json:"protocol,omitempty" enum:"HTTP,HTTPS,#{protocol}"`
	Host     string `json:"host,omitempty"`
	Port     string `json:"port,omitempty"`
	Path     string `json:"path,omitempty"`
	Query    string `json:"query,omitempty"`
	// StatusCode is 301 (default: clients remember it) or 302.
	StatusCode int `json:"statusCode,omitempty"`
}

// FixedResponse answers without any target.
type FixedResponse struct {
	// StatusCode is 2xx, 4xx or 5xx.
	StatusCode int `json:"statusCode" required:"true"`
	// ContentType is text/plain (default), text/css, text/html, application/javascript or application/json.
	ContentType string `json:"contentType,omitempty"`
	// Body is at most 1024 characters.
	Body string `json:"body,omitempty"`
}

// ToHTTPS redirects to the same address over HTTPS on port 443, for good.
func ToHTTPS() Action {
	return Action{Redirect: &Redirect{Protocol: "HTTPS", Port: "443", StatusCode: 301}}
}

// NotFound answers 404 in plain text: for requests that are nobody's.
func NotFound() Action {
	return Action{FixedResponse: &FixedResponse{StatusCode: 404, ContentType: "text/plain", Body: "Not found"}}
}

// To forwards to the target group of that ARN.
func To(targetGroupARN value.Value) Action {
	return Action{Forward: &Forward{TargetGroupARN: value.Expr[string](targetGroupARN)}}
}
