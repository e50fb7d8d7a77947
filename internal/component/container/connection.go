package container

import (
	"strconv"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/component/network"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

// securityGroup is the group of the service's tasks. It allows no inbound traffic until a rule does.
func securityGroup(in component.Instance) *resource.Resource {
	return in.Resource(SecurityGroup, ec2.SecurityGroupType, ec2.SecurityGroup{
		GroupName: in.Prefix(), VPCID: value.Expr[string](network.Output(network.VPCID)),
		Description: "Tasks of " + in.Original().Address,
	})
}

// Open allows traffic to one TCP port of a security group from another group. The rule belongs to in, whichever
// component owns the groups.
func Open(
	in component.Instance, name string, target, from value.Value, port int, description string,
) *resource.Resource {
	return in.Resource(name, ec2.SecurityGroupRuleType, ec2.SecurityGroupRule{
		SecurityGroupID: value.Expr[string](target), Direction: ec2.Ingress, Protocol: "tcp",
		FromPort: value.Lit(port), ToPort: value.Lit(port),
		ReferencedSecurityGroupID: value.Expr[string](from), Description: description,
	})
}

// slug turns an address into part of a resource name; distinct addresses stay distinct.
var slug = strings.NewReplacer("-", "--", "/", "-").Replace

// RuleTo is what the names of rules begin with that let a component connect to another one; a port follows.
func RuleTo(address string) string { return "to-" + slug(address) + "-" }

// connections open the ports of the used components. Rules belong to the user: so two services can use each other.
func connections(in component.Instance, own *resource.Resource, granted []component.Granted) []*resource.Resource {
	var out []*resource.Resource
	opened := map[string]bool{}
	for _, g := range granted {
		if g.Grant.SecurityGroup.IsNull() {
			continue
		}
		for _, port := range g.Grant.Ports {
			name := RuleTo(g.Address) + strconv.Itoa(port)
			if opened[name] {
				continue // another verb of the same component opens it too
			}
			opened[name] = true
			out = append(out, Open(in, name, g.Grant.SecurityGroup, own.Output("id"), port, "From "+in.Address))
		}
	}
	return out
}
