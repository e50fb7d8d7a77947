//go:build unix

package ssmfake

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// Shell serves a session with a command in a shell of this machine, in a folder. The client sees what a terminal shows:
// each line ends with \r\n. Ctrl-C ends the command.
func Shell(command, folder string) func(*Conn) {
	return func(c *Conn) {
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir, cmd.Env = folder, []string{"PATH=/usr/local/bin:/usr/bin:/bin", "CONTAINER=yes"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		stdin, err := cmd.StdinPipe()
		out := &screen{c: c}
		cmd.Stdout, cmd.Stderr = out, out
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			c.Close("Unable to start command: " + err.Error())
			return
		}
		ended := make(chan struct{})
		go func() {
			for {
				select {
				case in := <-c.In:
					out.input(in, stdin, cmd.Process.Pid)
				case <-c.done:
					_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
					return
				case <-ended:
					return
				}
			}
		}()
		_ = cmd.Wait() // the client learns how it ended by its own means
		close(ended)
		c.Close("")
	}
}

// screen is the terminal of a command.
type screen struct {
	c  *Conn
	mu sync.Mutex
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.c.Output(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")))
	return len(p), nil
}

func (s *screen) input(in Input, stdin io.Writer, pid int) {
	switch in.Kind {
	case 1:
		if i := bytes.IndexByte(in.Payload, 3); i >= 0 { // Ctrl-C
			_ = syscall.Kill(-pid, syscall.SIGINT)
			return
		}
		_, _ = s.Write(bytes.ReplaceAll(in.Payload, []byte("\r"), []byte("\n"))) // the echo
		_, _ = stdin.Write(bytes.ReplaceAll(in.Payload, []byte("\r"), []byte("\n")))
	case 3:
		var size struct{ Cols, Rows int }
		_ = json.Unmarshal(in.Payload, &size)
	case 10:
		if binary.BigEndian.Uint32(in.Payload) == 2 { // the client ends the session
			_ = syscall.Kill(-pid, syscall.SIGTERM)
		}
	}
}
