package ecsfake

import (
	"encoding/json"
	"slices"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// network is where the tasks of a service have their network interfaces.
type network struct {
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"securityGroups"`
}

func (s *spec) network() network {
	var in struct {
		AwsvpcConfiguration network `json:"awsvpcConfiguration"`
	}
	if len(s.NetworkConfiguration) == 0 || json.Unmarshal(s.NetworkConfiguration, &in) != nil {
		return network{}
	}
	return in.AwsvpcConfiguration
}

// guardNetwork refuses to delete a security group or a subnet in which a task has its network interface, as EC2 does.
// Their ids are random, so it asks no account.
func (f *Fake) guardNetwork(c *proxy.Call) *proxy.Response {
	if c.Service != "ec2" || c.Operation != "DeleteSecurityGroup" && c.Operation != "DeleteSubnet" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	group, subnet := c.Form.Get("GroupId"), c.Form.Get("SubnetId")
	uses := func(t *task) bool {
		at := t.spec.network()
		return t.status != taskStopped && (slices.Contains(at.SecurityGroups, group) ||
			len(at.Subnets) > 0 && at.Subnets[0] == subnet)
	}
	for _, cl := range f.clusters {
		if slices.ContainsFunc(cl.allTasks(), uses) {
			for _, s := range cl.services {
				if s.status == statusDraining {
					f.drain(s) // time passes while the caller asks again
				}
			}
			return c.Failure(400, "DependencyViolation", "resource "+group+subnet+" has a dependent object (a task)")
		}
	}
	return nil
}
