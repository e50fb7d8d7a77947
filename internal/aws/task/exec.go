package task

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/channel"
	"github.com/company/deployer/internal/aws/rollout"
)

// Member is a running task of a service, as ECS Exec sees it.
type Member struct {
	ARN        string
	Revision   string // ARN of its task definition
	Started    time.Time
	Exec       bool        // it was started with ECS Exec on
	Containers []Container // as ECS lists them
}

// Container is a container of a running task.
type Container struct {
	Name, RuntimeID string
	Agent           string // status of the agent of ECS Exec: RUNNING, PENDING, STOPPED; "": it has none
	Reason          string // of that status
	Running         bool
}

// Container returns a container by its name.
func (m Member) Container(name string) (Container, bool) {
	i := slices.IndexFunc(m.Containers, func(c Container) bool { return c.Name == name })
	if i < 0 {
		return Container{}, false
	}
	return m.Containers[i], true
}

// Members are the running tasks of a service, the newest first. AWS API: ecs:ListTasks, ecs:DescribeTasks.
func (r *Runner) Members(ctx context.Context, s *Service) ([]Member, error) {
	in := &ecs.ListTasksInput{Cluster: &s.Cluster, ServiceName: &s.Name, DesiredStatus: types.DesiredStatusRunning}
	arns, err := call.All(ctx, r.ecs.ListTasks, in, &in.NextToken, taskARNs)
	if err != nil {
		return nil, call.Error(err)
	}
	tasks, err := r.described(ctx, s.Cluster, arns)
	if err != nil {
		return nil, err
	}
	var members []Member
	for _, t := range tasks {
		if aws.ToString(t.LastStatus) == Running {
			members = append(members, member(t))
		}
	}
	slices.SortStableFunc(members, func(a, b Member) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.ARN, b.ARN))
	})
	return members, nil
}

func member(t types.Task) Member {
	m := Member{
		ARN: aws.ToString(t.TaskArn), Revision: aws.ToString(t.TaskDefinitionArn), Started: aws.ToTime(t.StartedAt),
		Exec: t.EnableExecuteCommand,
	}
	for _, c := range rollout.Declared(t.Containers) {
		one := Container{
			Name: aws.ToString(c.Name), RuntimeID: aws.ToString(c.RuntimeId),
			Running: aws.ToString(c.LastStatus) == Running,
		}
		for _, a := range c.ManagedAgents {
			if a.Name == types.ManagedAgentNameExecuteCommandAgent {
				one.Agent, one.Reason = aws.ToString(a.LastStatus), aws.ToString(a.Reason)
			}
		}
		m.Containers = append(m.Containers, one)
	}
	return m
}

// ErrNotConnected says that AWS cannot reach the agent in the container.
var ErrNotConnected = errors.New("the agent in the container is not connected")

// Exec starts a command in a container and connects to it. AWS API: ecs:ExecuteCommand.
func (r *Runner) Exec(
	ctx context.Context, s *Service, m Member, container, command string, output func([]byte) error,
) (*channel.Channel, error) {
	out, err := r.ecs.ExecuteCommand(ctx, &ecs.ExecuteCommandInput{
		Cluster: &s.Cluster, Task: &m.ARN, Container: &container, Command: &command, Interactive: true,
	})
	if call.HasCode(err, "TargetNotConnectedException") {
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, call.Error(err))
	}
	if err != nil {
		return nil, call.Error(err)
	}
	return r.connect(ctx, aws.ToString(out.Session.StreamUrl), aws.ToString(out.Session.TokenValue),
		channel.ForCommands, output)
}

// connect opens the data channel of a session.
func (r *Runner) connect(
	ctx context.Context, address, token, version string, output func([]byte) error,
) (*channel.Channel, error) {
	header, err := r.sign(ctx, address)
	if err != nil {
		return nil, err
	}
	return channel.Open(ctx, channel.Options{
		URL: address, Token: token, Header: header, Version: version, Output: output, Now: r.now,
	})
}

// sign makes the headers that say who connects, unless the address says so.
func (r *Runner) sign(ctx context.Context, address string) (http.Header, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("AWS gave a session without a proper address")
	}
	if parsed.Query().Get("X-Amz-Signature") != "" || r.cfg.Credentials == nil {
		return nil, nil
	}
	who, err := r.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	nothing := sha256.Sum256(nil)
	err = v4.NewSigner().SignHTTP(ctx, who, request, hex.EncodeToString(nothing[:]), "ssmmessages", r.cfg.Region,
		r.now())
	return request.Header, err
}
