package service

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "ecs",
	NameBy: []string{
		"service", "serviceName", "services", "family", "taskDefinition", "serviceDeploymentArn",
		"serviceDeploymentArns", "resourceArn", "tasks", "task", "clusterName", "cluster", "clusters",
	},
	Fix: latestActive,
	Tags: Tags{
		TooMany: "InvalidParameterException",
		Existing: map[string]func(*proxy.Call) []string{
			"TagResource": listedTags("ecs", ecsTarget, "resourceArn"),
		},
	},
	Late: []late.Class{
		{
			Made:  "ecs:CreateCluster",
			Asked: true,
			ID:    regexp.MustCompile(`"clusterName":"([^"]+)"`),
			Unknown: []late.Ignorance{
				{
					Operations: []string{"ecs:CreateService"},
					Code:       "ClusterNotFoundException",
					Message:    "Cluster not found.",
				},
				{Operations: []string{"ecs:DescribeClusters"}, Message: "clusters"},
			},
		},
		{
			Made:  "ecs:CreateService",
			Asked: true,
			ID:    regexp.MustCompile(`"serviceName":"([^"]+)"`),
			Unknown: []late.Ignorance{
				{
					Operations: []string{"application-autoscaling:RegisterScalableTarget"}, Code: "ValidationException",
					Message: "ECS service doesn't exist: ID",
				},
			},
		},
	},
	Inventory: inventory.Source{List: listECS},
	Access:    access.Rules{Requests: accessECS},
	Unasked: map[string]string{
		"ecs:UpdateCluster":              "a cluster with other settings, as of drift or overrides",
		"ecs:DescribeServiceDeployments": "status while a service is deployed",
	},
	Types: map[string]ByHand{
		"ecs/cluster": {Property: "containerInsights", To: "disabled", Needed: true},
		"ecs/service": {Property: "deployment"}, "ecs/task-definition": {},
		"ecs/release": {Untried: "AWS has no object for it"},
	},
})

func listECS(l *inventory.Lister) error {
	client := ecs.NewFromConfig(l.Config)
	clusters, err := client.ListClusters(l, &ecs.ListClustersInput{})
	if err != nil {
		return err
	}
	if len(clusters.ClusterArns) > 0 {
		found, err := client.DescribeClusters(l, &ecs.DescribeClustersInput{Clusters: clusters.ClusterArns})
		if err != nil {
			return err
		}
		for _, c := range found.Clusters {
			if *c.Status != "ACTIVE" { // the emulator still lists deleted ones
				continue
			}
			if err := l.Add("cluster", *c.ClusterName); err != nil {
				return err
			}
			if err := listServices(l, client, *c.ClusterArn); err != nil {
				return err
			}
			if err := listSingle(l, client, *c.ClusterArn); err != nil {
				return err
			}
		}
	}
	revisions := map[string]int{}
	pages := ecs.NewListTaskDefinitionsPaginator(client,
		&ecs.ListTaskDefinitionsInput{Status: ecstypes.TaskDefinitionStatusActive})
	for pages.HasMorePages() {
		page, err := pages.NextPage(l)
		if err != nil {
			return err
		}
		for _, arn := range page.TaskDefinitionArns {
			family, _, _ := strings.Cut(inventory.Last(arn, "/"), ":")
			revisions[family]++
		}
	}
	for family, n := range revisions {
		if err := l.Add(inventory.TaskDefinition, family, n); err != nil {
			return err
		}
	}
	return nil
}

func listServices(l *inventory.Lister, client *ecs.Client, cluster string) error {
	services, err := client.ListServices(l, &ecs.ListServicesInput{Cluster: &cluster})
	if err != nil || len(services.ServiceArns) == 0 {
		return err
	}
	found, err := client.DescribeServices(l,
		&ecs.DescribeServicesInput{Cluster: &cluster, Services: services.ServiceArns})
	if err != nil {
		return err
	}
	for _, s := range found.Services {
		definition, err := client.DescribeTaskDefinition(l,
			&ecs.DescribeTaskDefinitionInput{TaskDefinition: s.TaskDefinition})
		if err != nil {
			return err
		}
		var images []string
		for _, c := range definition.TaskDefinition.ContainerDefinitions {
			images = append(images, *c.Image)
		}
		err = l.Add("service", *s.ServiceName, s.Status, s.DesiredCount, s.RunningCount, len(s.Deployments),
			s.Deployments[0].RolloutState,
			definition.TaskDefinition.Family, images, s.LoadBalancers, len(s.ServiceRegistries), s.NetworkConfiguration)
		if err != nil {
			return err
		}
	}
	return nil
}

// listSingle counts the tasks without a service by family and command: one too many is a migration that ran twice.
func listSingle(l *inventory.Lister, client *ecs.Client, cluster string) error {
	times := map[string]int{}
	for _, status := range []ecstypes.DesiredStatus{ecstypes.DesiredStatusRunning, ecstypes.DesiredStatusStopped} {
		pages := ecs.NewListTasksPaginator(client, &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: status})
		for pages.HasMorePages() {
			page, err := pages.NextPage(l)
			if err != nil || len(page.TaskArns) == 0 {
				return err
			}
			found, err := client.DescribeTasks(l, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: page.TaskArns})
			if err != nil {
				return err
			}
			for _, t := range found.Tasks {
				if strings.HasPrefix(aws.ToString(t.Group), "service:") {
					continue
				}
				command := ""
				if t.Overrides != nil && len(t.Overrides.ContainerOverrides) > 0 {
					command = strings.Join(t.Overrides.ContainerOverrides[0].Command, " ")
				}
				family, _, _ := strings.Cut(inventory.Last(*t.TaskDefinitionArn, "/"), ":")
				times[family+" "+command]++
			}
		}
	}
	for name, n := range times {
		if err := l.Add(inventory.Task, name, n); err != nil {
			return err
		}
	}
	return nil
}

func accessECS(b *access.Builder) {
	cluster := access.Tail(access.First(b.Text("cluster"), b.Text("clusterName")))
	named := func(kind, name string) string {
		if strings.HasPrefix(name, "arn:") {
			return name
		}
		return b.ARN(kind + "/" + name)
	}
	inCluster := func(kind string, names ...string) []string {
		var out []string
		for _, name := range names {
			if !strings.HasPrefix(name, "arn:") {
				name = b.ARN(kind + "/" + cluster + "/" + name)
			}
			out = append(out, name)
		}
		return out
	}
	var on []string
	switch b.Call.Operation {
	case "CreateCluster", "UpdateCluster", "DeleteCluster", "PutClusterCapacityProviders":
		on = []string{named("cluster", cluster)}
	case "DescribeServiceRevisions":
		on = b.Texts("serviceRevisionArns")
	case "DescribeServiceDeployments":
		on = b.Texts("serviceDeploymentArns")
	case "DescribeClusters":
		for _, name := range b.Texts("clusters") {
			on = append(on, named("cluster", name))
		}
	case "RegisterTaskDefinition":
		on = []string{b.ARN("task-definition/" + b.Text("family") + ":1")}
		b.Context("iam:PassedToService", "ecs-tasks.amazonaws.com")
		for _, role := range []string{b.Text("taskRoleArn"), b.Text("executionRoleArn")} {
			if role != "" {
				b.Ask("iam:PassRole", role)
			}
		}
		b.WithoutContext()
	case "DeleteTaskDefinitions":
		for _, name := range b.Texts("taskDefinitions") {
			on = append(on, named("task-definition", name))
		}
	case "CreateService", "UpdateService", "DeleteService", "ListServiceDeployments":
		on = inCluster("service", access.First(b.Text("serviceName"), b.Text("service")))
	case "DescribeServices":
		on = inCluster("service", b.Texts("services")...)
	case "RunTask":
		on = []string{named("task-definition", b.Text("taskDefinition"))}
		b.Context("ecs:cluster", b.ARN("cluster/"+cluster))
		b.On(on...)
		b.WithoutContext()
		b.Tagging("ecs:TagResource", b.ARN("task/"+cluster+"/*"))
		return
	case "StopTask":
		on = inCluster("task", b.Text("task"))
	case "ExecuteCommand":
		on = append(inCluster("task", b.Text("task")), named("cluster", cluster))
	case "StopServiceDeployment":
		on = []string{b.Text("serviceDeploymentArn")}
	case "DescribeTasks":
		on = inCluster("task", b.Texts("tasks")...)
	case "ListTasks", "ListServices":
		b.Context("ecs:cluster", b.ARN("cluster/"+cluster))
		on = []string{"*"}
	case "TagResource", "UntagResource", "ListTagsForResource":
		on = []string{b.Text("resourceArn")}
	default: // DescribeTaskDefinition, ListTaskDefinitions, DeregisterTaskDefinition have no resource
		on = []string{"*"}
	}
	b.On(on...)
	b.Tagging("ecs:TagResource", on...)
}

const ecsTarget = "AmazonEC2ContainerServiceV20141113."

// latestActive describes the latest ACTIVE revision of a family. The emulator returns the latest one, even if it is
// deregistered.
func latestActive(p *proxy.Proxy) {
	p.Handle("ecs", "DescribeTaskDefinition", func(c *proxy.Call) *proxy.Response {
		var asked map[string]any
		if c.Bind(&asked) != nil {
			return nil
		}
		family, _ := asked["taskDefinition"].(string)
		if strings.Contains(family, ":") { // a revision, by name or ARN
			return nil
		}
		var there struct {
			ARNs []string `json:"taskDefinitionArns"`
		}
		if err := c.JSON("ecs", ecsTarget+"ListTaskDefinitions",
			map[string]any{"familyPrefix": family, "status": "ACTIVE"}, &there); err != nil {
			return c.Failed(err)
		}
		latest, arn := 0, ""
		for _, each := range there.ARNs {
			name, number, _ := strings.Cut(each[strings.LastIndex(each, "/")+1:], ":")
			if n, err := strconv.Atoi(number); err == nil && name == family && n > latest {
				latest, arn = n, each
			}
		}
		if arn == "" {
			return c.Failure(400, "ClientException", "Unable to describe task definition.")
		}
		asked["taskDefinition"] = arn
		body, err := json.Marshal(asked)
		if err != nil {
			return c.Failed(err)
		}
		resp, err := c.ForwardBody(body)
		if err != nil {
			return c.Failed(err)
		}
		return resp
	})
}
