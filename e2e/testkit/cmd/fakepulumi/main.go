// Command fakepulumi runs a command beside a Pulumi Cloud on this machine: fakepulumi TOKEN COMMAND ARGS...
//
// In: the token that the cloud accepts, and a command. Out: the command's exit code. The command finds the cloud's
// address in PULUMI_CLOUD. It must not be used for anything but tests.
package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"

	"github.com/company/deployer/internal/testkit/fakepulumi"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: fakepulumi TOKEN COMMAND ARGS...")
		os.Exit(2)
	}
	server := httptest.NewServer(fakepulumi.New(os.Args[1]))
	command := exec.Command(os.Args[2], os.Args[3:]...)
	command.Env = append(os.Environ(), "PULUMI_CLOUD="+server.URL)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := command.Run()
	server.Close()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
