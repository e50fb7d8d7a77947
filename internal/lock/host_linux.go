package lock

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ThisHost reads the facts of this process from /proc.
func ThisHost() Host {
	h := Host{PID: os.Getpid(), Started: started, SinceBoot: sinceBoot}
	h.Hostname, _ = os.Hostname()
	if id, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		h.BootID = strings.TrimSpace(string(id))
	}
	h.PIDNamespace, _ = os.Readlink("/proc/self/ns/pid")
	h.ProcessStart, _ = started(h.PID)
	return h
}

// sinceBoot includes the time that the machine was suspended; the monotonic time of time.Now does not.
func sinceBoot() time.Duration {
	var at unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &at) // there since Linux 2.6.39
	return time.Duration(at.Nano())
}

// started asks the kernel before /proc, because /proc may hide the processes of other users.
func started(pid int) (string, bool) {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return "", false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", true
	}
	return startTime(stat)
}

// startTime finds the start (field 22, in clock ticks since boot) in /proc/<pid>/stat. The command's name before it may
// hold spaces and parentheses. A zombie counts as not running.
func startTime(stat []byte) (string, bool) {
	_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	fields := bytes.Fields(rest) // from field 3, the process' state
	if len(fields) < 20 {
		return "", true
	}
	if state := fields[0][0]; state == 'Z' || state == 'X' {
		return "", false
	}
	return string(fields[19]), true
}
