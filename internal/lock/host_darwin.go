package lock

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ThisHost asks sysctl. There are no process namespaces on macOS.
func ThisHost() Host {
	h := Host{PID: os.Getpid(), PIDNamespace: "host", Started: started}
	h.Hostname, _ = os.Hostname()
	h.BootID, _ = unix.Sysctl("kern.bootsessionuuid")
	h.ProcessStart, _ = started(h.PID)
	return h
}

func started(pid int) (string, bool) {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return "", false
	}
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", true
	}
	at := info.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", at.Sec, at.Usec), true
}
