package awstest

import (
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	model "github.com/company/deployer/internal/resource/logs"
)

var _ = liveObjects(answerLogs,
	liveType{file: "Logs-LogGroup", typ: model.LogGroupType, props: func(l live) (any, string, string) {
		name := l.Live.text("LogGroupName")
		if class := l.Declared.text("LogGroupClass"); class != "" && class != "STANDARD" {
			return nil, "", "the class " + class
		}
		return model.LogGroup{
			Name: name, RetentionDays: l.Declared.int("RetentionInDays"), KMSKey: lit(l.Declared.text("KmsKeyId")),
			Tags: l.Declared.tags(),
		}, name, ""
	}},
)

func answerLogs(l object, parameters any) (any, error) {
	switch parameters.(type) {
	case *cloudwatchlogs.DescribeLogGroupsInput:
		return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []logstypes.LogGroup{into[logstypes.LogGroup](l)}},
			nil
	case *cloudwatchlogs.ListTagsForResourceInput:
		return &cloudwatchlogs.ListTagsForResourceOutput{Tags: l.tags()}, nil
	}
	return nil, nil
}
