package ecsfake

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// checkLoadBalancers refuses target groups that no load balancer uses, and
// containers and ports that the task definition does not have.
func checkLoadBalancers(c *call, def *taskDefinition, balancers []loadBalancer) error {
	for _, lb := range balancers {
		i := slices.IndexFunc(def.ContainerDefinitions, func(cd containerDefinition) bool {
			return cd.Name == lb.ContainerName
		})
		if i < 0 {
			return invalid("The container %s does not exist in the task definition.", lb.ContainerName)
		}
		hasPort := false
		for _, m := range def.ContainerDefinitions[i].PortMappings {
			hasPort = hasPort || m.ContainerPort == lb.ContainerPort
		}
		if !hasPort {
			return invalid("The container %s did not have a container port %d defined.", lb.ContainerName,
				lb.ContainerPort)
		}
		if err := checkTargetGroup(c, lb.TargetGroupArn); err != nil {
			return err
		}
	}
	return nil
}

func checkTargetGroup(c *call, arn string) error {
	resp, err := c.PostForm("elasticloadbalancing", url.Values{
		"Action": {"DescribeTargetGroups"}, "Version": {"2015-12-01"}, "TargetGroupArns.member.1": {arn},
	})
	if err != nil {
		return err
	}
	var out struct {
		TargetType string   `xml:"DescribeTargetGroupsResult>TargetGroups>member>TargetType"`
		Balancers  []string `xml:"DescribeTargetGroupsResult>TargetGroups>member>LoadBalancerArns>member"`
	}
	if resp.Status >= 300 || xml.Unmarshal(resp.Body, &out) != nil || out.TargetType == "" {
		return invalid("The specified target group does not exist. (targetGroupArn: %s)", arn)
	}
	if out.TargetType != "ip" {
		return invalid("The provided target group %s has target type %s, which is incompatible with the awsvpc "+
			"network mode specified in the task definition.", arn, out.TargetType)
	}
	if len(out.Balancers) == 0 && !hasRule(c, arn) {
		return invalid("The target group with targetGroupArn %s does not have an associated load balancer.", arn)
	}
	return nil
}

// hasRule reports whether a rule forwards to a target group. The emulator records this for new rules only; AWS records
// it for changed ones, too.
func hasRule(c *call, targetGroup string) bool {
	ask := func(action, key, value string) []byte {
		form := url.Values{"Action": {action}, "Version": {"2015-12-01"}}
		if key != "" {
			form.Set(key, value)
		}
		resp, err := c.PostForm("elasticloadbalancing", form)
		if err != nil || resp.Status >= 300 {
			return nil
		}
		return resp.Body
	}
	var balancers struct {
		ARNs []string `xml:"DescribeLoadBalancersResult>LoadBalancers>member>LoadBalancerArn"`
	}
	_ = xml.Unmarshal(ask("DescribeLoadBalancers", "", ""), &balancers) // on an error there is none
	for _, balancer := range balancers.ARNs {
		var listeners struct {
			ARNs []string `xml:"DescribeListenersResult>Listeners>member>ListenerArn"`
		}
		_ = xml.Unmarshal(ask("DescribeListeners", "LoadBalancerArn", balancer), &listeners)
		for _, listener := range listeners.ARNs {
			if bytes.Contains(ask("DescribeRules", "ListenerArn", listener), []byte(targetGroup)) {
				return true
			}
		}
	}
	return false
}

// deleteRegistry refuses, as Cloud Map does, to delete a service in which tasks are registered.
func (f *Fake) deleteRegistry(pc *proxy.Call) *proxy.Response {
	var asked struct {
		ID string `json:"Id"`
	}
	if pc.Bind(&asked) != nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, cl := range f.clusters {
		for _, s := range cl.services {
			for _, t := range s.tasks {
				if t.status == taskRunning && bytes.Contains(t.spec.ServiceRegistries,
					[]byte("service/"+asked.ID+`"`)) {
					return pc.Failure(400, "ResourceInUse",
						"Service contains registered instances; delete the instances before deleting the service")
				}
			}
		}
	}
	return nil
}

// describeTargetHealth answers for target groups of faked services: their
// running tasks are the targets.
func (f *Fake) describeTargetHealth(pc *proxy.Call) *proxy.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	arn := pc.Form.Get("TargetGroupArn")
	attached := false
	var members strings.Builder
	for _, cl := range f.clusters {
		for _, s := range cl.services {
			port, ok := s.portOf(arn)
			if !ok || s.status == statusInactive {
				continue
			}
			attached = true
			for _, t := range s.tasks {
				if t.status == taskRunning {
					members.WriteString(targetXML(t, port))
				}
			}
		}
	}
	if !attached {
		return nil
	}
	return proxy.XMLResponse(xml.Header +
		`<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeTargetHealthResult>` +
		"<TargetHealthDescriptions>" + members.String() + "</TargetHealthDescriptions>" +
		"</DescribeTargetHealthResult><ResponseMetadata><RequestId>" + fmt.Sprintf("proxy-%06d", pc.Seq) +
		"</RequestId></ResponseMetadata></DescribeTargetHealthResponse>")
}

func (s *service) portOf(targetGroup string) (int, bool) {
	for _, lb := range s.spec.LoadBalancers {
		if lb.TargetGroupArn == targetGroup {
			return lb.ContainerPort, true
		}
	}
	return 0, false
}

func targetXML(t *task, port int) string {
	state, detail := t.target, ""
	if t.script.Behaviour == Unhealthy {
		state = "unhealthy"
	}
	switch state {
	case "initial":
		detail = "<Reason>Elb.RegistrationInProgress</Reason><Description>Target registration is in " +
			"progress</Description>"
	case "unhealthy":
		detail = "<Reason>Target.ResponseCodeMismatch</Reason><Description>Health checks failed with these codes: " +
			"[503]</Description>"
	}
	return fmt.Sprintf("<member><Target><Id>%s</Id><Port>%d</Port><AvailabilityZone>%s</AvailabilityZone></Target>"+
		"<HealthCheckPort>%d</HealthCheckPort><TargetHealth><State>%s</State>%s</TargetHealth></member>",
		t.ip, port, zoneOf(t.cluster.arn), port, state, detail)
}
