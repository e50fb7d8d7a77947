package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// followsCommand runs the binary. As soon as it has written something, N lines are logged as with aws log. When it has
// shown the last of them, or after a minute, it gets SIGINT. What it says is in the files "out" and "err". With a +
// before STREAM, all services are deployed again before, so that the lines come from a task that has just started.
func followsCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "follows")
	if len(args) < 6 || args[5] != "deployer" {
		ts.Fatalf("usage: follows CODE GROUP STREAM TEXT N deployer ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	w := worldOf(ts)
	ctx := context.Background()
	var stderr bytes.Buffer
	cmd := exec.Command(binary, args[6:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = ts.MkAbs("."), scriptEnvironment(ts), &stderr
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	interrupt := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer interrupt.Stop()
	config := w.Config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"),
		ts.Getenv("AWS_SECRET_ACCESS_KEY"), ts.Getenv("AWS_SESSION_TOKEN"))
	var out bytes.Buffer
	last := args[3] + " " + args[4]
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if out.Len() == 0 {
			var again bool
			if args[2], again = strings.CutPrefix(args[2], "+"); again {
				w.deployAgain(ctx, ts)
			}
			writeLog(ctx, ts, config, args[1:5])
		}
		if out.WriteString(lines.Text() + "\n"); strings.HasSuffix(lines.Text(), last) {
			_ = cmd.Process.Signal(os.Interrupt)
		}
	}
	_ = cmd.Wait() // the exit code says it
	ts.Check(os.WriteFile(ts.MkAbs("out"), out.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("err"), stderr.Bytes(), 0o644))
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d\n%s", got, want, stderr.String())
	}
}

// deployAgain replaces the tasks of all services.
func (w *world) deployAgain(ctx context.Context, ts *testscript.TestScript) {
	w.services(ctx, ts, func(client *ecs.Client, cluster, service string) error {
		_, err := client.UpdateService(ctx,
			&ecs.UpdateServiceInput{Cluster: &cluster, Service: &service, ForceNewDeployment: true})
		for range 50 { // the fake goes on with each look
			if err != nil {
				return err
			}
			var out *ecs.DescribeServicesOutput
			out, err = client.DescribeServices(ctx,
				&ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}})
			if err == nil && len(out.Services) == 1 && len(out.Services[0].Deployments) == 1 &&
				out.Services[0].Deployments[0].RolloutState == ecstypes.DeploymentRolloutStateCompleted {
				return nil
			}
		}
		return errors.New("the deployment does not end")
	})
}

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
			Timestamp: aws.Int64(now),
			Message:   aws.String(fmt.Sprintf("%s %d", strings.ReplaceAll(args[2], `\e`, "\x1b"), i+1)),
		})
	}
	_, err = client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: group, LogStreamName: stream, LogEvents: events,
	})
	ts.Check(err)
}
