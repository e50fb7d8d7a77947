package ecsfake

import (
	"os"
	"regexp"
	"strings"

	"github.com/company/deployer/e2e/testkit/ssmfake"
)

// executeCommand starts a session in a container.
func (f *Fake) executeCommand(c *call) (any, error) {
	var in struct {
		Cluster     string `json:"cluster"`
		Task        string `json:"task"`
		Container   string `json:"container"`
		Command     string `json:"command"`
		Interactive bool   `json:"interactive"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	t := cl.task(in.Task)
	switch {
	case !in.Interactive:
		return nil, invalid("Interactive is the only mode supported currently.")
	case t == nil:
		return nil, errTaskNotFound
	case t.status != taskRunning:
		return nil, invalid("The execute command failed because the task isn't running. Wait until the task is in " +
			"the RUNNING state and try again.")
	case !isTrue(t.spec.EnableExecuteCommand):
		return nil, invalid("The execute command failed because execute command was not enabled when the task was " +
			"run or the execute command agent isn't running. Wait and try again or run a new task with execute " +
			"command enabled and try again.")
	case f.agent != taskRunning:
		return nil, &apiError{
			"TargetNotConnectedException",
			"The execute command failed due to an internal error. Try again later.",
		}
	}
	container := ""
	for i, known := range t.containers {
		if known.def.Name == in.Container || in.Container == "" && i == 0 {
			container = known.def.Name
		}
	}
	if container == "" {
		return nil, invalid("The container %s was not found in the task.", in.Container)
	}
	id, path, token := f.gateway.Start(ssmfake.Shell(in.Command, os.TempDir()))
	view := map[string]any{
		"clusterArn": cl.arn, "containerName": container, "interactive": true, "taskArn": t.arn,
		"session": map[string]string{
			"sessionId": id, "tokenValue": token,
			"streamUrl": f.gatewayURL + path,
		},
	}
	return view, nil
}

// SetAgent says what the agents of ECS Exec are: RUNNING, PENDING or STOPPED with a reason.
func (f *Fake) SetAgent(status, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.agent, f.agentReason = status, reason
}

// Gateway is the other end of the sessions.
func (f *Fake) Gateway() *ssmfake.Gateway { return f.gateway }

var sessionTarget = regexp.MustCompile(`^ecs:([^_]+)_([0-9a-f]+)_([0-9a-f]+-[0-9a-f]+)$`)

// startSession is ssm:StartSession for a port that a container can reach: here, of this machine.
func (f *Fake) startSession(c *call) (any, error) {
	var in struct {
		Target       string
		DocumentName string
		Parameters   map[string][]string
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	m := sessionTarget.FindStringSubmatch(in.Target)
	if m == nil {
		return nil, &apiError{"TargetNotConnected", in.Target + " is not connected."}
	}
	cl, err := f.cluster(c, m[1])
	if err != nil {
		return nil, &apiError{"TargetNotConnected", in.Target + " is not connected."}
	}
	t := cl.task(m[2])
	switch {
	case t == nil, t.status != taskRunning, !isTrue(t.spec.EnableExecuteCommand), f.agent != taskRunning,
		!strings.HasPrefix(m[3], t.id):
		return nil, &apiError{"TargetNotConnected", in.Target + " is not connected."}
	case in.DocumentName != "AWS-StartPortForwardingSessionToRemoteHost" || len(in.Parameters["host"]) != 1 ||
		len(in.Parameters["portNumber"]) != 1:
		return nil, &apiError{"InvalidDocument", "The document or its parameters are not valid."}
	}
	id, path, token := f.gateway.Start(ssmfake.Port("127.0.0.1:" + in.Parameters["portNumber"][0]))
	return map[string]string{"SessionId": id, "TokenValue": token, "StreamUrl": f.gatewayURL + path}, nil
}
