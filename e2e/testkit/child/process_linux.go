package child

import "syscall"

// attributes puts the server into a process group of its own, so that Ctrl-C
// on a terminal reaches only what the test means to interrupt, and makes the
// kernel end it when this process dies, even by SIGKILL. The death signal
// survives the exec chain of pyenv's shims.
func attributes(detach bool) *syscall.SysProcAttr {
	if detach {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
