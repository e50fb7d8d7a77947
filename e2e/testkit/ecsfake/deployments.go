package ecsfake

import (
	"slices"
	"strings"
	"time"
)

func (f *Fake) listServiceDeployments(c *call) (any, error) {
	var in struct {
		Cluster string   `json:"cluster"`
		Service string   `json:"service"`
		Status  []string `json:"status"`
		page
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	s, err := f.find(c, in.Cluster, in.Service)
	if err != nil {
		return nil, err
	}
	briefs := []any{}
	for _, r := range slices.Backward(s.records) {
		if len(in.Status) > 0 && !slices.Contains(in.Status, r.status) {
			continue
		}
		brief := r.viewTimes()
		brief["targetServiceRevisionArn"] = r.target.arn
		briefs = append(briefs, brief)
	}
	part, next := paged(briefs, in.page, 20)
	return withToken(map[string]any{"serviceDeployments": part}, next), nil
}

func (f *Fake) describeServiceDeployments(c *call) (any, error) {
	var in struct {
		Arns []string `json:"serviceDeploymentArns"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	found, failures := []any{}, []any{}
	for _, arn := range in.Arns {
		if r := f.record(arn); r != nil {
			found = append(found, r.view())
		} else {
			failures = append(failures, map[string]string{"arn": arn, "reason": "MISSING"})
		}
	}
	return map[string]any{"serviceDeployments": found, "failures": failures}, nil
}

func (f *Fake) describeServiceRevisions(c *call) (any, error) {
	var in struct {
		Arns []string `json:"serviceRevisionArns"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	found, failures := []any{}, []any{}
	for _, arn := range in.Arns {
		s, rev := f.revision(arn)
		if rev == nil {
			failures = append(failures, map[string]string{"arn": arn, "reason": "MISSING"})
			continue
		}
		images := []any{}
		for _, cd := range rev.def.ContainerDefinitions {
			images = append(images, map[string]string{
				"containerName": cd.Name, "image": cd.Image,
				"imageDigest": imageDigest(cd.Image),
			})
		}
		view := map[string]any{
			"serviceRevisionArn": rev.arn, "serviceArn": s.arn, "clusterArn": s.cluster.arn,
			"taskDefinition": rev.def.Arn,
			"createdAt":      seconds(rev.created), "containerImages": images,
			"loadBalancers": orEmpty(rev.spec.LoadBalancers),
		}
		f.viewLaunch(view, &rev.spec)
		found = append(found, view)
	}
	return map[string]any{"serviceRevisions": found, "failures": failures}, nil
}

// stopServiceDeployment rolls a running deployment back, or only stops it with stop type ABORT.
func (f *Fake) stopServiceDeployment(c *call) (any, error) {
	var in struct {
		Arn      string `json:"serviceDeploymentArn"`
		StopType string `json:"stopType"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	r := f.record(in.Arn)
	if r == nil {
		return nil, errDeploymentMissing
	}
	if !r.finished.IsZero() || r.rollback != nil || r.service.status != statusActive {
		return nil, &apiError{
			"ConflictException",
			"The service deployment cannot be stopped because it is in status " + r.status + ".",
		}
	}
	s, d := r.service, r.service.deployments[0]
	const reason = "The service deployment was stopped by StopServiceDeployment."
	switch in.StopType {
	case "", "ROLLBACK":
		if s.good == nil {
			return nil, invalid("The service deployment cannot be rolled back because there is no completed " +
				"service revision.")
		}
		d.state, d.reason, d.updated = stateFailed, reason, f.now()
		f.stopExcess(s, d, 0)
		f.rollBack(c, s, r, reason, "ROLLBACK_REQUESTED")
	case "ABORT":
		d.state, d.reason, d.updated = stateFailed, reason, f.now()
		r.end("STOPPED", reason, f.now())
	default:
		return nil, invalid("Unknown stop type %s.", in.StopType)
	}
	return map[string]any{"serviceDeploymentArn": r.arn}, nil
}

func (f *Fake) record(arn string) *record {
	for _, cl := range f.clusters {
		for _, s := range cl.services {
			for _, r := range s.records {
				if r.arn == arn {
					return r
				}
			}
		}
	}
	return nil
}

func (f *Fake) revision(arn string) (*service, *revision) {
	for _, cl := range f.clusters {
		for _, s := range cl.services {
			for _, r := range s.records {
				if r.target.arn == arn {
					return s, r.target
				}
			}
		}
	}
	return nil, nil
}

// viewTimes are the members that brief and full view share.
func (r *record) viewTimes() map[string]any {
	out := map[string]any{
		"serviceDeploymentArn": r.arn, "serviceArn": r.service.arn, "clusterArn": r.service.cluster.arn,
		"createdAt": seconds(r.created), "startedAt": seconds(r.created), "status": r.status,
	}
	if r.reason != "" {
		out["statusReason"] = r.reason
	}
	setTime(out, "finishedAt", r.finished)
	return out
}

func (r *record) view() map[string]any {
	out := r.viewTimes()
	s := r.service
	sources := []any{}
	if r.source != nil {
		sources = append(sources, s.viewRevisionSummary(r.source))
	}
	out["sourceServiceRevisions"], out["targetServiceRevision"] = sources, s.viewRevisionSummary(r.target)
	out["deploymentConfiguration"] = r.target.spec.configuration()
	out["deploymentCircuitBreaker"] = map[string]any{
		"status": r.breaker, "failureCount": r.failures, "threshold": breakerThreshold(r.target.spec.desired()),
	}
	if r.finished.IsZero() {
		out["lifecycleStage"] = "SCALE_UP"
	}
	out["updatedAt"] = seconds(r.created)
	setTime(out, "updatedAt", r.finished)
	setTime(out, "stoppedAt", r.stopped)
	if r.rollback != nil {
		out["rollback"] = map[string]any{
			"reason": r.rollback.reason, "startedAt": seconds(r.rollback.started),
			"serviceRevisionArn": r.rollback.revision.arn,
		}
	}
	return out
}

// viewRevisionSummary counts the tasks of all deployments of a revision.
func (s *service) viewRevisionSummary(rev *revision) map[string]any {
	requested, running, pending := 0, 0, 0
	for _, t := range s.tasks {
		if t.deployment == nil || t.deployment.revision != rev {
			continue
		}
		switch t.status {
		case taskRunning:
			running++
		case taskPending:
			pending++
		}
	}
	if len(s.deployments) > 0 && s.deployments[0].revision == rev {
		requested = s.spec.desired()
	}
	return map[string]any{
		"arn": rev.arn, "requestedTaskCount": requested, "runningTaskCount": running,
		"pendingTaskCount": pending,
	}
}

func setTime(out map[string]any, key string, t time.Time) {
	if !t.IsZero() {
		out[key] = seconds(t)
	}
}

// taggable returns the tags of a faked service or task.
func (f *Fake) taggable(arn string) *[]tag {
	switch {
	case strings.Contains(arn, ":service/"):
		if s := f.serviceByARN(arn); s != nil && s.status != statusInactive {
			return &s.tags
		}
	case strings.Contains(arn, ":task/"):
		if t := f.taskByARN(arn); t != nil {
			return &t.tags
		}
	}
	return nil
}
