package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/company/deployer/internal/aws/channel"
	"github.com/company/deployer/internal/aws/task"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/state"
)

// Forward is a way to a port.
type Forward struct {
	Target    string // address of the component that is reached
	Host      string // as the container reaches it
	Port      int
	Task      string // the beginning of its id; "": the newest one
	Container string // that the way goes through; "": the main one
}

// Endpoint is where a component without containers is reached; false: nowhere.
func Endpoint(c state.Component) (host string, port int, ok bool) {
	host, _ = c.Outputs["endpoint"].(string)
	switch n := c.Outputs["port"].(type) {
	case float64:
		port = int(n)
	case int:
		port = n
	}
	return host, port, host != ""
}

// Open reports whether the component allows commands and ports in its containers.
func (c *Component) Open() bool { return c.running.Exec }

// Forward passes on the connections of a listener through a running task, until the context ends: one session of AWS
// for one connection. AWS API: ecs:ListTasks, ecs:DescribeTasks, ssm:StartSession.
func (c *Component) Forward(ctx context.Context, o Forward, listener net.Listener, show Show) error {
	container, err := c.container(o.Container)
	if err != nil {
		return err
	}
	m, err := c.ready(ctx, o.Task, container)
	if err != nil {
		return err
	}
	end := c.record(ctx, state.Command{
		What: "port-forward", Words: []string{net.JoinHostPort(o.Host, fmt.Sprint(o.Port))}, Task: m.ARN,
		Container: container,
	}, show.Warn)
	show.Tell(fmt.Sprintf("%s leads to %s through task %s", listener.Addr(),
		net.JoinHostPort(o.Host, fmt.Sprint(o.Port)), task.Short(m.ARN)))
	defer end(nil, nil)
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })() // Accept ends
	var all sync.WaitGroup
	defer all.Wait()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the local port: %w", err)
		}
		all.Go(func() {
			defer conn.Close()
			if err := c.passOn(ctx, m, container, o, conn); err != nil && ctx.Err() == nil {
				show.Tell("a connection has failed: " + err.Error())
			}
		})
	}
}

// passOn serves one connection.
func (c *Component) passOn(ctx context.Context, m task.Member, container string, o Forward, conn net.Conn) error {
	one, _ := m.Container(container) // ready has found it
	session, err := c.runner.Forward(ctx, c.running, m, one, o.Host, o.Port, func(p []byte) error {
		_, err := conn.Write(p)
		return err
	})
	if errors.Is(err, task.ErrNotConnected) {
		return c.notConnected(m, container, err.Error())
	}
	if err != nil {
		return err
	}
	defer session.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(session, conn) // the client has closed, or the session has ended
	}()
	select {
	case <-session.Done():
		err := session.Err()
		if errors.Is(err, channel.ErrNoPort) {
			err = diag.New(diag.Failed, "Nothing answers",
				fmt.Sprintf("The container cannot connect to %s:%d.", o.Host, o.Port), "")
		}
		return err
	case <-gone:
		// what is on its way to the other side still arrives
		_ = session.Disconnect()
		_ = session.Terminate()
		select {
		case <-session.Done():
		case <-time.After(time.Second):
		}
		return nil
	case <-ctx.Done():
		_ = session.Terminate() // the connection ends in any case
		return nil
	}
}
