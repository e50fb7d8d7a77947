package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit"
)

// scriptEnvironment is what the binary gets of a script's environment where testscript does not start it.
func scriptEnvironment(ts *testscript.TestScript) []string {
	var out []string
	for _, key := range []string{
		"PATH", "HOME", "NO_COLOR", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", testkit.ResolveVariable,
		"AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	} {
		if v := ts.Getenv(key); v != "" {
			out = append(out, key+"="+v)
		}
	}
	return out
}

// interruptCommand runs the binary, sends it signals while a call is held (see proxy hold), lets the call go on, and
// checks the exit code: interrupt CODE SIGNAL[,SIGNAL] deployer ARGS... Several signals are sent a bit more than a
// second apart, for those of one second count as one. With the last of several the call is not let go. A process
// that KILL ended has the exit code -1. What the binary says is in the files "out" and "err".
func interruptCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "interrupt")
	if len(args) < 3 || args[2] != "deployer" {
		ts.Fatalf("usage: interrupt CODE SIGNAL[,SIGNAL] deployer ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	w := worldOf(ts)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(binary, args[3:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), scriptEnvironment(ts), &stdout, &stderr
	ts.Check(cmd.Start())
	watchdog := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	w.await(ts)
	signals := strings.Split(args[1], ",")
	for i, name := range signals {
		if i > 0 {
			time.Sleep(1100 * time.Millisecond) // the contract is in seconds
		}
		ts.Check(cmd.Process.Signal(map[string]syscall.Signal{
			"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL,
		}[name]))
	}
	if len(signals) == 1 {
		w.letGo()
	}
	err = cmd.Wait()
	w.letGo()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), stdout.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("err"), stderr.Bytes(), 0o644))
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, stdout.String(), stderr.String())
	}
}
