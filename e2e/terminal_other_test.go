//go:build !linux

package e2e

import "github.com/rogpeppe/go-internal/testscript"

// terminalCommand needs the pseudo-terminals of Linux. Scripts ask for [linux] first.
func terminalCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("terminal needs Linux: guard the script with [!linux] skip")
}
