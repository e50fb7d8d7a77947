package lock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ThisHost asks sysctl. There are no process namespaces on macOS.
func ThisHost() Host {
	h := Host{PID: os.Getpid(), PIDNamespace: "host", Started: started, SinceBoot: sinceBoot}
	h.Hostname, _ = os.Hostname()
	h.BootID, _ = unix.Sysctl("kern.bootsessionuuid")
	h.ProcessStart, _ = started(h.PID)
	return h
}

// sinceBoot continues while the Mac sleeps, as clock_gettime(3) says of this clock; that of time.Now does not.
func sinceBoot() time.Duration {
	var at unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &at) // an id that is valid
	return time.Duration(at.Nano())
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
