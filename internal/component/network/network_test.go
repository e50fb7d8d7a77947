package network_test

import (
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
		"own":       {"vpc: {cidr: 10.0.0.0/16}", "vpc.cidr: this version of deployer makes no VPCs"},
		"own zones": {"vpc: {azs: 3}", "vpc.azs: this version of deployer makes no VPCs"},
		"typo":      {"vpc: {idd: x}", `vpc.idd: unknown key "idd"`},
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
