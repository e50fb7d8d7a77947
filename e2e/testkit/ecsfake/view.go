package ecsfake

import (
	"encoding/json"
	"strings"
	"time"
)

// seconds is the timestamp format of the JSON protocols.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (f *Fake) viewService(s *service, withTags bool) map[string]any {
	out := map[string]any{
		"serviceArn": s.arn, "serviceName": s.name, "clusterArn": s.cluster.arn, "status": s.status,
		"desiredCount": s.spec.desired(), "runningCount": s.count("", taskRunning),
		"pendingCount":   s.count("", taskPending),
		"taskDefinition": s.spec.TaskDefinition, "deploymentConfiguration": s.spec.configuration(),
		"schedulingStrategy": s.spec.SchedulingStrategy, "propagateTags": s.spec.PropagateTags,
		"createdAt": seconds(s.created), "events": orEmpty(s.events), "loadBalancers": orEmpty(s.spec.LoadBalancers),
		"enableECSManagedTags": isTrue(s.spec.EnableECSManagedTags),
		"enableExecuteCommand": isTrue(s.spec.EnableExecuteCommand),
		"placementConstraints": []any{}, "placementStrategy": []any{},
		"deploymentController": json.RawMessage(`{"type":"ECS"}`), "serviceRegistries": json.RawMessage(`[]`),
	}
	f.viewLaunch(out, &s.spec)
	setRaw(out, "deploymentController", s.spec.DeploymentController)
	setRaw(out, "serviceRegistries", s.spec.ServiceRegistries)
	if s.spec.HealthCheckGracePeriodSeconds != nil {
		out["healthCheckGracePeriodSeconds"] = *s.spec.HealthCheckGracePeriodSeconds
	}
	if s.spec.AvailabilityZoneRebalancing != "" {
		out["availabilityZoneRebalancing"] = s.spec.AvailabilityZoneRebalancing
	}
	if withTags {
		out["tags"] = orEmpty(s.tags)
	}
	deployments, revisions := []any{}, []any{}
	for _, d := range s.deployments {
		deployments = append(deployments, f.viewDeployment(s, d))
		revisions = append(revisions, s.viewRevisionSummary(d.revision))
	}
	out["deployments"], out["currentServiceRevisions"] = deployments, revisions
	if n := len(s.records); n > 0 && s.records[n-1].finished.IsZero() {
		out["currentServiceDeployment"] = s.records[n-1].arn
	}
	return out
}

func (f *Fake) viewDeployment(s *service, d *deployment) map[string]any {
	desired := s.spec.desired()
	if d.status != statusPrimary {
		desired = 0
		if d.state == stateCompleted {
			desired = s.count(d.id, taskRunning)
		}
	}
	out := map[string]any{
		"id": d.id, "status": d.status, "taskDefinition": d.revision.def.Arn, "desiredCount": desired,
		"pendingCount": s.count(d.id, taskPending), "runningCount": s.count(d.id, taskRunning), "failedTasks": d.failed,
		"createdAt": seconds(d.created), "updatedAt": seconds(d.updated), "rolloutState": d.state,
		"rolloutStateReason": d.reason,
	}
	f.viewLaunch(out, &d.revision.spec)
	return out
}

// viewLaunch adds how and where tasks run.
func (f *Fake) viewLaunch(out map[string]any, sp *spec) {
	if sp.LaunchType != "" {
		out["launchType"] = sp.LaunchType
	}
	if sp.LaunchType != "EC2" {
		out["platformFamily"] = "Linux"
		out["platformVersion"] = strings.Replace(sp.PlatformVersion, "LATEST", "1.4.0", 1)
	}
	setRaw(out, "capacityProviderStrategy", sp.CapacityProviderStrategy)
	setRaw(out, "networkConfiguration", sp.NetworkConfiguration)
}

func (f *Fake) viewTask(t *task, withTags bool) map[string]any {
	status := t.status
	if t.stopping > 0 { // its service may be INACTIVE by now
		t.stopping--
		status = "STOPPING"
	}
	desired := taskRunning
	if t.status == taskStopped {
		desired = taskStopped
	}
	containers := make([]any, 0, len(t.containers))
	for i := range t.containers {
		view := t.viewContainer(i)
		if isTrue(t.spec.EnableExecuteCommand) {
			agent := map[string]string{"name": "ExecuteCommandAgent", "lastStatus": f.agent}
			if f.agentReason != "" {
				agent["reason"] = f.agentReason
			}
			view["managedAgents"] = []any{agent}
		}
		containers = append(containers, view)
	}
	out := map[string]any{
		"taskArn": t.arn, "clusterArn": t.cluster.arn, "taskDefinitionArn": t.def.Arn, "group": t.group,
		"lastStatus": status, "desiredStatus": desired, "healthStatus": t.health, "createdAt": seconds(t.created),
		"containers": containers, "attachments": []any{t.viewInterface()}, "attributes": []any{}, "version": 1,
		"availabilityZone": zoneOf(t.cluster.arn), "cpu": t.def.CPU, "memory": t.def.Memory,
		"overrides":            map[string]any{},
		"enableExecuteCommand": isTrue(t.spec.EnableExecuteCommand), "tags": []any{},
	}
	f.viewLaunch(out, &t.spec)
	delete(out, "networkConfiguration")
	delete(out, "capacityProviderStrategy")
	if t.overrides != nil {
		out["overrides"] = t.overrides
	}
	if t.startedBy != "" {
		out["startedBy"] = t.startedBy
	}
	if withTags {
		out["tags"] = orEmpty(t.tags)
	}
	if !t.started.IsZero() {
		out["startedAt"], out["connectivity"] = seconds(t.started), "CONNECTED"
	}
	if status == taskStopped {
		out["stoppedAt"], out["stoppingAt"], out["stopCode"], out["stoppedReason"] = seconds(t.stopped),
			seconds(t.stopped), t.stopCode, t.reason
	}
	return out
}

func (t *task) viewContainer(i int) map[string]any {
	c := t.containers[i]
	out := map[string]any{
		"name": c.def.Name, "image": c.def.Image, "taskArn": t.arn, "lastStatus": t.status, "healthStatus": t.health,
		"containerArn": t.cluster.resourceARN("container", t.cluster.name+"/"+t.id+"/"+digest(t.id + c.def.Name)[:36]),
		"runtimeId":    t.id + "-" + digest(c.def.Name)[:10],
		"networkInterfaces": []any{map[string]string{
			"attachmentId": digest("attachment" + t.id)[:36], "privateIpv4Address": t.ip,
		}},
		"networkBindings": []any{},
	}
	if t.stopCode != "TaskFailedToStart" && t.status != taskPending {
		out["imageDigest"] = imageDigest(c.def.Image)
	}
	if c.exitCode != nil {
		out["exitCode"] = *c.exitCode
	}
	if c.reason != "" {
		out["reason"] = c.reason
	}
	return out
}

func imageDigest(image string) string { return "sha256:" + digest(image) }

func (t *task) viewInterface() map[string]any {
	status := "ATTACHED"
	if t.status == taskStopped {
		status = "DELETED"
	}
	details := []map[string]string{
		{"name": "networkInterfaceId", "value": "eni-" + digest(t.id)[:17]},
		{"name": "privateIPv4Address", "value": t.ip},
		{"name": "privateDnsName", "value": "ip-" + strings.ReplaceAll(t.ip, ".", "-") + ".ec2.internal"},
	}
	if subnets := t.spec.network().Subnets; len(subnets) > 0 {
		details = append(details, map[string]string{"name": "subnetId", "value": subnets[0]})
	}
	return map[string]any{
		"id": digest("attachment" + t.id)[:36], "type": "ElasticNetworkInterface", "status": status,
		"details": details,
	}
}

func zoneOf(arn string) string { return strings.Split(arn, ":")[3] + "a" }

func setRaw(out map[string]any, key string, raw json.RawMessage) {
	if len(raw) > 0 {
		out[key] = raw
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

// orEmpty makes an absent list an empty one in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
