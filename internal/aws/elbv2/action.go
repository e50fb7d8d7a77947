package elbv2

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	model "github.com/company/deployer/internal/resource/elbv2"
	"github.com/company/deployer/internal/value"
)

var contentTypes = []string{"text/plain", "text/css", "text/html", "application/javascript", "application/json"}

// checkAction fills in AWS's defaults for the parts that are left out.
func checkAction(a *model.Action, path string) []value.Problem {
	var problems []value.Problem
	given := 0
	if a.Forward != nil {
		given++
	}
	if r := a.Redirect; r != nil {
		given++
		set(&r.Protocol, "#{protocol}")
		set(&r.Host, "#{host}")
		set(&r.Port, "#{port}")
		set(&r.Path, "/#{path}")
		set(&r.Query, "#{query}")
		set(&r.StatusCode, 301)
		if r.StatusCode != 301 && r.StatusCode != 302 {
			problems = append(problems, bad(fmt.Sprintf("must be 301 or 302, but is %d", r.StatusCode), path,
				"redirect", "statusCode"))
		}
		if !strings.HasPrefix(r.Path, "/") {
			problems = append(problems, bad("must begin with /", path, "redirect", "path"))
		}
		if r.Protocol == "#{protocol}" && r.Host == "#{host}" && r.Port == "#{port}" && r.Path == "/#{path}" {
			problems = append(problems,
				bad("a redirect must change protocol, host, port or path, else it would never end",
					path, "redirect"))
		}
	}
	if f := a.FixedResponse; f != nil {
		given++
		set(&f.ContentType, "text/plain")
		if !slices.Contains([]int{2, 4, 5}, f.StatusCode/100) {
			problems = append(problems, bad(fmt.Sprintf("must be 2xx, 4xx or 5xx, but is %d", f.StatusCode), path,
				"fixedResponse", "statusCode"))
		}
		if !slices.Contains(contentTypes, f.ContentType) {
			problems = append(problems,
				bad(fmt.Sprintf("%q is not one of %s", f.ContentType, strings.Join(contentTypes, ", ")), path,
					"fixedResponse", "contentType"))
		}
		if len(f.Body) > 1024 {
			problems = append(problems, bad(fmt.Sprintf("has %d characters, and AWS allows 1024", len(f.Body)), path,
				"fixedResponse", "body"))
		}
	}
	if given != 1 {
		problems = append(problems, bad("exactly one of forward, redirect and fixedResponse must be given", path))
	}
	return problems
}

func toAWS(a model.Action) []types.Action {
	switch {
	case a.Forward != nil:
		return []types.Action{{
			Type:           types.ActionTypeEnumForward,
			TargetGroupArn: aws.String(a.Forward.TargetGroupARN.Get()),
		}}
	case a.Redirect != nil:
		r := *a.Redirect
		return []types.Action{{Type: types.ActionTypeEnumRedirect, RedirectConfig: &types.RedirectActionConfig{
			Protocol: &r.Protocol, Host: &r.Host, Port: &r.Port, Path: &r.Path, Query: &r.Query,
			StatusCode: types.RedirectActionStatusCodeEnum("HTTP_" + strconv.Itoa(r.StatusCode)),
		}}}
	case a.FixedResponse != nil:
		f := *a.FixedResponse
		return []types.Action{{
			Type: types.ActionTypeEnumFixedResponse,
			FixedResponseConfig: &types.FixedResponseActionConfig{
				StatusCode: aws.String(strconv.Itoa(f.StatusCode)), ContentType: &f.ContentType, MessageBody: &f.Body,
			},
		}}
	}
	return nil
}

// fromAWS reads the last action, the one that routes. Others before it authenticate: we never set those.
func fromAWS(actions []types.Action) (model.Action, error) {
	if len(actions) == 0 {
		return model.Action{}, nil
	}
	a := actions[len(actions)-1]
	switch {
	case a.RedirectConfig != nil:
		r := a.RedirectConfig
		code, err := strconv.Atoi(strings.TrimPrefix(string(r.StatusCode), "HTTP_"))
		return model.Action{Redirect: &model.Redirect{
			Protocol: aws.ToString(r.Protocol), Host: aws.ToString(r.Host), Port: aws.ToString(r.Port),
			Path: aws.ToString(r.Path), Query: aws.ToString(r.Query), StatusCode: code,
		}}, err
	case a.FixedResponseConfig != nil:
		f := a.FixedResponseConfig
		code, err := strconv.Atoi(aws.ToString(f.StatusCode))
		return model.Action{FixedResponse: &model.FixedResponse{
			StatusCode: code, ContentType: aws.ToString(f.ContentType), Body: aws.ToString(f.MessageBody),
		}}, err
	}
	target := aws.ToString(a.TargetGroupArn)
	if target == "" && a.ForwardConfig != nil && len(a.ForwardConfig.TargetGroups) == 1 {
		target = aws.ToString(a.ForwardConfig.TargetGroups[0].TargetGroupArn)
	}
	return model.Action{Forward: &model.Forward{TargetGroupARN: value.Lit(target)}}, nil
}
