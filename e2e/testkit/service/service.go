// Package service holds what the test kit knows of AWS's services, one file per service: where the emulator answers
// otherwise than AWS, which answers come late, which objects there are, what IAM checks, and what a person may change
// by hand.
//
// In: a proxy, an SDK configuration. Out: handlers on the proxy; inventories; rules of IAM; data for the tests that try
// every service. The packages beside it (proxy, inventory, late, access) are mechanisms, and know no service.
//
// What it must not do: know the product, except the names of resource types and of their properties in Types, or store
// what the emulator stores.
//
// A new service is a new file: var _ = register(Service{...}).
package service

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/ecsfake"
	"github.com/company/deployer/e2e/testkit/elasticachefake"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// Service is what the test kit knows of one service. All fields but Name may be empty.
type Service struct {
	Name string // in signatures: "elasticloadbalancing"
	ID   string // the SDK's name of it, where it has other letters: "CloudWatch Logs"
	// NameBy are the parameters that name the object of a call, for records and faults; see proxy.NameBy.
	NameBy []string
	// Fix makes the emulator answer as AWS does, where the product depends on the difference.
	Fix func(*proxy.Proxy)
	// Tags are the rules of tags; see keepFiftyTags.
	Tags Tags
	// Late are the objects that other services do not know at once.
	Late []late.Class
	// Inventory lists all objects.
	Inventory inventory.Source
	// Access is what IAM checks. Its Prefix is Name when empty.
	Access access.Rules
	// Unasked are actions in the printed policy of the example that its life does not use, each with the reason. The
	// reasons of the types' own declarations are in docs/reference/permissions.md; the conformance suite of the types
	// tests that an action which is used only now and then is used at all.
	Unasked map[string]string
	// UnaskedOn are the same for objects: parts of their ARNs.
	UnaskedOn map[string]string
	// Mistaken are operations that the emulator allows otherwise than AWS, each with the reason.
	Mistaken map[string]string
	// Types are the product's resource types, each with what a person may change by hand.
	Types map[string]ByHand
	// Canary stores a secret in the service, and returns the reference to it for the secrets of a manifest.
	Canary func(ctx context.Context, cfg aws.Config, secret string) (reference string, err error)
}

// ForCaller is the reason of an action that the product never calls itself.
const ForCaller = "AWS makes the call in the name of the caller"

// ByHand is how a person changes an object of a resource type without the product.
type ByHand struct {
	Property string // which is changed; "": only tags can be
	To       any    // its new value; nil: the test makes it
	Needed   bool   // AWS does not delete it while others use it
	Indexed  bool   // a plan without --refresh only looks it up in the tag index
	OwnVPC   bool   // it is a part of a VPC of the stack's own
	Untried  string // the reason why it is not tried
}

var registry = map[string]Service{}

func register(s Service) bool {
	if _, twice := registry[s.Name]; twice {
		panic("the test kit has two files for " + s.Name)
	}
	s.Access.Prefix = cmp.Or(s.Access.Prefix, s.Name)
	registry[s.Name] = s
	return true
}

// all are the services by name.
func all() []Service {
	out := slices.Collect(maps.Values(registry))
	slices.SortFunc(out, func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Fakes are what tests control of the services that Install installs.
type Fakes struct {
	ECS   *ecsfake.Fake
	Cache *elasticachefake.Fake
	Late  *late.Late // turned off
}

// Install makes the proxy answer as AWS does.
func Install(p *proxy.Proxy) *Fakes {
	keepFiftyTags(p)
	var classes []late.Class
	for _, s := range all() {
		p.NameBy(s.Name, s.NameBy...)
		if s.Fix != nil {
			s.Fix(p)
		}
		classes = append(classes, s.Late...)
	}
	return &Fakes{
		ECS:   ecsfake.Install(p, ecsfake.Options{}),
		Cache: elasticachefake.Install(p),
		Late:  late.Install(p, classes),
	}
}

// Inventory returns all objects in an account and region, sorted, without stateBucket.
func Inventory(ctx context.Context, cfg aws.Config, stateBucket string) ([]inventory.Object, error) {
	var sources []inventory.Source
	for _, s := range all() {
		sources = append(sources, s.Inventory)
	}
	return inventory.List(ctx, cfg, stateBucket, sources)
}

// Rules are what IAM knows of a service, by its name in signatures. For a service without a file, only a statement for
// everything allows a call.
func Rules(name string) *access.Rules {
	s, known := registry[name]
	if !known {
		s.Access.Prefix = name
	}
	return &s.Access
}

// RulesOf are the same by the SDK's name of the service.
func RulesOf(id string) *access.Rules {
	for _, s := range registry {
		if s.ID == id {
			return Rules(s.Name)
		}
	}
	return Rules(strings.ReplaceAll(strings.ToLower(id), " ", ""))
}

// Unasked returns those of all services.
func Unasked() map[string]string {
	return merged(func(s Service) map[string]string { return s.Unasked })
}

// UnaskedOn returns the reason why the life of the example uses nothing on such objects; "": it should.
func UnaskedOn(arn string) string {
	for _, s := range all() {
		for part, reason := range s.UnaskedOn {
			if strings.HasPrefix(arn, "arn:aws:"+s.Access.Prefix+":") && strings.Contains(arn, part) {
				return reason
			}
		}
	}
	return ""
}

// Mistaken returns those of all services.
func Mistaken() map[string]string {
	return merged(func(s Service) map[string]string { return s.Mistaken })
}

// Types returns those of all services.
func Types() map[string]ByHand { return merged(func(s Service) map[string]ByHand { return s.Types }) }

func merged[T any](of func(Service) map[string]T) map[string]T {
	out := map[string]T{}
	for _, s := range registry {
		maps.Copy(out, of(s))
	}
	return out
}

// Canaries stores a secret in each service that keeps some, and returns the references by the service's name.
func Canaries(ctx context.Context, cfg aws.Config, secret func(where string) string) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range all() {
		if s.Canary == nil {
			continue
		}
		reference, err := s.Canary(ctx, cfg, secret(s.Name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		out[s.Name] = reference
	}
	return out, nil
}
