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
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit/terminal"
)

// terminalCommand runs the binary on a pseudo-terminal: terminal CODE COLUMNSxROWS [TYPED] deployer ARGS... What the
// terminal got is in the file "screen". TYPED is typed when the binary asks for something (a line that ends in ": ");
// it may hold several answers, separated by |. An answer =COLUMNSxROWS gives the terminal another size, and ^C and ^D
// are those keys.
func terminalCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "terminal")
	if len(args) < 3 {
		ts.Fatalf("usage: terminal CODE COLUMNSxROWS [TYPED] deployer ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var columns, rows int
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
func onTerminal(ts *testscript.TestScript, cmd *exec.Cmd, columns, rows int, typed []string) ([]byte, int) {
	control, tty, err := terminal.Open(columns, rows)
	ts.Check(err)
	defer control.Close()
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = terminal.InSession()
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
			ts.Check(answer(control, typed[0]))
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

// answer types an answer, or does what it stands for.
func answer(control *os.File, text string) error {
	var columns, rows int
	if n, _ := fmt.Sscanf(text, "=%dx%d", &columns, &rows); n == 2 {
		return terminal.Resize(control, columns, rows)
	}
	keys := map[string]string{"^C": "\x03", "^D": "\x04"}[text]
	if keys == "" {
		keys = text + "\n"
	}
	_, err := control.WriteString(keys)
	return err
}

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
