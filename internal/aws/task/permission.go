package task

import (
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/resource/iam"
	"github.com/company/deployer/internal/resource/logs"
)

// Permissions are what people need who run commands in the tasks and containers of a stack, and forward its ports.
// Deploying needs none of them.
func Permissions(s resource.Scope) []resource.Statement {
	own := func(kind string) []string { return []string{s.ARN("ecs", kind+s.Names(ecs.NameLimit))} }
	inCluster := resource.Condition{"ArnLike": {"ecs:cluster": own("cluster/")}}
	return []resource.Statement{
		{On: own("service/"), Actions: []string{"ecs:DescribeServices"}},
		{Actions: []string{"ecs:DescribeTaskDefinition"}},
		{Actions: []string{"ecs:ListTasks"}, When: inCluster},
		{On: own("task-definition/"), Actions: []string{"ecs:RunTask"}, When: inCluster},
		{On: own("task/"), Actions: []string{"ecs:DescribeTasks", "ecs:StopTask", "ecs:TagResource"}},
		{
			On: []string{s.GlobalARN("iam", "role/"+s.Names(iam.NameLimit))}, Actions: []string{"iam:PassRole"},
			When: resource.Condition{"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}},
			Why:  "a task takes the roles of its task definition",
		},
		{
			On:      []string{s.ARN("logs", "log-group:"+logs.Name(s.Stack, s.Environment, "*"))},
			Actions: []string{"logs:FilterLogEvents"},
		},
		{On: append(own("cluster/"), own("task/")...), Actions: []string{"ecs:ExecuteCommand"}},
		{
			On:      append(own("task/"), "arn:"+s.Partition()+":ssm:"+s.Region+"::document/"+remoteHost),
			Actions: []string{"ssm:StartSession"},
		},
		{
			On: []string{s.ARN("ssm", "session/*")}, Actions: []string{"ssmmessages:OpenDataChannel"},
			Why: "the connection to a session that the caller has started",
		},
	}
}
