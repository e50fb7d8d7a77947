package network_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/testkit/componenttest"
)

func TestGolden(t *testing.T) { componenttest.Golden(t, kinds.Registry()) }

func TestCheck(t *testing.T) {
	for name, c := range map[string][2]string{
		"by id":     {"vpc: {id: vpc-0123456789abcdef0}", ""},
		"default":   {"vpc: {default: true}\nsubnets: {ids: [subnet-01234567, subnet-89abcdef]}", ""},
		"both":      {"vpc: {default: true, id: vpc-01234567}", "vpc.id: cannot be given together with default"},
		"no id":     {"vpc: {id: main}", `vpc.id: "main" is not the id of a VPC`},
		"own":       {"vpc: {cidr: 10.0.0.0/16}", ""},
		"own zones": {"vpc: {azs: 3}", "vpc.azs: "},
		"own or id": {"vpc: {cidr: 10.0.0.0/16, id: vpc-01234567}", "vpc.id: cannot be given together with cidr"},
		"own or default": {
			"vpc: {cidr: 10.0.0.0/16, default: true}", "vpc.default: cannot be given together with cidr",
		},
		"no network":    {"vpc: {cidr: large}", `vpc.cidr: "large" is no IPv4 network`},
		"IPv6":          {"vpc: {cidr: \"2001:db8::/56\"}", `vpc.cidr: "2001:db8::/56" is no IPv4 network`},
		"bits too many": {"vpc: {cidr: 10.0.0.1/16}", "vpc.cidr: 10.0.0.1/16 has bits after its prefix"},
		"too large":     {"vpc: {cidr: 10.0.0.0/8}", "vpc.cidr: 10.0.0.0/8 is too large: AWS allows /16 at most"},
		"too small":     {"vpc: {cidr: 10.0.0.0/23}", "vpc.cidr: 10.0.0.0/23 is too small"},
		"reserved":      {"vpc: {cidr: 127.1.0.0/16}", "vpc.cidr: AWS allows no VPC in 127.1.0.0/16"},
		"one zone":      {"vpc: {cidr: 10.0.0.0/16, azs: 1}", "vpc.azs: must be from 2 to 6, but is 1"},
		"one zone by name": {
			"vpc: {cidr: 10.0.0.0/16, zones: [eu-west-1a]}", "vpc.zones: must have at least 2 items, but has 1",
		},
		"zone twice":      {"vpc: {cidr: 10.0.0.0/16, zones: [eu-west-1a, eu-west-1a]}", "vpc.zones.1: "},
		"count and names": {"vpc: {cidr: 10.0.0.0/16, azs: 2, zones: [eu-west-1a, eu-west-1b]}", "vpc.azs: "},
		"zone of another region": {
			"vpc: {cidr: 10.0.0.0/16, zones: [eu-west-1a, us-east-1b]}",
			"vpc.zones.1: the zone us-east-1b is not in the region eu-west-1",
		},
		"zones of two regions": {
			"vpc: {cidr: 10.0.0.0/16, zones: [euw1-az1, use1-az2]}",
			"vpc.zones.1: euw1-az1 and use1-az2 are in different regions",
		},
		"too large, with bits": {"vpc: {cidr: 10.1.0.0/8}", "vpc.cidr: 10.1.0.0/8 is too large"},
		"names and ids": {
			"vpc: {cidr: 10.0.0.0/16, zones: [eu-west-1a, euw1-az2]}",
			"vpc.zones.1: give all zones by name or all by id",
		},
		"ids":            {"vpc: {cidr: 10.0.0.0/16, zones: [euw1-az1, euw1-az2]}", ""},
		"no zone":        {"vpc: {cidr: 10.0.0.0/16, zones: [eu-west-1a, b]}", `vpc.zones.1: "b" is not the name or the id`},
		"NAT alone":      {"vpc: {natGateways: single}", "vpc.natGateways: "},
		"NAT elsewhere":  {"vpc: {id: vpc-01234567, natGateways: single}", "vpc.natGateways: "},
		"NAT":            {"vpc: {cidr: 10.0.0.0/16, natGateways: one}", `vpc.natGateways: "one" is not`},
		"endpoints":      {"vpc: {cidr: 10.0.0.0/16, endpoints: [ecr, ecr.api]}", "vpc.endpoints.1: ecr stands for"},
		"free endpoints": {"vpc: {cidr: 10.0.0.0/16, endpoints: [s3]}", "vpc.endpoints.0: s3 always has"},
		"subnets": {
			"vpc: {cidr: 10.0.0.0/16}\nsubnets: {tags: {a: b}}", "subnets: chooses subnets of an existing VPC",
		},
		"public range": {"vpc: {cidr: 8.8.0.0/16}", "vpc.cidr: 8.8.0.0/16 is outside the private ranges"},
		"typo":         {"vpc: {idd: x}", `vpc.idd: unknown key "idd"`},
		"ids or tags": {
			"subnets: {ids: [subnet-01234567, subnet-89abcdef], tags: {a: b}}",
			"subnets.ids: cannot be given together with tags",
		},
		"one subnet": {"subnets: {ids: [subnet-01234567]}", "subnets.ids: must have at least 2 items, but has 1"},
		"no subnet": {
			"subnets: {ids: [subnet-01234567, private]}",
			`subnets.ids.1: "private" is not the id of a subnet`,
		},
		"twice": {"subnets: {ids: [subnet-01234567, subnet-01234567]}", "subnets.ids.1: "},
	} {
		t.Run(name, func(t *testing.T) {
			spec := "      " + strings.ReplaceAll(c[0], "\n", "\n      ")
			got := componenttest.Problems(t, kinds.Registry(),
				"components:\n  infra/network:\n    kind: Network\n    spec:\n"+spec+"\n")
			switch {
			case c[1] == "" && len(got) == 0:
			case c[1] == "" || len(got) != 1 || !strings.HasPrefix(got[0], "infra/network: "+c[1]):
				t.Errorf("got %v, want %s", got, c[1])
			}
		})
	}
}

const isolated = `
components:
  infra/network:
    kind: Network
    spec: {vpc: {cidr: 10.0.0.0/16, natGateways: none, endpoints: [logs%s]}%s}
  web/queue: {kind: SQS}
  web/worker:
    kind: Worker
    spec:
      image: "%s"
      exec: true
      uses: {web/queue: [receive]}
`

// Tasks in private subnets without a way out need an endpoint for everything that they reach.
func TestWaysOut(t *testing.T) {
	const ecr, hub = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/worker:1", "public.ecr.aws/shop/worker:1"
	for name, c := range map[string]struct{ endpoints, tasks, image, want string }{
		"missing": {
			"", "", ecr, "vpc.natGateways: private subnets reach AWS through endpoints alone, and tasks need more of " +
				"them: ecr.api (web/worker), ecr.dkr (web/worker), sqs (web/worker), ssmmessages (web/worker). Add " +
				"ecr.api, ecr.dkr, sqs, ssmmessages to vpc.endpoints",
		},
		"there": {", ecr, sqs, ssmmessages", "", ecr, ""},
		"image": {
			", sqs, ssmmessages", "", hub, "vpc.natGateways: tasks in private subnets do not reach the internet",
		},
		"in the public subnets": {"", ", tasks: public", hub, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := componenttest.Problems(t, kinds.Registry(), fmt.Sprintf(isolated, c.endpoints, c.tasks, c.image))
			switch {
			case c.want == "" && len(got) == 0:
			case c.want == "" || len(got) != 1 || !strings.HasPrefix(got[0], "infra/network: "+c.want):
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}
