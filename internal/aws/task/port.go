package task

import (
	"context"
	"fmt"
	"path"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/aws/channel"
)

// remoteHost is AWS's document for a port of a host that the container can reach.
const remoteHost = "AWS-StartPortForwardingSessionToRemoteHost"

// Forward connects to a port of a host through a container: one session for one connection. AWS API: ssm:StartSession.
func (r *Runner) Forward(
	ctx context.Context, s *Service, m Member, container Container, host string, port int, output func([]byte) error,
) (*channel.Channel, error) {
	out, err := ssm.NewFromConfig(r.cfg).StartSession(ctx, &ssm.StartSessionInput{
		Target:       aws.String(fmt.Sprintf("ecs:%s_%s_%s", path.Base(s.Cluster), ID(m.ARN), container.RuntimeID)),
		DocumentName: aws.String(remoteHost),
		Parameters: map[string][]string{
			"host": {host}, "portNumber": {strconv.Itoa(port)}, "localPortNumber": {"0"},
		},
	})
	if call.HasCode(err, "TargetNotConnected") {
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, call.Error(err))
	}
	if err != nil {
		return nil, call.Error(err)
	}
	return r.connect(ctx, aws.ToString(out.StreamUrl), aws.ToString(out.TokenValue), channel.ForPorts, output)
}
