package service

import (
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/inventory"
	"github.com/company/deployer/e2e/testkit/late"
	"github.com/company/deployer/e2e/testkit/proxy"
)

var _ = register(Service{
	Name: "logs", ID: "CloudWatch Logs",
	NameBy: []string{"logGroupName", "logGroupNamePrefix", "resourceArn", "logGroupIdentifier"},
	Tags: Tags{Existing: map[string]func(*proxy.Call) []string{
		"TagResource": listedTags("logs", "Logs_20140328.", "resourceArn"),
	}},
	Late: []late.Class{
		{
			Made:  "logs:CreateLogGroup",
			Asked: true,
			ID:    regexp.MustCompile(`"logGroupName":"([^"]+)"`),
			Unknown: []late.Ignorance{
				{
					Operations: []string{"logs:PutRetentionPolicy"}, Code: "ResourceNotFoundException",
					Message: "The specified log group does not exist.",
				},
			},
		},
	},
	Inventory: inventory.Source{List: listLogGroups},
	Access:    access.Rules{Requests: accessLogs},
	Fix: func(p *proxy.Proxy) {
		p.Handle("logs", "FilterLogEvents", filterLogEvents)
		sent := map[string]bool{}
		p.Handle("logs", "StartLiveTail", func(c *proxy.Call) *proxy.Response { return liveTail(c, sent) })
	},
	Unasked: map[string]string{
		"logs:FilterLogEvents":    "logs, which is no part of the life of a stack",
		"logs:StartLiveTail":      "logs, which is no part of the life of a stack",
		"logs:AssociateKmsKey":    "overrides",
		"logs:DisassociateKmsKey": "overrides that are taken away",
	},
	Types: map[string]ByHand{"logs/log-group": {Property: "retentionDays", To: 1, Indexed: true}},
})

func listLogGroups(l *inventory.Lister) error {
	groups, err := cloudwatchlogs.NewFromConfig(l.Config).DescribeLogGroups(l,
		&cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		return err
	}
	for _, g := range groups.LogGroups {
		if err := l.Add("log group", *g.LogGroupName, g.RetentionInDays); err != nil {
			return err
		}
	}
	return nil
}

func accessLogs(b *access.Builder) {
	group := access.First(b.Text("logGroupName"), b.Text("logGroupIdentifier"))
	arn := access.First(b.Text("resourceArn"), b.ARN("log-group:"+group))
	switch b.Call.Operation {
	case "DescribeLogGroups":
		arn = "*"
	case "GetLogEvents":
		arn += ":log-stream:" + b.Text("logStreamName")
	}
	b.On(arn)
	b.Tagging("logs:TagResource", arn)
}
