package servicediscovery

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/servicediscovery"
	"github.com/company/deployer/internal/value"
)

type (
	serviceCall = resource.Call[model.Service, model.ServiceOutputs]
	service     struct{ api *api }
)

func newService(api *api) resource.Behaviour {
	s := service{api}
	return &resource.Typed[model.Service, model.ServiceOutputs]{
		Def: resource.Definition{
			Type: model.ServiceType, Version: 1,
			// Others look up the name, so two services of one name cannot exist in one namespace. In different
			// namespaces they can, and must: AWS does not delete a service in which ECS still registers tasks.
			ReplaceOn: []string{"name", "namespaceId", "routingPolicy", "customHealth"}, DeleteBeforeReplace: true,
			FoundBy: []string{"namespaceId"},
			Beside:  resource.AnyOf("name", "namespaceId"),
			NotYet: []resource.NotYet{
				{
					Operations: []string{"servicediscovery:CreateService"}, Codes: []string{"NamespaceNotFound"},
					Within: 30 * time.Second,
				},
			},
			FindFirst: true, // a repeated CreatorRequestId answers the existing service as if it were new
			// The name resolves to nothing in between.
			Consequence: resource.Causes(plan.Downtime, "routingPolicy", "customHealth"),
			Lasts:       resource.Always("until its tasks are registered again"),
			Permissions: servicePermissions,
		},
		CheckProps: checkService, CreateObject: s.create, ReadObject: s.read, UpdateObject: s.update,
		DeleteObject: s.delete,
		InTheWay:     s.inTheWay, Find: s.find, Marked: s.marked, Taggable: true,
	}
}

var serviceName = regexp.MustCompile(
	`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`)

func checkService(p *model.Service) []value.Problem {
	var problems value.Problems
	if len(p.Name) > 127 || !serviceName.MatchString(p.Name) {
		problems.Bad("name", "%q is not a Cloud Map name: use labels of up to 63 letters, digits, hyphens and "+
			"underscores, with dots between, 127 in all", p.Name)
	}
	if p.TTL == 0 {
		p.TTL = 10
	}
	if p.TTL < 1 || p.TTL > 2147483647 {
		problems.Bad("ttl", "must be at least 1 second, but is %d", p.TTL)
	}
	if p.RoutingPolicy == "" {
		p.RoutingPolicy = string(types.RoutingPolicyMultivalue)
	}
	if p.CustomHealth == nil {
		p.CustomHealth = aws.Bool(true)
	}
	return problems
}

func records(p model.Service) []types.DnsRecord {
	return []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(int64(p.TTL))}}
}

func (s service) create(ctx context.Context, c serviceCall) (string, model.ServiceOutputs, error) {
	in := &servicediscovery.CreateServiceInput{
		Name: &c.Props.Name, NamespaceId: aws.String(c.Props.NamespaceID.Get()),
		CreatorRequestId: call.Token(c.Token, 64),
		DnsConfig: &types.DnsConfig{
			DnsRecords:    records(c.Props),
			RoutingPolicy: types.RoutingPolicy(c.Props.RoutingPolicy),
		},
		Tags: tagList(c.Request, c.Props.Tags),
	}
	if aws.ToBool(c.Props.CustomHealth) {
		in.HealthCheckCustomConfig = &types.HealthCheckCustomConfig{FailureThreshold: aws.Int32(1)} //nolint:staticcheck // the only value, and older regions want it
	}
	made, err := s.api.client.CreateService(ctx, in)
	if err != nil {
		return "", model.ServiceOutputs{}, failed(err)
	}
	if made.Service == nil {
		return "", model.ServiceOutputs{}, errors.New("servicediscovery:CreateService answered without a service")
	}
	return aws.ToString(made.Service.Id), serviceOutputs(made.Service), nil
}

func serviceOutputs(s *types.Service) model.ServiceOutputs {
	return model.ServiceOutputs{ARN: aws.ToString(s.Arn), ID: aws.ToString(s.Id), Name: aws.ToString(s.Name)}
}

func (s service) get(ctx context.Context, id *string) (*types.Service, error) {
	found, err := s.api.client.GetService(ctx, &servicediscovery.GetServiceInput{Id: id})
	if err != nil {
		return nil, failed(err)
	}
	return found.Service, nil
}

func (s service) find(ctx context.Context, c serviceCall) (string, map[string]string, error) {
	all, err := s.named(ctx, c.Props.Name, types.ServiceFilter{
		Name: types.ServiceFilterNameNamespaceId, Values: []string{c.Props.NamespaceID.Get()},
	})
	if err != nil {
		return "", nil, err
	}
	if len(all) == 0 {
		return "", nil, missing("Cloud Map service", c.Props.Name)
	}
	return all[0].ID, all[0].Tags, nil
}

func (s service) marked(ctx context.Context, c serviceCall) ([]resource.Found, error) {
	return s.named(ctx, c.Props.Name)
}

// named lists the services of a name.
func (s service) named(ctx context.Context, name string, filters ...types.ServiceFilter) ([]resource.Found, error) {
	var out []resource.Found
	in := &servicediscovery.ListServicesInput{Filters: filters}
	for found, err := range call.Each(ctx, s.api.client.ListServices, in, &in.NextToken,
		func(page *servicediscovery.ListServicesOutput) ([]types.ServiceSummary, *string) {
			return page.Services, page.NextToken
		}) {
		if err != nil {
			return nil, failed(err)
		}
		if aws.ToString(found.Name) != name {
			continue
		}
		tags, err := s.api.tagsOf(ctx, found.Arn)
		if errors.Is(err, resource.ErrNotFound) {
			continue // deleted a moment ago
		}
		if err != nil {
			return nil, err
		}
		out = append(out, resource.Found{ID: aws.ToString(found.Id), Tags: tags})
	}
	return out, nil
}

func (s service) read(ctx context.Context, c serviceCall) (model.Service, model.ServiceOutputs, error) {
	found, tags, err := withTags(ctx, s.api, c.Out.ARN, func(ctx context.Context) (*types.Service, *string, error) {
		found, err := s.get(ctx, &c.ID)
		if err != nil {
			return nil, nil, err
		}
		return found, found.Arn, nil
	})
	if err != nil {
		return model.Service{}, model.ServiceOutputs{}, err
	}
	p := model.Service{
		Name: aws.ToString(found.Name), NamespaceID: value.Lit(aws.ToString(found.NamespaceId)),
		CustomHealth: aws.Bool(found.HealthCheckCustomConfig != nil),
	}
	if d := found.DnsConfig; d != nil {
		p.RoutingPolicy = string(d.RoutingPolicy)
		for _, record := range d.DnsRecords {
			if record.Type == types.RecordTypeA {
				p.TTL = int(aws.ToInt64(record.TTL))
			}
		}
	}
	p.Tags = tagging.Seen(c.Request, tags)
	return p, serviceOutputs(found), nil
}

func (s service) update(ctx context.Context, c serviceCall) (model.ServiceOutputs, error) {
	if c.Old.TTL != c.Props.TTL {
		out, err := s.api.client.UpdateService(ctx, &servicediscovery.UpdateServiceInput{
			Id: &c.ID, Service: &types.ServiceChange{DnsConfig: &types.DnsConfigChange{DnsRecords: records(c.Props)}},
		})
		var started *string
		if out != nil {
			started = out.OperationId
		}
		if started, err = operation(started, err); err != nil {
			return c.Out, failed(err)
		}
		if _, err := s.api.wait(ctx, "UpdateService", started); err != nil {
			return c.Out, err
		}
	}
	return c.Out, s.api.retag(ctx, c.Request, c.Out.ARN, c.Old.Tags, c.Props.Tags)
}

// deregister is the advice when a delete has waited in vain for ECS to deregister the instances.
func deregister(id string) string {
	return "instances are still registered: see `aws servicediscovery list-instances --service-id " + id +
		"`, and deregister those that are left"
}

// inTheWay finds instances that ECS did not register, and therefore does not deregister. If the service is replaced in
// its place, it also finds the tasks that ECS has registered: they stay, because their ECS service is not deleted.
func (s service) inTheWay(ctx context.Context, c serviceCall, stack resource.Neighbours) ([]plan.Obstacle, error) {
	inPlace := slices.ContainsFunc(stack.Replaced, func(name string) bool {
		return name != "name" && name != "namespaceId" // a new place: the tasks move before the delete
	})
	var foreign, users []string
	in := &servicediscovery.ListInstancesInput{ServiceId: &c.ID}
	for i, err := range call.Each(ctx, s.api.client.ListInstances, in, &in.NextToken,
		func(page *servicediscovery.ListInstancesOutput) ([]types.InstanceSummary, *string) {
			return page.Instances, page.NextToken
		}) {
		if err != nil {
			return nil, failed(err)
		}
		user := i.Attributes["ECS_SERVICE_NAME"]
		switch {
		case user == "":
			foreign = append(foreign, aws.ToString(i.Id))
		case inPlace && !slices.ContainsFunc(stack.Going, func(id string) bool {
			return strings.HasSuffix(id, ":service/"+i.Attributes["ECS_CLUSTER_NAME"]+"/"+user)
		}):
			users = append(users, user)
		}
	}
	var out []plan.Obstacle
	if slices.Sort(users); len(users) > 0 {
		out = append(out, plan.Obstacle{
			What: "Cloud Map cannot change " + strings.Join(stack.Replaced, " and ") +
				", and does not delete the service " + c.Old.Name + " while tasks of the ECS service " +
				strings.Join(slices.Compact(users), ", ") +
				" are registered in it",
			Next: "keep the present value, or give the component another name",
		})
	}
	if len(foreign) == 0 {
		return out, nil
	}
	return append(out, plan.Obstacle{
		What: "the Cloud Map service " + c.Old.Name + " has instances that ECS did not register: " +
			strings.Join(foreign, ", "),
		Next: "deregister them: aws servicediscovery deregister-instance --service-id " + c.ID + " --instance-id ID",
	}), nil
}

func (s service) delete(ctx context.Context, c serviceCall) error {
	return whenUnused(ctx, "Cloud Map service "+c.Old.Name+" has no instances",
		deregister(c.ID), c.Progress,
		func(ctx context.Context) error {
			_, err := s.api.client.DeleteService(ctx, &servicediscovery.DeleteServiceInput{Id: &c.ID})
			return failed(err)
		})
}

func servicePermissions(s resource.Scope) []resource.Statement {
	services := []string{s.ARN("servicediscovery", "service/*")}
	return append([]resource.Statement{
		{
			On: []string{s.ARN("servicediscovery", "namespace/*")}, When: s.Tagged(),
			Actions: []string{"servicediscovery:CreateService"},
		},
		{On: services, When: s.Made(), Actions: []string{"servicediscovery:CreateService"}},
		{On: services, Actions: []string{"servicediscovery:GetService"}},
		{On: services, When: s.Tagged(), Actions: []string{
			"servicediscovery:UpdateService",
			"servicediscovery:DeleteService",
		}},
		{Actions: []string{
			"servicediscovery:ListServices", "servicediscovery:ListInstances",
			"servicediscovery:GetOperation",
		}},
		{
			On:      []string{"arn:" + s.Partition() + ":route53:::hostedzone/*"},
			Actions: []string{"route53:GetHostedZone", "route53:ChangeResourceRecordSets"},
			Why:     "Cloud Map changes the records of the service in the name of the caller",
		},
	}, tagPermissions(s)...)
}
