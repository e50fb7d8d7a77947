package elbv2

import "github.com/company/deployer/internal/value"

// Action is what happens to a request: exactly one of its fields is set.
type Action struct {
	Forward       *Forward       `json:"forward,omitempty" doc:"To a target group."`
	Redirect      *Redirect      `json:"redirect,omitempty" doc:"To another address."`
	FixedResponse *FixedResponse `json:"fixedResponse,omitempty" doc:"Answer without a target."`
}

// Forward sends the request to a target group. AWS allows a target group one load balancer only.
type Forward struct {
	TargetGroupARN value.Of[string] `json:"targetGroupArn" required:"true" doc:"ARN of the target group."`
}

// Redirect answers with another address. An empty field keeps that part of the request's address.
type Redirect struct {
	Protocol   string `json:"protocol,omitempty" enum:"HTTP,HTTPS,#{protocol}" unset:"that of the request" doc:"Protocol."`
	Host       string `json:"host,omitempty" unset:"that of the request" doc:"Host."`
	Port       string `json:"port,omitempty" unset:"that of the request" doc:"Port."`
	Path       string `json:"path,omitempty" unset:"that of the request" doc:"Path."`
	Query      string `json:"query,omitempty" unset:"that of the request" doc:"Query."`
	StatusCode int    `json:"statusCode,omitempty" unset:"301" doc:"301 (clients remember it) or 302."`
}

// FixedResponse answers without any target.
type FixedResponse struct {
	StatusCode  int    `json:"statusCode" required:"true" doc:"2xx, 4xx or 5xx."`
	ContentType string `json:"contentType,omitempty" unset:"text/plain" doc:"text/plain, text/css, text/html, application/javascript or application/json."`
	Body        string `json:"body,omitempty" doc:"At most 1024 characters."`
}

// ToHTTPS redirects permanently to the same address over HTTPS on port 443.
func ToHTTPS() Action {
	return Action{Redirect: &Redirect{Protocol: "HTTPS", Port: "443", StatusCode: 301}}
}

// NotFound answers 404 in plain text: for requests that no rule matches.
func NotFound() Action {
	return Action{FixedResponse: &FixedResponse{StatusCode: 404, ContentType: "text/plain", Body: "Not found"}}
}

// To forwards to the target group with that ARN.
func To(targetGroupARN value.Value) Action {
	return Action{Forward: &Forward{TargetGroupARN: value.Expr[string](targetGroupARN)}}
}
