package worker_test

import (
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/testkit/componenttest"
)

func TestGolden(t *testing.T) { componenttest.Golden(t, kinds.Registry()) }

func TestCheck(t *testing.T) {
	const base = "image: work:1\n"
	componenttest.CheckSpecs(t, kinds.Registry(), "Worker", map[string][2]string{
		"least": {base, ""},
		"image in capitals": {
			"image: company/Work:1",
			`image: "company/Work:1" is not an image: a repository is lower-case, and "Work" is not; an image is written like`,
		},
		"image of a sidecar": {
			base + "sidecars: [{name: a, image: 'envoy:'}]",
			`sidecars.0.image: "envoy:" is not an image: the tag after the colon is empty`,
		},
		"NUL": {base + `environment: {A: "a\0b"}`, "environment.A: contains a NUL character"},
		"NUL in a sidecar": {
			base + `sidecars: [{name: a, image: 'envoy:1', environment: {A: "\0"}}]`,
			"sidecars.0.environment.A: contains a NUL character",
		},
		"parameter's path": {
			base + `secrets: {A: 'ssm:/a//b'}`,
			`secrets.A: "ssm:/a//b" is not the name of an SSM parameter, such as ssm:/shop/production/api-key: it has two slashes in a row`,
		},
		"AWS's own parameter": {base + `secrets: {A: 'ssm:/aws/reference/x'}`, ""},
		"image known later":   {"image: '${web/jobs.name}:1'", ""},
		"by queue":            {base + "uses: {web/jobs: [receive]}\nscaling: {max: 3, queue: jobs}", ""},
		"by queue of address": {base + "uses: {web/jobs: [receive]}\nscaling: {max: 3, queue: web/jobs, " +
			"backlogPerTask: 10}", ""},
		"queue not used": {base + "scaling: {max: 3, queue: jobs}", `scaling.queue: "jobs" is not in uses`},
		"queue only sent to": {
			base + "uses: {web/jobs: [send]}\nscaling: {max: 3, queue: jobs}",
			"scaling.queue: the worker must receive from the queue by which it scales",
		},
		"queue without room": {
			base + "uses: {web/jobs: [receive]}\nscaling: {queue: jobs}",
			"scaling.queue: has no effect unless max",
		},
		"backlog of nothing": {base + "scaling: {max: 3, backlogPerTask: 10}", "scaling.backlogPerTask: needs queue"},
		"negative backlog": {base + "uses: {web/jobs: [receive]}\nscaling: {max: 3, queue: jobs, " +
			"backlogPerTask: -1}", "scaling.backlogPerTask: must be at least 1"},
		"ports":                {base + "ports: []", "ports: a Worker has no ports"},
		"ingress":              {base + "ingress: {}", "ingress: a Worker gets no requests"},
		"empty health check":   {base + "healthCheck: {command: []}", "healthCheck.command: must not be empty"},
		"health check by path": {base + "healthCheck: {command: [x], path: /}", "healthCheck.path: unknown key"},
		"none at least":        {base + "uses: {web/jobs: [receive]}\nscaling: {min: 0, max: 3, queue: jobs}", ""},
		"nothing wakes": {
			base + "scaling: {min: 0, max: 3}",
			"scaling.min: with 0 tasks, nothing starts a task again",
		},
		"not a queue": {
			base + "uses: {web/files: [read]}\nscaling: {max: 3, queue: files}",
			"scaling.queue: the worker must receive from the queue by which it scales",
		},
	})
}
