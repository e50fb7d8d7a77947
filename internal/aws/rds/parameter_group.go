package rds

import (
	"context"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/rds"
	"github.com/company/deployer/internal/value"
)

type (
	groupCall = resource.Call[model.ParameterGroup, model.GroupOutputs]
	// parameterGroup is the behaviour of both types of parameter groups, on the calls of one of them.
	parameterGroup struct {
		api   *api
		calls groupCalls
	}
)

// which parameters of a group; the zero value: all.
type which struct {
	source  *string // "user" leaves out the engine's defaults
	filters []types.Filter
}

// groupCalls are the calls of one type of parameter groups. describe returns family, description and ARN.
type groupCalls struct {
	what       string // "DB parameter group", for people
	create     func(ctx context.Context, p model.ParameterGroup, tags []types.Tag) (arn string, err error)
	describe   func(ctx context.Context, name string) (model.ParameterGroup, string, error)
	parameters func(ctx context.Context, name string, which which) iter.Seq2[types.Parameter, error]
	modify     func(ctx context.Context, name string, parameters []types.Parameter) error
	reset      func(ctx context.Context, name string, parameters []types.Parameter) error
	delete     func(ctx context.Context, name string) error
}

func newParameterGroup(api *api) resource.Behaviour {
	c := api.client
	return typedGroup(model.ParameterGroupType, "pg", "DBParameterGroup", parameterGroup{api, groupCalls{
		what: "DB parameter group",
		create: func(ctx context.Context, p model.ParameterGroup, tags []types.Tag) (string, error) {
			out, err := c.CreateDBParameterGroup(ctx, &rds.CreateDBParameterGroupInput{
				DBParameterGroupName: &p.Name, DBParameterGroupFamily: &p.Family, Description: &p.Description,
				Tags: tags,
			})
			if err != nil {
				return "", err
			}
			return aws.ToString(out.DBParameterGroup.DBParameterGroupArn), nil
		},
		describe: func(ctx context.Context, name string) (model.ParameterGroup, string, error) {
			out, err := c.DescribeDBParameterGroups(ctx, &rds.DescribeDBParameterGroupsInput{
				DBParameterGroupName: &name,
			})
			if err != nil {
				return model.ParameterGroup{}, "", err
			}
			if len(out.DBParameterGroups) == 0 {
				return model.ParameterGroup{}, "", gone("DescribeDBParameterGroups", "DBParameterGroupNotFound",
					"the DB parameter group "+name)
			}
			g := out.DBParameterGroups[0]
			return model.ParameterGroup{
				Name: aws.ToString(g.DBParameterGroupName), Family: aws.ToString(g.DBParameterGroupFamily),
				Description: aws.ToString(g.Description),
			}, aws.ToString(g.DBParameterGroupArn), nil
		},
		parameters: func(ctx context.Context, name string, which which) iter.Seq2[types.Parameter, error] {
			in := &rds.DescribeDBParametersInput{
				DBParameterGroupName: &name, Source: which.source, Filters: which.filters,
			}
			return call.Each(ctx, c.DescribeDBParameters, in, &in.Marker,
				func(page *rds.DescribeDBParametersOutput) ([]types.Parameter, *string) {
					return page.Parameters, page.Marker
				})
		},
		modify: func(ctx context.Context, name string, parameters []types.Parameter) error {
			_, err := c.ModifyDBParameterGroup(ctx, &rds.ModifyDBParameterGroupInput{
				DBParameterGroupName: &name, Parameters: parameters,
			})
			return err
		},
		reset: func(ctx context.Context, name string, parameters []types.Parameter) error {
			_, err := c.ResetDBParameterGroup(ctx, &rds.ResetDBParameterGroupInput{
				DBParameterGroupName: &name, Parameters: parameters, ResetAllParameters: aws.Bool(false),
			})
			return err
		},
		delete: func(ctx context.Context, name string) error {
			_, err := c.DeleteDBParameterGroup(ctx, &rds.DeleteDBParameterGroupInput{DBParameterGroupName: &name})
			return err
		},
	}})
}

func newClusterParameterGroup(api *api) resource.Behaviour {
	c := api.client
	return typedGroup(model.ClusterParameterGroupType, "cluster-pg", "DBClusterParameterGroup",
		parameterGroup{api, groupCalls{
			what: "DB cluster parameter group",
			create: func(ctx context.Context, p model.ParameterGroup, tags []types.Tag) (string, error) {
				out, err := c.CreateDBClusterParameterGroup(ctx, &rds.CreateDBClusterParameterGroupInput{
					DBClusterParameterGroupName: &p.Name, DBParameterGroupFamily: &p.Family,
					Description: &p.Description, Tags: tags,
				})
				if err != nil {
					return "", err
				}
				return aws.ToString(out.DBClusterParameterGroup.DBClusterParameterGroupArn), nil
			},
			describe: func(ctx context.Context, name string) (model.ParameterGroup, string, error) {
				out, err := c.DescribeDBClusterParameterGroups(ctx, &rds.DescribeDBClusterParameterGroupsInput{
					DBClusterParameterGroupName: &name,
				})
				if err != nil {
					return model.ParameterGroup{}, "", err
				}
				if len(out.DBClusterParameterGroups) == 0 {
					return model.ParameterGroup{}, "", gone("DescribeDBClusterParameterGroups",
						"DBParameterGroupNotFound", "the DB cluster parameter group "+name)
				}
				g := out.DBClusterParameterGroups[0]
				return model.ParameterGroup{
					Name: aws.ToString(g.DBClusterParameterGroupName), Family: aws.ToString(g.DBParameterGroupFamily),
					Description: aws.ToString(g.Description),
				}, aws.ToString(g.DBClusterParameterGroupArn), nil
			},
			parameters: func(ctx context.Context, name string, which which) iter.Seq2[types.Parameter, error] {
				in := &rds.DescribeDBClusterParametersInput{
					DBClusterParameterGroupName: &name, Source: which.source, Filters: which.filters,
				}
				return call.Each(ctx, c.DescribeDBClusterParameters, in, &in.Marker,
					func(page *rds.DescribeDBClusterParametersOutput) ([]types.Parameter, *string) {
						return page.Parameters, page.Marker
					})
			},
			modify: func(ctx context.Context, name string, parameters []types.Parameter) error {
				_, err := c.ModifyDBClusterParameterGroup(ctx, &rds.ModifyDBClusterParameterGroupInput{
					DBClusterParameterGroupName: &name, Parameters: parameters,
				})
				return err
			},
			reset: func(ctx context.Context, name string, parameters []types.Parameter) error {
				_, err := c.ResetDBClusterParameterGroup(ctx, &rds.ResetDBClusterParameterGroupInput{
					DBClusterParameterGroupName: &name, Parameters: parameters, ResetAllParameters: aws.Bool(false),
				})
				return err
			},
			delete: func(ctx context.Context, name string) error {
				_, err := c.DeleteDBClusterParameterGroup(ctx, &rds.DeleteDBClusterParameterGroupInput{
					DBClusterParameterGroupName: &name,
				})
				return err
			},
		}})
}

// typedGroup is one of the two types. arn is the type's part of an ARN; operation ends the names of its calls.
func typedGroup(typ, arn, operation string, g parameterGroup) resource.Behaviour {
	parameters := strings.TrimSuffix(operation, "ParameterGroup") + "Parameters"
	return &resource.Typed[model.ParameterGroup, model.GroupOutputs]{
		Def: resource.Definition{
			Type: typ, Version: 1,
			ReplaceOn:  []string{"family", "description"},
			HashedName: "name", NameLimit: groupNameLimit, NamePlain: true,
			Consequence: groupConsequence, Remark: groupRemark,
			// A new group is not ready for changes at once.
			NotYet: []resource.NotYet{{
				Operations: []string{"rds:Modify" + operation, "rds:Reset" + operation},
				Codes:      []string{"InvalidDBParameterGroupState", "DBParameterGroupNotFound"}, New: true,
			}},
			Permissions: func(s resource.Scope) []resource.Statement {
				return []resource.Statement{{
					On: []string{s.ARN("rds", arn+":"+s.Names(groupNameLimit))},
					Actions: []string{
						"rds:Create" + operation, "rds:Describe" + operation + "s", "rds:Describe" + parameters,
						"rds:Modify" + operation, "rds:Reset" + operation, "rds:Delete" + operation,
						"rds:ListTagsForResource", "rds:AddTagsToResource", "rds:RemoveTagsFromResource",
					},
				}}
			},
		},
		CheckProps: checkParameterGroup, CreateObject: g.create, ReadObject: g.read, UpdateObject: g.update,
		DeleteObject: g.delete, Named: "name", Taggable: true,
	}
}

var (
	familyForm    = regexp.MustCompile(`^(aurora-)?(postgresql|postgres|mysql|mariadb)[0-9]+(\.[0-9]+)?$`)
	parameterForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.-]*$`)
)

func checkParameterGroup(g *model.ParameterGroup) []value.Problem {
	var problems value.Problems
	if !familyForm.MatchString(g.Family) {
		problems.Bad("family", "%q is no family of parameters, such as postgres16", g.Family)
	}
	if n := len(g.Description); n == 0 || n > 255 {
		problems.Bad("description", "must have 1 to 255 characters")
	}
	for _, name := range slices.Sorted(maps.Keys(g.Parameters)) {
		if !parameterForm.MatchString(name) {
			problems.Bad("parameters", "%q is no name of a parameter", name)
		}
	}
	return problems
}

func (g parameterGroup) create(ctx context.Context, c groupCall) (string, model.GroupOutputs, error) {
	arn, err := g.calls.create(ctx, c.Props, tagging.List(tagging.Wanted(c.Tags, c.Props.Tags), tag))
	if err != nil {
		return "", model.GroupOutputs{}, failed(err)
	}
	out := model.GroupOutputs{ARN: arn}
	if err := g.set(ctx, c, nil); err != nil {
		made := c.Props
		made.Parameters = nil
		return "", out, &resource.Unfinished[model.ParameterGroup, model.GroupOutputs]{
			ID: c.Props.Name, Props: made, Out: out, Err: err,
		}
	}
	return c.Props.Name, out, nil
}

// parametersPerCall is how many parameters AWS takes in a call.
const parametersPerCall = 20

// set changes the parameters of a group from old to those of c.Props. Static parameters wait for a reboot.
func (g parameterGroup) set(ctx context.Context, c groupCall, old map[string]string) error {
	var change, reset []string
	for name, text := range c.Props.Parameters {
		if before, had := old[name]; !had || before != text {
			change = append(change, name)
		}
	}
	for name := range old {
		if _, stays := c.Props.Parameters[name]; !stays {
			reset = append(reset, name)
		}
	}
	if len(change)+len(reset) == 0 {
		return nil
	}
	known, err := g.known(ctx, c.Props.Name, append(slices.Clone(change), reset...))
	if err != nil {
		return err
	}
	slices.Sort(change)
	slices.Sort(reset)
	if err := g.inParts(ctx, c, change, known, g.calls.modify); err != nil {
		return err
	}
	return g.inParts(ctx, c, reset, known, g.calls.reset)
}

func (g parameterGroup) inParts(ctx context.Context, c groupCall, names []string, known map[string]types.Parameter,
	send func(context.Context, string, []types.Parameter) error,
) error {
	for part := range slices.Chunk(names, parametersPerCall) {
		var parameters []types.Parameter
		for _, name := range part {
			p := types.Parameter{ParameterName: aws.String(name), ApplyMethod: types.ApplyMethodImmediate}
			if text, set := c.Props.Parameters[name]; set {
				p.ParameterValue = aws.String(text)
			}
			if aws.ToString(known[name].ApplyType) != "dynamic" {
				p.ApplyMethod = types.ApplyMethodPendingReboot
			}
			parameters = append(parameters, p)
		}
		if err := send(ctx, c.Props.Name, parameters); err != nil {
			return failed(err)
		}
	}
	return nil
}

// known returns what AWS knows of these parameters: how they are applied. An unknown one is the user's mistake, about
// which AWS's answer to the change says more.
func (g parameterGroup) known(ctx context.Context, group string, names []string) (map[string]types.Parameter, error) {
	found, err := g.list(ctx, group, nil, names)
	out := make(map[string]types.Parameter, len(found))
	for _, p := range found {
		out[aws.ToString(p.ParameterName)] = p
	}
	return out, err
}

// list returns parameters of a group: those with that source, and of these the ones with the names. Nil: all.
func (g parameterGroup) list(
	ctx context.Context, group string, source *string, names []string,
) ([]types.Parameter, error) {
	var filters []types.Filter
	if names != nil {
		filters = []types.Filter{{Name: aws.String("parameter-name"), Values: names}}
	}
	var out []types.Parameter
	for p, err := range g.calls.parameters(ctx, group, which{source, filters}) {
		if err != nil {
			return nil, failed(err)
		}
		if names == nil || slices.Contains(names, aws.ToString(p.ParameterName)) { // some emulators do not filter
			out = append(out, p)
		}
	}
	return out, nil
}

func (g parameterGroup) read(ctx context.Context, c groupCall) (model.ParameterGroup, model.GroupOutputs, error) {
	found, arn, err := g.calls.describe(ctx, c.ID)
	if err != nil {
		return found, model.GroupOutputs{}, failed(err)
	}
	var tags, set map[string]string
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { tags, err = g.api.tags(ctx, arn); return err })
	both.Go(func() (err error) { set, err = g.values(ctx, c); return err })
	if err := both.Wait(); err != nil {
		return found, model.GroupOutputs{}, err
	}
	found.Tags, found.Parameters = tagging.Seen(c.Request, tags), set
	return found, model.GroupOutputs{ARN: arn}, nil
}

// values are the parameters that were set by somebody, and those that the manifest has or had; nil: none. AWS does not
// count a parameter as set whose value is the engine's default.
func (g parameterGroup) values(ctx context.Context, c groupCall) (map[string]string, error) {
	names := slices.Sorted(maps.Keys(c.Old.Parameters))
	for name := range c.Props.Parameters {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var changed, named []types.Parameter
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { changed, err = g.list(ctx, c.ID, aws.String("user"), nil); return err })
	if len(names) > 0 {
		both.Go(func() (err error) { named, err = g.list(ctx, c.ID, nil, names); return err })
	}
	if err := both.Wait(); err != nil {
		return nil, err
	}
	var set map[string]string
	for _, p := range append(changed, named...) {
		if p.ParameterValue == nil {
			continue
		}
		if set == nil {
			set = map[string]string{}
		}
		set[aws.ToString(p.ParameterName)] = aws.ToString(p.ParameterValue)
	}
	return set, nil
}

func (g parameterGroup) update(ctx context.Context, c groupCall) (model.GroupOutputs, error) {
	if err := g.set(ctx, c, c.Old.Parameters); err != nil {
		return c.Out, err
	}
	return c.Out, g.api.retag(ctx, c.Out.ARN, c.Old.Tags, tagging.Wanted(c.Tags, c.Props.Tags))
}

func (g parameterGroup) delete(ctx context.Context, c groupCall) error {
	return call.Wait(ctx, freed, "no database uses the "+g.calls.what+" "+c.ID+" any more",
		func(ctx context.Context) (bool, error) {
			err := g.calls.delete(ctx, c.ID)
			if call.HasCode(err, "InvalidDBParameterGroupState") {
				return false, nil
			}
			return err == nil, failed(err)
		})
}
