package container

import (
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/value"
)

// privateImage is an image in a private ECR repository, at its IPv4 or its dual-stack endpoint: account, region,
// repository.
var privateImage = regexp.MustCompile(
	`^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.(?:aws|amazonwebservices\.com\.cn))/([^:@]+)`,
)

// role makes an IAM role that only ECS tasks of this account and region can assume.
func role(in component.Instance, name, description string) *resource.Resource {
	return in.Resource(name, iam.RoleType, iam.Role{
		Name:        in.Prefix(name, in.Region), // role names are unique in the account, across regions
		Description: description,
		AssumeRolePolicy: value.NewMap(map[string]value.Value{
			"Version": value.NewString("2012-10-17"),
			"Statement": value.NewList(value.NewMap(map[string]value.Value{
				"Effect": value.NewString("Allow"),
				"Action": value.NewString("sts:AssumeRole"),
				"Principal": value.NewMap(map[string]value.Value{
					"Service": value.NewString("ecs-tasks.amazonaws.com"),
				}),
				"Condition": value.NewMap(map[string]value.Value{
					"StringEquals": value.NewMap(map[string]value.Value{
						"aws:SourceAccount": value.NewString(in.Account),
					}),
					"ArnLike": value.NewMap(map[string]value.Value{
						"aws:SourceArn": value.NewString(in.ARN("ecs", "*")),
					}),
				}),
			})),
		}),
	})
}

// policy gives a role an inline policy.
func policy(
	in component.Instance, name string, role *resource.Resource, statements []component.Statement,
) *resource.Resource {
	return in.Resource(name, iam.RolePolicyType, iam.RolePolicy{
		Role: value.Expr[string](role.Output("name")), Name: name, Policy: component.Statements(merge(statements)...),
	})
}

// merge joins statements that allow the same under the same conditions. All inline policies of a role together may have
// at most 10240 characters.
func merge(statements []component.Statement) []component.Statement {
	var out []component.Statement
	for _, s := range statements {
		i := slices.IndexFunc(out, func(o component.Statement) bool {
			return slices.Equal(o.Actions, s.Actions) &&
				value.Equal(value.Encode(o.Conditions), value.Encode(s.Conditions))
		})
		resources := s.Resources
		if i < 0 {
			s.Resources = nil
			i, out = len(out), append(out, s)
		}
		for _, r := range resources {
			if !slices.ContainsFunc(out[i].Resources, func(o value.Value) bool { return value.Equal(o, r) }) {
				out[i].Resources = append(out[i].Resources, r)
			}
		}
	}
	return out
}

// executionStatements are what ECS itself needs to start the tasks: write logs, pull images, read the named secrets.
func (s *Spec) executionStatements(
	in component.Instance, logGroup *resource.Resource, read []readable,
) []component.Statement {
	statements := []component.Statement{{
		Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resources: []value.Value{value.Concat(logGroup.Output("arn"), ":*")},
	}}
	statements = append(statements, s.pullStatements(in)...)
	for _, kind := range []struct{ action, service string }{{readSecret, "secretsmanager"}, {readParameter, "ssm"}} {
		var arns []value.Value
		for _, r := range read {
			if r.action == kind.action {
				arns = append(arns, r.resource)
			}
		}
		if len(arns) == 0 {
			continue
		}
		statements = append(statements, component.Statement{Actions: []string{kind.action}, Resources: arns})
		// A secret under a customer managed key needs this too. The key can change without deployer, so the statement
		// allows any key, but only through the service, which returns only the secrets above. Naming the secrets again
		// would double the policy, whose length IAM limits.
		var homes []home
		for _, arn := range arns {
			at := homeOf(in, arn)
			if slices.Contains(homes, at) {
				continue
			}
			homes = append(homes, at)
			there := component.Instance{Account: at.account, Region: at.region}
			keys := there.ARN("kms", "key/*")
			statements = append(statements, component.Statement{
				Actions: []string{"kms:Decrypt"}, Resources: []value.Value{value.NewString(keys)},
				Conditions: map[string]map[string]value.Value{"StringEquals": {
					"kms:ViaService": value.NewString(there.Host(kind.service)),
				}},
			})
		}
	}
	return statements
}

// home is the account and region of a secret and of its KMS key.
type home struct{ account, region string }

// homeOf reads the home from an ARN. An ARN that is not known yet gets the instance's home.
func homeOf(in component.Instance, arn value.Value) home {
	if parts := strings.Split(arn.Str(), ":"); len(parts) > 5 {
		return home{account: parts[4], region: parts[3]}
	}
	return home{account: in.Account, region: in.Region}
}

// pullStatements allow pulling from the private ECR repositories of the images. Other registries need no statement.
func (s *Spec) pullStatements(in component.Instance) []component.Statement {
	images := []value.Of[string]{s.Image}
	for _, c := range s.Sidecars {
		images = append(images, c.Image)
	}
	var repositories, cached []value.Value
	for _, image := range images {
		arn := in.ARN("ecr", "repository/*") // an unknown image comes from a repository of this account
		if image.Known() {
			m := privateImage.FindStringSubmatch(image.Get())
			if m == nil {
				continue
			}
			there := component.Instance{Account: m[1], Region: m[2]}
			arn = there.ARN("ecr", "repository/"+m[3])
			if strings.Contains(m[3], "/") {
				cached = append(cached, value.NewString(arn))
			}
		}
		repositories = append(repositories, value.NewString(arn))
	}
	if len(repositories) == 0 {
		return nil
	}
	statements := []component.Statement{
		// AWS has no narrower resource
		{Actions: []string{"ecr:GetAuthorizationToken"}, Resources: []value.Value{value.NewString("*")}},
		{
			Actions:   []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
			Resources: repositories,
		},
	}
	if len(cached) > 0 {
		// The prefix may be that of a pull-through cache. Its first pull of an image creates the repository and imports
		// the image.
		statements = append(statements,
			component.Statement{
				Actions:   []string{"ecr:BatchImportUpstreamImage", "ecr:CreateRepository"},
				Resources: cached,
			})
	}
	return statements
}

// taskStatements are what the containers may do: the grants of `uses`, and shells if wanted.
func (s *Spec) taskStatements(granted []component.Granted) []component.Statement {
	var statements []component.Statement
	for _, g := range granted {
		statements = append(statements, g.Grant.Statements...)
	}
	if s.Exec {
		statements = append(statements, component.Statement{
			Actions: []string{
				"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
				"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
			},
			Resources: []value.Value{value.NewString("*")}, // AWS has no narrower resource
		})
	}
	return statements
}
