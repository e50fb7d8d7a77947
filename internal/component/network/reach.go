package network

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ec2"
	"github.com/company/deployer/internal/value"
)

// Need is what the tasks of one component must reach.
type Need struct {
	Services []string // of AWS, by the names of their VPC endpoints: "logs", "ecr.api"
	Internet []string // what only the internet has: the registry of an image
	// Elsewhere: the component chooses its own subnets, so its needs do not matter for those of the Network.
	Elsewhere bool
}

// Demand asks for a network.
func (n Need) Demand() component.Demand { return component.Demand{Address: Address, Data: n} }

// registry is the host of a private ECR registry.
var registry = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)

// Image adds what a pull of the image must reach.
func (n *Need) Image(image string) {
	host, _, found := strings.Cut(image, "/")
	switch {
	case found && registry.MatchString(host):
		n.Services = append(n.Services, "ecr.api", "ecr.dkr", "s3")
	case found && strings.ContainsAny(host, ".:"):
		n.Internet = append(n.Internet, host)
	default:
		n.Internet = append(n.Internet, "docker.io")
	}
}

// endpointOf are the names of endpoints that differ from the service's prefix in IAM; "": without an endpoint.
var endpointOf = map[string]string{
	"kinesis": "kinesis-streams", "elasticfilesystem": "", "rds-db": "", "elasticache": "", "iam": "",
}

// needed returns what components must reach, each with the components that need it. Grants count: whoever may send to a
// queue must reach SQS.
func needed(demands []component.Demand) (services, internet map[string][]string) {
	services, internet = map[string][]string{}, map[string][]string{}
	add := func(to map[string][]string, what, from string) {
		if what != "" && !slices.Contains(to[what], from) {
			to[what] = append(to[what], from)
		}
	}
	for _, d := range demands {
		n, runs := d.Data.(Need)
		if !runs || n.Elsewhere {
			continue
		}
		for _, s := range n.Services {
			add(services, s, d.From)
		}
		for _, host := range n.Internet {
			add(internet, host, d.From)
		}
		for _, g := range d.Granted {
			for _, s := range g.Grant.Statements {
				for _, action := range s.Actions {
					service, _, _ := strings.Cut(action, ":")
					if other, special := endpointOf[service]; special {
						service = other
					}
					add(services, service, d.From)
				}
			}
		}
	}
	return services, internet
}

// Chosen asks for the subnets that one component chooses for its tasks.
func Chosen(in component.Instance, ids []string, need Need, granted []component.Granted) ec2.SubnetsLookup {
	ask := ec2.SubnetsLookup{
		VPCID: value.Expr[string](Output(VPCID)), SubnetIDs: value.Lit(ids), Chosen: true,
	}
	need.Elsewhere = false
	ask.Services, ask.Internet = needed([]component.Demand{{From: in.Address, Data: need, Granted: granted}})
	return ask
}

// DataSubnets are the subnets of a data store: what the Network says, or the ids that the component chooses. zones are
// the same with one subnet of each zone. The lookup is nil when the Network says it.
func DataSubnets(in component.Instance, ids []string) (all, zones value.Value, lookup *resource.Resource) {
	if len(ids) == 0 {
		return Output(DataSubnetIDs), Output(InternalBalancerSubnetIDs), nil
	}
	lookup = in.Data("subnets", ec2.SubnetsLookupType, ec2.SubnetsLookup{
		VPCID: value.Expr[string](Output(VPCID)), SubnetIDs: value.Lit(ids), Data: true,
	})
	return lookup.Output("dataSubnetIds"), lookup.Output("privateZoneSubnetIds"), lookup
}

// ways finds tasks in private subnets that cannot reach what they need. There are no problems with NAT gateways.
func (s *Spec) ways(nat string, demands []component.Demand) []value.Problem {
	if nat != noNAT || s.Tasks == inPublic {
		return nil
	}
	services, internet := needed(demands)
	have := append(expanded(s.VPC.Endpoints), gateways...)
	maps.DeleteFunc(services, func(name string, _ []string) bool { return slices.Contains(have, name) })
	var problems value.Problems
	if len(services) > 0 {
		problems.Bad("vpc.natGateways", "private subnets reach AWS through endpoints alone, and tasks need more of "+
			"them: %s. Add %s to vpc.endpoints, set natGateways: single, or let tasks run in public subnets with "+
			"tasks: public", listed(services), strings.Join(slices.Sorted(maps.Keys(services)), ", "))
	}
	if len(internet) > 0 {
		problems.Bad("vpc.natGateways", "tasks in private subnets do not reach the internet, and their images are "+
			"there: %s. Copy the images to ECR, set natGateways: single, or let tasks run in public subnets with "+
			"tasks: public", listed(internet))
	}
	return problems
}

// listed is a list for people: "logs (web/api, web/worker), sqs (web/worker)".
func listed(needs map[string][]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		out = append(out, fmt.Sprintf("%s (%s)", name, strings.Join(needs[name], ", ")))
	}
	return strings.Join(out, ", ")
}
