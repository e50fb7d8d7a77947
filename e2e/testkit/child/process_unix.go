//go:build unix && !linux

package child

import "syscall"

// attributes puts the server into a process group of its own. There is no parent-death signal here: the server ends
// with Stop or with the context of Start.
func attributes(detach bool) *syscall.SysProcAttr {
	if detach {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true}
}
