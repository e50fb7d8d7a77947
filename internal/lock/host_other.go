//go:build !linux && !darwin

package lock

import "os"

// ThisHost knows only names here, so the lock of a dead holder is taken over only by its age.
func ThisHost() Host {
	h := Host{PID: os.Getpid()}
	h.Hostname, _ = os.Hostname()
	return h
}
