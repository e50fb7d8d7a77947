package inventory

import (
	"fmt"
	"slices"
	"strings"

	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
)

func (l *lister) roles() error {
	client := iam.NewFromConfig(l.cfg)
	roles, err := client.ListRoles(l.ctx, &iam.ListRolesInput{})
	if err != nil {
		return err
	}
	for _, r := range roles.Roles {
		if strings.HasPrefix(*r.Path, "/aws-service-role/") {
			continue
		}
		inline, err := client.ListRolePolicies(l.ctx, &iam.ListRolePoliciesInput{RoleName: r.RoleName})
		if err != nil {
			return err
		}
		attached, err := client.ListAttachedRolePolicies(l.ctx,
			&iam.ListAttachedRolePoliciesInput{RoleName: r.RoleName})
		if err != nil {
			return err
		}
		var policies []string
		for _, p := range attached.AttachedPolicies {
			policies = append(policies, *p.PolicyArn)
		}
		for _, name := range inline.PolicyNames {
			p, err := client.GetRolePolicy(l.ctx, &iam.GetRolePolicyInput{RoleName: r.RoleName, PolicyName: &name})
			if err != nil {
				return err
			}
			policies = append(policies, name+" "+*p.PolicyDocument)
		}
		slices.Sort(policies)
		if err := l.add("role", *r.RoleName, policies); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) ecs() error {
	client := ecs.NewFromConfig(l.cfg)
	clusters, err := client.ListClusters(l.ctx, &ecs.ListClustersInput{})
	if err != nil {
		return err
	}
	if len(clusters.ClusterArns) > 0 {
		found, err := client.DescribeClusters(l.ctx, &ecs.DescribeClustersInput{Clusters: clusters.ClusterArns})
		if err != nil {
			return err
		}
		for _, c := range found.Clusters {
			if *c.Status != "ACTIVE" { // the emulator still lists deleted ones
				continue
			}
			if err := l.add("cluster", *c.ClusterName); err != nil {
				return err
			}
			if err := l.services(client, *c.ClusterArn); err != nil {
				return err
			}
		}
	}
	revisions := map[string]int{}
	pages := ecs.NewListTaskDefinitionsPaginator(client,
		&ecs.ListTaskDefinitionsInput{Status: ecstypes.TaskDefinitionStatusActive})
	for pages.HasMorePages() {
		page, err := pages.NextPage(l.ctx)
		if err != nil {
			return err
		}
		for _, arn := range page.TaskDefinitionArns {
			family, _, _ := strings.Cut(last(arn, "/"), ":")
			revisions[family]++
		}
	}
	for family, n := range revisions {
		if err := l.add(TaskDefinition, family, n); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) services(client *ecs.Client, cluster string) error {
	services, err := client.ListServices(l.ctx, &ecs.ListServicesInput{Cluster: &cluster})
	if err != nil || len(services.ServiceArns) == 0 {
		return err
	}
	found, err := client.DescribeServices(l.ctx,
		&ecs.DescribeServicesInput{Cluster: &cluster, Services: services.ServiceArns})
	if err != nil {
		return err
	}
	for _, s := range found.Services {
		definition, err := client.DescribeTaskDefinition(l.ctx,
			&ecs.DescribeTaskDefinitionInput{TaskDefinition: s.TaskDefinition})
		if err != nil {
			return err
		}
		var images []string
		for _, c := range definition.TaskDefinition.ContainerDefinitions {
			images = append(images, *c.Image)
		}
		err = l.add("service", *s.ServiceName, s.Status, s.DesiredCount, s.RunningCount, len(s.Deployments),
			s.Deployments[0].RolloutState,
			definition.TaskDefinition.Family, images, s.LoadBalancers, len(s.ServiceRegistries), s.NetworkConfiguration)
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) logs() error {
	groups, err := cloudwatchlogs.NewFromConfig(l.cfg).DescribeLogGroups(l.ctx,
		&cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range groups.LogGroups {
		if err := l.add("log group", *g.LogGroupName, g.RetentionInDays); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) scaling() error {
	client := scaling.NewFromConfig(l.cfg)
	targets, err := client.DescribeScalableTargets(l.ctx,
		&scaling.DescribeScalableTargetsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
	if err != nil {
		return err
	}
	for _, t := range targets.ScalableTargets {
		if err := l.add("scalable target", *t.ResourceId, t.MinCapacity, t.MaxCapacity); err != nil {
			return err
		}
	}
	policies, err := client.DescribeScalingPolicies(l.ctx,
		&scaling.DescribeScalingPoliciesInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
	if err != nil {
		return err
	}
	for _, p := range policies.ScalingPolicies {
		if err := l.add("scaling policy", *p.ResourceId+" "+*p.PolicyName,
			p.TargetTrackingScalingPolicyConfiguration); err != nil {
			return err
		}
	}
	actions, err := client.DescribeScheduledActions(l.ctx,
		&scaling.DescribeScheduledActionsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
	if err != nil {
		return err
	}
	for _, a := range actions.ScheduledActions {
		if err := l.add("scheduled action", *a.ResourceId+" "+*a.ScheduledActionName, a.Schedule,
			a.ScalableTargetAction); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) discovery() error {
	client := servicediscovery.NewFromConfig(l.cfg)
	spaces, err := client.ListNamespaces(l.ctx, &servicediscovery.ListNamespacesInput{})
	if err != nil {
		return err
	}
	for _, n := range spaces.Namespaces {
		if err := l.add("namespace", *n.Name); err != nil {
			return err
		}
	}
	services, err := client.ListServices(l.ctx, &servicediscovery.ListServicesInput{})
	if err != nil {
		return err
	}
	for _, s := range services.Services {
		routing := ""
		if s.DnsConfig != nil {
			routing = fmt.Sprint(s.DnsConfig.RoutingPolicy, " ", len(s.DnsConfig.DnsRecords))
		}
		if err := l.add("discovery service", *s.Name, routing); err != nil {
			return err
		}
	}
	return nil
}
