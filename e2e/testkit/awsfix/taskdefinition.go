package awsfix

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

const ecsTarget = "AmazonEC2ContainerServiceV20141113."

// latestActive describes the latest ACTIVE revision of a family. The emulator returns the latest one, even if it is
// deregistered.
func latestActive(p *proxy.Proxy) {
	p.Handle("ecs", "DescribeTaskDefinition", func(c *proxy.Call) *proxy.Response {
		var asked map[string]any
		if c.Bind(&asked) != nil {
			return nil
		}
		family, _ := asked["taskDefinition"].(string)
		if strings.Contains(family, ":") { // a revision, by name or ARN
			return nil
		}
		var there struct {
			ARNs []string `json:"taskDefinitionArns"`
		}
		if err := c.JSON("ecs", ecsTarget+"ListTaskDefinitions",
			map[string]any{"familyPrefix": family, "status": "ACTIVE"}, &there); err != nil {
			return failure(c, err)
		}
		latest, arn := 0, ""
		for _, each := range there.ARNs {
			name, number, _ := strings.Cut(each[strings.LastIndex(each, "/")+1:], ":")
			if n, err := strconv.Atoi(number); err == nil && name == family && n > latest {
				latest, arn = n, each
			}
		}
		if arn == "" {
			return c.Failure(400, "ClientException", "Unable to describe task definition.")
		}
		asked["taskDefinition"] = arn
		body, err := json.Marshal(asked)
		if err != nil {
			return failure(c, err)
		}
		resp, err := c.ForwardBody(body)
		if err != nil {
			return failure(c, err)
		}
		return resp
	})
}
