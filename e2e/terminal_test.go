//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/rogpeppe/go-internal/testscript"
)

// terminalCommand runs the binary on a pseudo-terminal: terminal CODE COLUMNSxROWS [TYPED] deployer ARGS... What the
// terminal got is in the file "screen". TYPED is typed when the binary asks for something (a line that ends in ": ");
// it may hold several answers, separated by |.
func terminalCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "terminal")
	if len(args) < 3 {
		ts.Fatalf("usage: terminal CODE COLUMNSxROWS [TYPED] deployer ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var columns, rows uint16
	if _, err := fmt.Sscanf(args[1], "%dx%d", &columns, &rows); err != nil {
		ts.Fatalf("%q is not COLUMNSxROWS", args[1])
	}
	args = args[2:]
	var typed []string
	if args[0] != "deployer" {
		typed, args = strings.Split(args[0], "|"), args[1:]
	}
	cmd := exec.Command(binary, args[1:]...)
	cmd.Env = append(scriptEnvironment(ts), "TERM="+term(ts.Getenv("TERM")))
	screen, got := onTerminal(ts, cmd, columns, rows, typed)
	ts.Check(os.WriteFile(ts.MkAbs("screen"), screen, 0o644))
	if got != want {
		ts.Logf("%s", screen)
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// onTerminal runs a command of a script on a pseudo-terminal, and returns what the terminal got and the exit code.
func onTerminal(ts *testscript.TestScript, cmd *exec.Cmd, columns, rows uint16, typed []string) ([]byte, int) {
	control, tty, err := openTerminal(columns, rows)
	ts.Check(err)
	defer control.Close()
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	ts.Check(tty.Close())
	watchdog := time.AfterFunc(90*time.Second, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()

	var screen bytes.Buffer
	chunk := make([]byte, 4096)
	asked := 0
	for {
		n, err := control.Read(chunk)
		screen.Write(chunk[:n])
		// The terminal echoes what is typed, which must not look like the next question.
		if rest := screen.Bytes()[asked:]; len(typed) > 0 && bytes.HasSuffix(rest, []byte(": ")) {
			asked = screen.Len()
			if _, err := control.WriteString(typed[0] + "\n"); err != nil {
				ts.Fatalf("type: %v", err)
			}
			typed = typed[1:]
		}
		if err != nil {
			break // EIO: nobody has the terminal open any more
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return screen.Bytes(), exit.ExitCode()
	}
	ts.Check(err)
	return screen.Bytes(), 0
}

// openTerminal makes a pseudo-terminal of that size.
func openTerminal(columns, rows uint16) (control, tty *os.File, err error) {
	if control, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	var number, unlock uint32
	size := struct{ rows, columns, x, y uint16 }{rows, columns, 0, 0}
	for _, call := range []struct {
		request uintptr
		arg     unsafe.Pointer
	}{
		{syscall.TIOCGPTN, unsafe.Pointer(&number)},
		{syscall.TIOCSPTLCK, unsafe.Pointer(&unlock)},
		{syscall.TIOCSWINSZ, unsafe.Pointer(&size)},
	} {
		raw, err := control.SyscallConn()
		if err != nil {
			return nil, nil, err
		}
		var errno syscall.Errno
		if err := raw.Control(func(fd uintptr) {
			_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, call.request, uintptr(call.arg))
		}); err != nil || errno != 0 {
			return nil, nil, errors.Join(err, errno)
		}
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	return control, tty, err
}

// inSession makes a process the leader of a session whose terminal is its stdin.
func inSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true, Setctty: true} }

// term is the TERM of a terminal: what a script says, "-" for none.
func term(said string) string {
	switch said {
	case "":
		return "xterm-256color"
	case "-":
		return ""
	}
	return said
}
