package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// writeLog is aws log.
func writeLog(ctx context.Context, ts *testscript.TestScript, config aws.Config, args []string) {
	client := cloudwatchlogs.NewFromConfig(config)
	n, err := strconv.Atoi(args[3])
	ts.Check(err)
	groups, err := client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	ts.Check(err)
	var group, stream *string
	for _, g := range groups.LogGroups {
		if strings.Contains(*g.LogGroupName, args[0]) {
			group = g.LogGroupName
		}
	}
	if group == nil {
		ts.Fatalf("no log group has %s in its name", args[0])
	}
	streams, err := client.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group})
	ts.Check(err)
	newest := int64(0)
	for _, s := range streams.LogStreams {
		if strings.Contains(*s.LogStreamName, args[1]) && aws.ToInt64(s.CreationTime) >= newest {
			stream, newest = s.LogStreamName, aws.ToInt64(s.CreationTime)
		}
	}
	if stream == nil {
		ts.Fatalf("no stream of %s has %s in its name", *group, args[1])
	}
	var events []types.InputLogEvent
	now := time.Now().UnixMilli()
	for i := range n {
		events = append(events, types.InputLogEvent{
			Timestamp: aws.Int64(now), Message: aws.String(fmt.Sprintf("%s %d", strings.ReplaceAll(args[2], `\e`, "\x1b"), i+1)),
		})
	}
	_, err = client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: group, LogStreamName: stream, LogEvents: events,
	})
	ts.Check(err)
}
