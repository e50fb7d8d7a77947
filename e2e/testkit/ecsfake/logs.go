package ecsfake

import (
	"errors"
	"time"

	"github.com/company/deployer/e2e/testkit/proxy"
)

const noLogGroup = "ResourceInitializationError: failed to validate logger args: create stream has been " +
	"retried 1 times: " +
	"failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.: " +
	"exit status 1"

// writeLog prints a container's lines into the log group of its task
// definition, in the stream prefix/container/task. It fails when the group
// does not exist, as the Fargate agent does.
func writeLog(c *call, t *task, cd containerDefinition, now time.Time) error {
	options := cd.LogConfiguration.Options
	group := options["awslogs-group"]
	if cd.LogConfiguration.LogDriver != "awslogs" || group == "" {
		return nil
	}
	if options["awslogs-create-group"] == "true" {
		if err := c.JSON("logs", "Logs_20140328.CreateLogGroup", map[string]string{"logGroupName": group},
			nil); err != nil && !alreadyExists(err) {
			return err
		}
	}
	stream := options["awslogs-stream-prefix"] + "/" + cd.Name + "/" + t.id
	target := map[string]string{"logGroupName": group, "logStreamName": stream}
	if err := c.JSON("logs", "Logs_20140328.CreateLogStream", target, nil); err != nil && !alreadyExists(err) {
		return err
	}
	lines := []string{"starting " + cd.Image, "ready"}
	if cd.Name == t.script.container {
		lines = t.script.log(cd.Image)
	}
	events := make([]map[string]any, 0, len(lines))
	for i, line := range lines {
		// One millisecond apart, so that sorting keeps their order.
		at := now.Add(time.Duration(i-len(lines)) * time.Millisecond)
		events = append(events, map[string]any{"timestamp": at.UnixMilli(), "message": line})
	}
	return c.JSON("logs", "Logs_20140328.PutLogEvents",
		map[string]any{"logGroupName": group, "logStreamName": stream, "logEvents": events}, nil)
}

func alreadyExists(err error) bool {
	var refused *proxy.APIError
	return errors.As(err, &refused) && refused.Code == "ResourceAlreadyExistsException"
}
