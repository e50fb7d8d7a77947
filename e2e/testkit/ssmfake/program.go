//go:build unix

package ssmfake

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"syscall"

	"github.com/company/deployer/e2e/testkit/terminal"
)

// Shell serves a session with a command in a shell of this machine, in a folder. As in a container of ECS, it runs on a
// terminal: that echoes what is typed, changes line ends, and makes a signal of Ctrl-C, until the command says
// otherwise.
func Shell(command, folder string) func(*Conn) {
	return func(c *Conn) {
		control, tty, err := terminal.Open(80, 24)
		if err != nil {
			c.Close("Unable to start command: " + err.Error())
			return
		}
		defer control.Close()
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir, cmd.Env = folder, []string{"PATH=/usr/local/bin:/usr/bin:/bin", "CONTAINER=yes", "TERM=xterm"}
		cmd.SysProcAttr = terminal.InSession()
		cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
		err = cmd.Start()
		_ = tty.Close() // the command has its own
		if err != nil {
			c.Close("Unable to start command: " + err.Error())
			return
		}
		ended := make(chan struct{})
		go func() {
			for {
				select {
				case in := <-c.In:
					input(in, control, cmd.Process.Pid)
				case <-c.done:
					_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
					return
				case <-ended:
					return
				}
			}
		}()
		chunk := make([]byte, 1024)
		for {
			n, err := control.Read(chunk)
			c.Output(append([]byte{}, chunk[:n]...))
			if err != nil { // nobody has the terminal open any more
				break
			}
		}
		_ = cmd.Wait() // the client learns how it ended by its own means
		close(ended)
		c.Close("")
	}
}

func input(in Input, control *os.File, pid int) {
	switch in.Kind {
	case 1:
		_, _ = control.Write(in.Payload)
	case 3:
		var size struct{ Cols, Rows int }
		if json.Unmarshal(in.Payload, &size) == nil {
			_ = terminal.Resize(control, size.Cols, size.Rows)
		}
	case 10:
		if binary.BigEndian.Uint32(in.Payload) == 2 { // the client ends the session
			_ = syscall.Kill(-pid, syscall.SIGTERM)
		}
	}
}
