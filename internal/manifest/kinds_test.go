package manifest

import (
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/expr"
	"github.com/company/deployer/internal/value"
)

// The kinds of these tests have just enough fields for every rule of the stage.

const componentGroup = "components.deployer.io/v1"

type serviceLike struct {
	component.Common
	component.Using
	Image       value.Of[string]            `json:"image" required:"true"`
	CPU         int                         `json:"cpu"`
	Ports       []port                      `json:"ports"`
	Environment map[string]value.Of[string] `json:"environment" scalar:"text"`
	Secrets     map[string]value.Of[string] `json:"secrets"`
	Scaling     *scaling                    `json:"scaling"`
	Spot        bool                        `json:"spot"`
	Command     []string                    `json:"command"`
}

type port struct {
	Name string `json:"name"`
	Port int    `json:"port" required:"true"`
}

type scaling struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

type databaseLike struct {
	component.Common
	Engine  string             `json:"engine" required:"true" enum:"postgres,mysql"`
	Version string             `json:"version" scalar:"text"`
	Subnets value.Of[[]string] `json:"subnets"`
}

type queueLike struct {
	component.Common
	Fifo bool `json:"fifo"`
}

type networkLike struct {
	component.Common
	VPC map[string]value.Value `json:"vpc"`
}

func define[S any](
	name, group, synthetic string, outputs, verbs []string, check func(component.Instance, *S) []value.Problem,
) component.Kind {
	return component.Define(component.Definition[S]{
		Name: name, Group: group, Synthetic: synthetic, Outputs: outputs,
		Verbs: verbs, Check: check,
	})
}

func kinds() *component.Registry {
	ports := func(_ component.Instance, s *serviceLike) []value.Problem {
		if s.Scaling != nil && s.Scaling.Min > s.Scaling.Max {
			return []value.Problem{{
				Kind: value.BadValue, Path: []string{"scaling", "min"},
				Message: "min is greater than max",
			}}
		}
		return nil
	}
	return component.NewRegistry(
		define("MicroService", componentGroup, "", []string{"url", "internalUrl"}, []string{"connect"}, ports),
		define[databaseLike]("RDS", componentGroup, "", []string{"endpoint", "port", "username"}, []string{"connect"},
			nil),
		define[queueLike]("SQS", componentGroup, "", []string{"url", "arn"}, []string{"send", "receive"}, nil),
		define[queueLike]("ElastiCache", componentGroup, "", []string{"endpoint"}, nil, nil),
		define[networkLike]("Network", infraGroup, "infra/network", []string{"vpcId", "privateSubnetIds"}, nil, nil),
		define[queueLike]("Cluster", "", "infra/cluster", nil, nil, nil),
	)
}

// options are the options of most tests.
func options(environment string) Options {
	return Options{
		Environment: environment, Strict: true, Registry: kinds(), Region: "us-east-1",
		Compile: func() Compiler { return expr.NewCompiler() },
		Git: func() map[string]string {
			return map[string]string{"commit": strings.Repeat("ab", 20), "short": "abababa"}
		},
	}
}

const (
	stackYAML = "apiVersion: core.deployer.io/v1\nkind: Stack\nmetadata: {name: shop}\n"
	head      = "apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: queue}\nspec:\n"
)
