//go:build !linux

package e2e

import (
	"os/exec"

	"github.com/rogpeppe/go-internal/testscript"
)

// terminalCommand needs the pseudo-terminals of Linux. Scripts ask for [linux] first.
func terminalCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("terminal needs Linux: guard the script with [!linux] skip")
}

func onTerminal(ts *testscript.TestScript, _ *exec.Cmd, _, _ int, _ []string) ([]byte, int) {
	ts.Fatalf("terminals are made as on Linux")
	return nil, 0
}
