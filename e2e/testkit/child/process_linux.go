package child

import "syscall"

// attributes puts the server into a process group of its own, so that Ctrl-C on a terminal reaches only the processes
// that the test interrupts. It makes the kernel end the server when this process dies, even by SIGKILL. The death
// signal survives the exec chain of pyenv's shims.
func attributes(detach bool) *syscall.SysProcAttr {
	if detach {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
